import type { StackProps } from 'aws-cdk-lib';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { ClickHouseClusterProps } from '../../lib';
import type { LiveManifest } from '../../lib/config/manifest';
import { ClickHouseCluster } from '../../lib';

/** A resource as the template has it. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly Metadata?: Record<string, unknown>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly CreationPolicy?: Record<string, unknown>;
  readonly UpdatePolicy?: Record<string, unknown>;
}

/** A stack with an isolated VPC. */
export function privateStack(props?: StackProps): { stack: Stack; vpc: ec2.Vpc } {
  const stack = new Stack(new App(), 'Test', props);
  const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
  return { stack, vpc };
}

/** A cluster and whatever is added to it. */
export function clusterStack(props: Partial<ClickHouseClusterProps> = {}, stackProps?: StackProps): { stack: Stack; cluster: ClickHouseCluster; template: () => Template } {
  const { stack, vpc } = privateStack(stackProps);
  const cluster = new ClickHouseCluster(stack, 'Analytics', { vpc, ...props });
  return { stack, cluster, template: () => Template.fromStack(stack) };
}

/** A cluster of one node. */
export function singleNode(props: Partial<ClickHouseClusterProps> = {}, stackProps?: StackProps): ReturnType<typeof clusterStack> {
  return clusterStack({ replicas: 1, ...props }, stackProps);
}

/** The resources of a type, by logical id. */
export function resources(template: Template, type?: string): Record<string, Resource> {
  const all = (template.toJSON() as { Resources: Record<string, Resource> }).Resources;
  return Object.fromEntries(Object.entries(all).filter(([, resource]) => type === undefined || resource.Type === type));
}

/** The live manifest as CloudFormation completes it, with `<LogicalId>` for a reference. */
export function liveOf(template: Template): LiveManifest {
  const { Live } = one(template, 'Custom::ClickHouseArtefacts').Properties;
  if (typeof Live === 'string') return JSON.parse(Live) as LiveManifest;
  const parts = (Live as { 'Fn::Join': [string, (string | { Ref: string })[]] })['Fn::Join'][1];
  return JSON.parse(parts.map((part) => (typeof part === 'string' ? part : `<${part.Ref}>`)).join('')) as LiveManifest;
}

/** The one resource of a type. */
export function one(template: Template, type: string): Resource {
  return only(resources(template, type))[1];
}

/** The key that everything is encrypted with, and not the one that signs certificates. */
export function clusterKey(template: Template): [string, Resource] {
  return only(Object.fromEntries(Object.entries(resources(template, 'AWS::KMS::Key')).filter(([, { Properties }]) => Properties.KeyUsage === undefined)));
}

function only(found: Record<string, Resource>): [string, Resource] {
  const [first, ...others] = Object.entries(found);
  expect([first?.[1].Type, others]).toEqual([expect.any(String), []]);
  return first;
}

/** Everything CloudFormation makes before one of these resources, itself included: what it depends on or refers to, and so on. */
export function madeBefore(template: Template, ids: readonly string[]): Set<string> {
  const all = resources(template);
  const found = new Set<string>();
  const visit = (id: string): void => {
    const resource = all[id];
    if (!resource || found.has(id)) return;
    found.add(id);
    const references = [...JSON.stringify(resource.Properties ?? {}).matchAll(/"(?:Ref|Fn::GetAtt)":(?:"([^"]+)"|\["([^"]+)")/g)];
    [...(resource.DependsOn ?? []), ...references.map(([, ref, attribute]) => ref ?? attribute ?? '')].forEach(visit);
  };
  ids.forEach(visit);
  return found;
}

/** Intrinsic functions written as a person reads them: a reference becomes <Id>. */
export function inWords(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(inWords).join(' + ');
  const [[intrinsic, argument] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Fn::Join') return (argument as [string, unknown[]])[1].map(inWords).join('');
  const name = intrinsic === 'Ref' ? String(argument) : (argument as string[])[0];
  return `<${(name ?? '').replace(/^AWS::/, '').replace(/[0-9A-F]{8}$/, '')}>`;
}
