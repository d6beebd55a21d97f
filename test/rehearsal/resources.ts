import type { Resource, StackTemplate } from './assembly';
import type { NodeSpec } from './world';

const METADATA = 'cdk-secure-clickhouse';
export const GROUP = 'AWS::AutoScaling::AutoScalingGroup';
export const LAUNCH_TEMPLATE = 'AWS::EC2::LaunchTemplate';
export const VOLUME = 'AWS::EC2::Volume';

// what the executor knows about single types of resources.

/**
 * `RetainExceptOnCreate` deletes in the operation that created the resource, `Retain` keeps even then
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html).
 */
export function exceptOnCreate({ DeletionPolicy }: Resource): string | undefined {
  return DeletionPolicy === 'RetainExceptOnCreate' ? undefined : DeletionPolicy;
}

/** The properties whose change means another physical resource, of the types that hold a node's identity ("Update requires: Replacement" in the resource reference). */
const REPLACING: Readonly<Record<string, readonly string[]>> = {
  [VOLUME]: ['AvailabilityZone', 'Encrypted', 'KmsKeyId', 'SnapshotId'],
  [GROUP]: ['AutoScalingGroupName', 'InstanceId'],
  [LAUNCH_TEMPLATE]: ['LaunchTemplateName'],
  'AWS::EC2::NetworkInterface': ['SubnetId', 'PrivateIpAddress', 'InterfaceType'],
  'AWS::Route53::RecordSet': ['Name', 'HostedZoneId', 'HostedZoneName'],
  'AWS::IAM::Role': ['RoleName', 'Path'],
  'AWS::SSM::Parameter': ['Name'],
};

/** Whether a change makes another physical resource: from a definition and its properties to others. */
export function replaces(before: Resource, old: Readonly<Record<string, unknown>>, after: Resource, properties: Readonly<Record<string, unknown>>): boolean {
  if (before.Type !== after.Type) return true;
  if ((REPLACING[after.Type] ?? []).some((each) => JSON.stringify(old[each]) !== JSON.stringify(properties[each]))) return true;
  return String(after.UpdatePolicy?.AutoScalingReplacingUpdate?.WillReplace) === 'true' && launchOf(old) !== launchOf(properties);
}

/** What a change of starts a rolling update (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html). */
export function launchOf(properties: Readonly<Record<string, unknown>>): string {
  const { LaunchTemplate, LaunchConfigurationName, MixedInstancesPolicy, VPCZoneIdentifier } = properties;
  return JSON.stringify([LaunchTemplate, LaunchConfigurationName, MixedInstancesPolicy, VPCZoneIdentifier]);
}

/**
 * How many seconds Auto Scaling waits at most before it terminates an instance
 * (https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html: without a timeout, an hour).
 */
export function drainOf({ LifecycleHookSpecificationList: hooks = [] }: Readonly<Record<string, unknown>>): number {
  const terminating = (hooks as readonly { LifecycleTransition: string; HeartbeatTimeout?: number | string }[]).filter(({ LifecycleTransition }) => LifecycleTransition === 'autoscaling:EC2_INSTANCE_TERMINATING');
  return Math.max(0, ...terminating.map(({ HeartbeatTimeout = 3600 }) => Number(HeartbeatTimeout)));
}

/** Whether a handler of ours does it. */
export function isCustom({ Type }: Resource): boolean {
  return Type.startsWith('Custom::') || Type === 'AWS::CloudFormation::CustomResource';
}

/** Whose resource it is. */
export function markerOf({ Metadata }: Resource, top: string): { cluster: string; name: string } | undefined {
  const marker = Metadata?.[METADATA] as { name?: string; cluster?: string } | undefined;
  return marker?.name === undefined ? undefined : { cluster: marker.cluster ?? top, name: marker.name };
}

/** Who a group's instance is: role, name and, for a server, shard. Without a `cluster`, everything of a top-level stack is one. */
export function nodeOf(definition: Resource, top: string): NodeSpec | undefined {
  const marker = Object(definition.Metadata?.[METADATA]) as { role?: unknown; shard?: string | number };
  const named = markerOf(definition, top);
  if (named === undefined || (marker.role !== 'server' && marker.role !== 'keeper')) return undefined;
  if (marker.role === 'keeper') return { ...named, role: 'keeper' };
  return { ...named, role: 'server', shard: String(marker.shard ?? /^server-(\d+)-\d+$/.exec(named.name)?.[1] ?? '1') };
}

/** The Keepers of each cluster of a stack: what every node's configuration lists. */
export function ensemblesOf(stack: StackTemplate, top: string): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const visit = ({ template, nested }: StackTemplate): void => {
    for (const resource of Object.values(template.Resources)) {
      const node = resource.Type === GROUP ? nodeOf(resource, top) : undefined;
      if (node === undefined) continue;
      const keepers = found.get(node.cluster) ?? [];
      found.set(node.cluster, node.role === 'keeper' ? [...keepers, node.name].sort() : keepers);
    }
    Object.values(nested).forEach(visit);
  };
  visit(stack);
  return found;
}

/** Seconds of an ISO 8601 duration as CloudFormation takes it. */
export function duration(text: string): number {
  const match = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(text);
  if (match === null) throw new Error(`a duration must look like PT1H30M, got ${JSON.stringify(text)}`);
  const [, hours = 0, minutes = 0, seconds = 0] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
