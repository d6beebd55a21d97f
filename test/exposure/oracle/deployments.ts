// templates as the laws change them.
import type { Change } from '../../../lib/exposure/assessment';

export type Values = Record<string, unknown>;

export interface ResourceBody {
  Type: string;
  Properties: Values;
}

/** Templates by file name. */
export type Deployment = Record<string, { Resources: Record<string, ResourceBody>; Parameters?: Values } & Values>;

export interface Place {
  readonly file: string;
  readonly id: string;
  readonly type: string;
  readonly properties: Values;
}

export function copyOf(deployment: Deployment): Deployment {
  return JSON.parse(JSON.stringify(deployment)) as Deployment;
}

/** The resources whose shape is as it should be. */
export function resourcesOf(deployment: Deployment, ...types: readonly string[]): Place[] {
  return Object.entries(deployment).flatMap(([file, body]) =>
    Object.entries(body.Resources ?? {}).flatMap(([id, resource]) => {
      const { Type: type, Properties: properties = {} } = resource;
      return types.includes(type) && isValues(properties) ? [{ file, id, type, properties }] : [];
    }),
  );
}

export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list that is written out, with something in it. */
export function listIn(properties: Values, name: string): unknown[] | undefined {
  const value = properties[name];
  return Array.isArray(value) && value.length > 0 ? (value as unknown[]) : undefined;
}

/** The logical id that a value refers to. */
export function idOf(value: unknown): string | undefined {
  if (!isValues(value)) return undefined;
  if (typeof value.Ref === 'string') return value.Ref;
  const attribute = value['Fn::GetAtt'];
  const [id] = Array.isArray(attribute) ? (attribute as unknown[]) : String(attribute).split('.');
  return typeof id === 'string' && id !== 'undefined' ? id : undefined;
}

/** Every value in a resource by its dotted path, with what holds it. */
export function paths(node: unknown, prefix = ''): { path: string; holder: Values; key: string; value: unknown }[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]: [string, unknown]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    return [{ path, holder: node as Values, key, value }, ...paths(value, path)];
  });
}

/** The deployment with changes made, as a reader of the report would make them. */
export function changed(deployment: Deployment, changes: readonly Change[]): Deployment {
  const copy = copyOf(deployment);
  // of several items of one list the last one first, so that the others stay where they are.
  const ordered = [...changes].sort((a, b) => (b.location ?? '').localeCompare(a.location ?? '', 'en', { numeric: true }));
  for (const { template, logicalId, location, to } of ordered) {
    const resources = copy[template]?.Resources;
    const resource: unknown = resources?.[logicalId];
    if (resources === undefined || !isValues(resource)) throw new Error(`there is no ${logicalId} in ${template}`);
    if (location === undefined) {
       
      delete resources[logicalId];
      continue;
    }
    const keys = location.split('.');
    const last = keys.pop() ?? '';
    let holder: unknown = resource;
    for (const key of keys) {
      if (!isValues(holder) && !Array.isArray(holder)) throw new Error(`there is no ${location} in ${logicalId}`);
      const held = holder as Values;
      // a property that is left out is written.
      holder = held[key] ??= {};
    }
    if (Array.isArray(holder) && to === undefined) holder.splice(Number(last), 1);
    else if (to === undefined && isValues(holder)) {
      if (!(last in holder)) throw new Error(`there is no ${location} in ${logicalId}`);
       
      delete holder[last];
    } else (holder as Values)[last] = to;
  }
  return copy;
}

/** The same in another order. The order is random, but the same for the same number. */
export function shuffled<T>(list: readonly T[], seed: number): T[] {
  let state = seed * 2_654_435_761 + 1;
  const rank = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state;
  };
  return list.map((each) => ({ each, rank: rank() })).sort((a, b) => a.rank - b.rank).map(({ each }) => each);
}

/** Lists whose order means nothing to AWS. */
const SETS = ['SecurityGroupIngress', 'SecurityGroupEgress', 'SecurityGroupIds', 'SecurityGroups', 'GroupSet', 'Groups', 'Subnets', 'SubnetIds', 'Entries', 'Targets', 'Listeners', 'Instances', 'TargetGroups', 'TargetGroupAttributes', 'TargetGroupARNs', 'VPCZoneIdentifier', 'LoadBalancers', 'Conditions', 'ContainerDefinitions'];

/** With the resources of each template in another order. */
export function reordered(deployment: Deployment, seed: number): Deployment {
  const copy = copyOf(deployment);
  for (const body of Object.values(copy)) body.Resources = Object.fromEntries(shuffled(Object.entries(body.Resources ?? {}), seed));
  return copy;
}

/** With the items of lists in another order, where that means nothing. */
export function relisted(deployment: Deployment, seed: number): Deployment {
  const copy = copyOf(deployment);
  for (const body of Object.values(copy)) {
    for (const { holder, key, value } of paths(body.Resources)) if (SETS.includes(key) && Array.isArray(value)) holder[key] = shuffled(value as unknown[], seed);
  }
  return copy;
}
