import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import type { Located } from '../templates';
import { inside, scalar } from '../values';
import { hostProperty } from '../workloads';

export const instanceMetadataV1: Rule = {
  id: 'ClickHouse-InstanceMetadataV1',
  severity: 'error',
  info: 'a ClickHouse host answers version 1 of the instance metadata service',
  explanation: 'Version 1 hands the credentials of the instance role to any plain GET request, which the url() and s3() functions of ClickHouse can make. Version 2 wants a token first.',
  fix: "set MetadataOptions.HttpTokens to 'required' on the instance or its launch template (requireImdsv2: true in CDK)",
  link: 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html',
  *check({ workloads }: Deployment): Iterable<Finding> {
    for (const host of workloads.hosts) {
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
      const problem = options.length === 0 ? 'it has no MetadataOptions' : options.map(problemOf).find((each) => each !== undefined);
      if (problem !== undefined) {
        const data = host.type === 'AWS::EC2::LaunchTemplate' ? 'Properties.LaunchTemplateData' : 'Properties';
        yield finding(host, `${host.logicalId} gives out the credentials of its role without a token: ${problem}`, { location: `${data}.MetadataOptions` });
      }
    }
  },
};

function problemOf(options: Located): string | undefined {
  const endpoints = inside(options, 'HttpEndpoint').map(scalar);
  if (endpoints.length > 0 && endpoints.every((each) => each.known && each.value === 'disabled')) return undefined;
  const tokens = inside(options, 'HttpTokens').map(scalar);
  if (tokens.length === 0) return 'HttpTokens is not set';
  for (const each of tokens) {
    if (!each.known) return `HttpTokens cannot be told at synthesis, ${each.reason}`;
    if (each.value !== 'required') return `HttpTokens is '${each.value}'`;
  }
  return undefined;
}
