import { AddressSet } from '../addresses/address-set';
import type { Change, Hop } from '../assessment';
import type { Graph, Target } from '../graph';
import type { Interface } from '../network/interfaces';
import type { Sender } from '../network/sender';
import type { Gate, Place } from '../paths/ways';
import { gate } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import type { Workloads } from '../workloads/workloads';

/** What a layer of the analysis may look at. */
export interface Scene {
  readonly templates: TemplateSet;
  readonly workloads: Workloads;
  readonly graph: Graph;
  /** the load balancers by identity; those that are not among the templates are not there. */
  readonly balancers: Map<string, Balancer>;
  /** by load balancer: what comes in by PrivateLink. */
  readonly services: Map<string, Service[]>;
}

/** What comes to a network load balancer by PrivateLink: another account, or an API of this one. */
export interface Service {
  readonly from: Place;
  /** the port it asks for; undefined where it may be any. */
  readonly port?: number;
}

/** A load balancer that others lead to: to one of its listeners. */
export interface Balancer {
  readonly target: Target;
  readonly sender: Sender;
  /** it in each of its subnets: who comes in there goes on from there. */
  readonly nodes: ReadonlyArray<{ readonly target: Target; readonly sender: Sender }>;
  readonly kind: 'network' | 'application' | 'classic';
  /** ports of its listeners by the identity of the listener. */
  readonly listeners: ReadonlyMap<string, number | undefined>;
}

/** Who sends from interfaces. */
export function senderFrom(name: string, interfaces: readonly Interface[], preserves: boolean): Sender {
  const subnets = interfaces.flatMap((card) => card.subnets.map(({ subnet }) => subnet));
  return { name, preserves, subnets, addresses: rangesOf(subnets.map(({ range }) => range)), addresses6: rangesOf(subnets.map(({ range6 }) => range6)), vpc: subnets[0]?.vpc, groups: interfaces.flatMap(({ groups = [] }) => groups) };
}

/** Somebody that is not among the templates. */
export function strangerAt(name: string, missing: string): Sender {
  return { name, missing, preserves: false, subnets: [], groups: [] };
}

function rangesOf(ranges: ReadonlyArray<AddressSet | undefined>): AddressSet | undefined {
  if (ranges.length === 0 || ranges.includes(undefined)) return undefined;
  return ranges.reduce<AddressSet>((all, range) => all.union(range ?? AddressSet.NONE), AddressSet.NONE);
}

/** A hop at a resource. */
export function at(resource: Resource, kind: string, detail: string, more: Pick<Hop, 'location' | 'missing'> = {}): Hop {
  return { kind, template: resource.template.path, logicalId: resource.logicalId, detail, missing: resource.doubt, ...without(more) };
}

function without(more: Pick<Hop, 'location' | 'missing'>): Pick<Hop, 'location' | 'missing'> {
  return more.missing === undefined ? { location: more.location } : more;
}

/** A gate of one statement that lets everybody through, or those it names. */
export function passes(hop: Hop, change?: Change, lets: AddressSet = AddressSet.ALL): Gate {
  return gate(hop.detail, [{ hop, lets, change }]);
}

/** The change that takes a resource, or a property of it, away. */
export function removalOf(resource: Resource, location?: string, what?: string): Change {
  return { template: resource.template.path, logicalId: resource.logicalId, location, words: what ?? `remove ${location === undefined ? '' : `${location} of `}${resource.logicalId}` };
}

/** The reason why a value is not sure, of several. */
export function doubtIn(...values: ReadonlyArray<Located | undefined>): string | undefined {
  return values.find((each) => each?.doubt !== undefined)?.doubt;
}
