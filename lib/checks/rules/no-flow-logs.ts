import { placements } from '../placements';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import type { Resource, TemplateSet } from '../../exposure/templates/templates';
import { append } from '../../exposure/templates/templates';
import { identity, property, referenceOf, resourceIdentity, scalar } from '../../exposure/templates/values';
import type { Workloads } from '../../exposure/workloads/workloads';
import { LOAD_BALANCER_TYPES } from '../../exposure/workloads/load-balancers';

/** A VPC that is only imported is not judged: its flow logs are as little in the templates as itself. */
export const noFlowLogs: Rule = {
  id: 'ClickHouse-NoFlowLogs',
  severity: 'warning',
  info: 'the VPC of a ClickHouse has no flow log',
  explanation: 'After a breach the first question is who connected and how much left. Without flow logs nobody can answer it, and nothing notices a scan before.',
  fix: 'add an AWS::EC2::FlowLog for the VPC with TrafficType ALL (flowLogs in CDK)',
  link: 'https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html',
  *check({ templates, workloads }: Deployment): Iterable<Finding> {
    const logs = readFlowLogs(templates);
    for (const [vpc, { tenant, seats }] of networksOf(templates, workloads)) {
      if (logs.complete.has(resourceIdentity(vpc))) continue;
      if (seats.length > 0 && seats.every((places) => places.some((each) => logs.complete.has(each)))) continue;
      const where = `VPC ${vpc.logicalId}, where ClickHouse (${tenant.logicalId}) runs,`;
      const partial = [resourceIdentity(vpc), ...seats.flat()].flatMap((each) => logs.partial.get(each) ?? []);
      if (partial[0] !== undefined) yield finding(vpc, `${where} has no flow log of what was accepted: ${partial[0].logicalId} records what was rejected only`);
      else if (logs.doubtful !== undefined) yield finding(vpc, `whether ${where} has a flow log cannot be told at synthesis: ${logs.doubtful}`);
      else yield finding(vpc, `${where} has no flow log`);
    }
  },
};

interface FlowLogs {
  /** the identities of what is recorded. */
  readonly complete: ReadonlySet<string>;
  readonly partial: ReadonlyMap<string, readonly Resource[]>;
  /** why there may be others. */
  readonly doubtful?: string;
}

function readFlowLogs(templates: TemplateSet): FlowLogs {
  const complete = new Set<string>();
  const partial = new Map<string, Resource[]>();
  const doubts: string[] = [];
  for (const log of templates.ofType('AWS::EC2::FlowLog')) {
    const rejected = property(log, 'TrafficType').map(scalar).some((each) => each.known && String(each.value).toUpperCase() === 'REJECT');
    for (const target of property(log, 'ResourceId')) {
      const literal = scalar(target);
      const doubt = log.doubt ?? target.doubt;
      if (doubt !== undefined) doubts.push(`what ${log.logicalId} records is not known, ${doubt}`);
      else if (referenceOf(target) === undefined && !literal.known) doubts.push(`what ${log.logicalId} records is not known, ${literal.reason}`);
      else if (rejected) append(partial, identity(target), log);
      else complete.add(identity(target));
    }
  }
  return { complete, partial, doubtful: doubts[0] };
}

interface Tenancy {
  /** a ClickHouse that is there. */
  readonly tenant: Resource;
  /** by each place that ClickHouse has there: what a flow log may name to record it. */
  readonly seats: ReadonlyArray<readonly string[]>;
}

/** The VPCs that ClickHouse is in, by its subnets; by its security groups where no subnet of the templates tells. */
function networksOf(templates: TemplateSet, workloads: Workloads): ReadonlyMap<Resource, Tenancy> {
  const found = new Map<Resource, { tenant: Resource; seats: string[][] }>();
  for (const { resource, subnets } of placements(workloads)) {
    for (const { value } of subnets) {
      const vpc = networkOf(referenceOf(value)?.resource);
      if (vpc === undefined) continue;
      const tenancy = found.get(vpc) ?? { tenant: resource, seats: [] };
      tenancy.seats.push([identity(value), resourceIdentity(resource)]);
      found.set(vpc, tenancy);
    }
  }
  for (const group of templates.ofType('AWS::EC2::SecurityGroup')) {
    const owner = workloads.securityGroups.get(resourceIdentity(group))?.map((use) => use.owner).find((each) => !LOAD_BALANCER_TYPES.includes(each.type));
    const vpc = networkOf(group);
    if (owner !== undefined && vpc !== undefined && !found.has(vpc)) found.set(vpc, { tenant: owner, seats: [] });
  }
  return found;
}

/** The VPC of a subnet or a security group, if it is in the templates. */
function networkOf(part: Resource | undefined): Resource | undefined {
  const vpcs = part === undefined ? [] : property(part, 'VpcId').flatMap((each) => referenceOf(each)?.resource ?? []);
  return vpcs.find((each) => each.type === 'AWS::EC2::VPC');
}
