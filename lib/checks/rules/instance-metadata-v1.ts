import { METADATA_CLICKHOUSE } from '../../metadata';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import type { Located, Resource } from '../../exposure/templates/templates';
import { isDictionary } from '../../exposure/templates/templates';
import { inside, mayBeAbsent, scalar } from '../../exposure/templates/values';
import { hostProperty } from '../../exposure/workloads/workloads';

export const instanceMetadataV1: Rule = {
  id: 'ClickHouse-InstanceMetadataV1',
  severity: 'error',
  info: 'a ClickHouse host answers version 1 of the instance metadata service',
  explanation: 'Version 1 hands the credentials of the instance role to any plain GET request, which the url() and s3() functions of ClickHouse can make. Version 2 wants a token first.',
  fix: "set MetadataOptions.HttpTokens to 'required' on the instance or its launch template (requireImdsv2: true in CDK)",
  link: 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html',
  *check({ workloads }: Deployment): Iterable<Finding> {
    for (const host of workloads.hosts) {
      yield* hopsOfOurs(host);
      const options = hostProperty(host, 'MetadataOptions');
      const templates = host.type === 'AWS::EC2::Instance' ? workloads.launchTemplatesOf(host) : [];
      if (options.length === 0 && templates.length > 0) {
        // the launch template decides, and is judged as a host itself where it is ours to read.
        if (templates.includes(undefined)) yield finding(host, `whether ${host.logicalId} demands a token for its metadata cannot be told at synthesis: its launch template is not in the templates`);
        continue;
      }
      // a launch template decides nothing where every instance that starts from it says it itself.
      const users = workloads.startedFrom(host);
      if (users.length > 0 && users.every((each) => each.type === 'AWS::EC2::Instance' && hostProperty(each, 'MetadataOptions').length > 0)) continue;
      const absent = options.length === 0 || (templates.length === 0 && hostProperty(host).some((data) => mayBeAbsent(data, 'MetadataOptions')));
      const problem = absent ? 'it has no MetadataOptions' : options.map(problemOf).find((each) => each !== undefined);
      if (problem !== undefined) {
        yield finding(host, `${host.logicalId} gives out the credentials of its role without a token: ${problem}`, { location: locationOf(host) });
      }
    }
  },
};

function problemOf(options: Located): string | undefined {
  if (isDisabled(options)) return undefined;
  const tokens = inside(options, 'HttpTokens').map(scalar);
  if (mayBeAbsent(options, 'HttpTokens')) return 'HttpTokens is not set';
  for (const each of tokens) {
    if (!each.known) return `HttpTokens cannot be told at synthesis, ${each.reason}`;
    if (each.value !== 'required') return `HttpTokens is '${each.value}'`;
  }
  return undefined;
}

function isDisabled(options: Located): boolean {
  const endpoints = inside(options, 'HttpEndpoint').map(scalar);
  return endpoints.length > 0 && endpoints.every((each) => each.known && each.value === 'disabled');
}

function locationOf(host: Resource): string {
  return `${host.type === 'AWS::EC2::LaunchTemplate' ? 'Properties.LaunchTemplateData' : 'Properties'}.MetadataOptions`;
}

/**
 * Our own nodes answer metadata requests of themselves only. Others may run containers that need a second hop, so they are not asked.
 *
 * Not written is not one hop: images that demand tokens, as Amazon Linux 2023 does, make it two.
 *
 * @see https://docs.aws.amazon.com/linux/al2023/ug/imdsv2.html
 */
function* hopsOfOurs(host: Resource): Iterable<Finding> {
  const mark = host.metadata[METADATA_CLICKHOUSE];
  if (!isDictionary(mark) || (mark.role !== 'server' && mark.role !== 'keeper')) return;
  for (const options of hostProperty(host, 'MetadataOptions')) {
    if (isDisabled(options)) continue;
    const limits = inside(options, 'HttpPutResponseHopLimit').map(scalar);
    const wrong = limits.find((each) => !each.known || Number(each.value) !== 1);
    if (wrong === undefined && !mayBeAbsent(options, 'HttpPutResponseHopLimit')) continue;
    const written = wrong && (wrong.known ? `is ${wrong.value}` : `cannot be told at synthesis, ${wrong.reason}`);
    const value = written ?? 'is not set, and the image may make it 2';
    yield finding(host, `${host.logicalId} lets containers and forwarded requests ask for the credentials of its role: HttpPutResponseHopLimit ${value}`, {
      location: locationOf(host),
      fix: 'set MetadataOptions.HttpPutResponseHopLimit to 1',
    });
  }
}
