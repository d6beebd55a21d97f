import { AddressSet } from './addresses/address-set';
import type { Level } from './assessment';
import type { Interface } from './network/interfaces';
import { mayBeSame } from './network/links';
import type { Network } from './network/network';
import type { PortRange } from './network/port-range';
import type { Sender } from './network/sender';
import type { Gate, Way } from './paths/ways';
import { gate, Place } from './paths/ways';
import type { Resource } from './templates/model';
import { append } from './templates/model';

/** Traffic that something hands on to a target: a load balancer to what is registered, a distribution to its origin. */
export interface Delivery {
  /** the identity of what it goes to; `address` where only an address says it, and neither where nobody knows. */
  readonly target?: string;
  readonly address?: { readonly text: string; readonly vpc?: string };
  /** the port of the target; undefined where it is not known. */
  readonly port?: PortRange;
  /** where it comes from; none: from anybody on the internet. */
  readonly from?: Place;
  /** what hands it on, in order. */
  readonly gates: readonly Gate[];
  /** whom the target sees; none where the network has no say. */
  readonly sender?: Sender;
  /** the addresses of clients, or of what stands for them, that it is for; none: for all. */
  readonly family?: AddressSet;
  readonly level?: Level;
}

/** Something that traffic can go to: its interfaces, and the identities under which others name it. */
export interface Target {
  readonly resource: Resource;
  readonly names: readonly string[];
  readonly interfaces: readonly Interface[];
  /** the private addresses that the template gives it; empty when EC2 chooses. */
  readonly addresses: readonly string[];
}

/** How everything of a deployment hangs together: places, and what is delivered to them. */
export class Graph {
  private readonly deliveries = new Map<string, Delivery[]>();
  private readonly strays: Delivery[] = [];
  private readonly places = new Map<string, Place>();
  private readonly targets = new Map<Place, Target>();
  private readonly others = new Map<Place, ReadonlySet<Sender>>();

  constructor(readonly network: Network) {}

  deliver(delivery: Delivery): void {
    if (delivery.target === undefined) this.strays.push(delivery);
    else append(this.deliveries, delivery.target, delivery);
  }

  /** A port of a target, or any port of it. */
  place(target: Target, port: PortRange): Place {
    const [name = ''] = target.names;
    const key = `${name} ${port.first}-${port.last}${port.any === true ? '*' : ''}`;
    let found = this.places.get(key);
    if (found === undefined) {
      found = new Place(() => this.waysTo(target, port));
      this.places.set(key, found);
      this.targets.set(found, target);
    }
    return found;
  }

  /**
   * Ports of a target in classes of those that all are alike to whatever the templates say: one of each class speaks for it.
   */
  classes(target: Target, ports: readonly PortRange[]): ReadonlyArray<readonly [PortRange, ...PortRange[]]> {
    const delivered = [...target.names.flatMap((name) => this.deliveries.get(name) ?? []), ...this.strays];
    const own = delivered.flatMap(({ port, sender }) => (port !== undefined ? [port.first, port.last + 1] : sender === undefined ? [] : this.senderBounds(sender)));
    const bounds = [...new Set([...own, ...target.interfaces.flatMap((card) => this.network.boundsOf(card))])].sort((a, b) => a - b);
    const found = new Map<string, [PortRange, ...PortRange[]]>();
    for (const each of ports) {
      // a port that only run time chooses stands for itself.
      const key = each.first === each.last ? `${below(bounds, each.first)}` : `${each.first}-${each.last}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, [each]);
      else known.push(each);
    }
    return [...found.values()];
  }

  private senderBounds({ groups, subnets }: Sender): readonly number[] {
    return [...this.network.groups.boundsOf(groups, 'egress'), ...subnets.flatMap(({ acls }) => this.network.subnets.acls.boundsOf(acls))];
  }

  private waysTo(target: Target, port: PortRange): readonly Way[] {
    return [...target.interfaces.flatMap((card) => this.network.direct(card, port)), ...this.deliveredTo(target).flatMap((each) => this.handedOn(each, target, port))];
  }

  private deliveredTo(target: Target): readonly Delivery[] {
    const named = new Set(target.names.flatMap((name) => this.deliveries.get(name) ?? []));
    return [...named, ...this.strays.flatMap((stray) => atAddress(stray, target))];
  }

  private handedOn({ from, gates, level, sender, family, port, target: name, address }: Delivery, target: Target, wanted: PortRange): readonly Way[] {
    const fits = port === undefined || (port.first <= wanted.last && wanted.first <= port.last);
    if (!fits) return [];
    if (sender === undefined) return [{ from, gates, level }];
    const onto = port === undefined || wanted.any !== true ? wanted : port;
    const cards = meant(name, address, target.interfaces);
    return this.arriving(sender, from, family).flatMap(({ nodes, seen, from: origin, gates: own }) =>
      nodes.flatMap((node) => cards.flatMap((card) => this.network.between(node, card, onto))).map((between) => ({ from: origin, level, seen, gates: [...gates, ...own, ...between] })),
    );
  }

  /**
   * Who arrives from a sender. One that keeps addresses keeps those that it sees: of a client that comes by itself its own, of one that
   * another service brings that service's.
   */
  private arriving(sender: Sender, from: Place | undefined, family: AddressSet | undefined): readonly Arriving[] {
    const nodes = nodesOf(sender);
    const seen = sender.preserves ? undefined : sender;
    if (!sender.preserves && family === undefined) return [{ nodes, seen, from, gates: [] }];
    const others = this.othersAt(from);
    const gates = family === undefined ? [] : [gate('', [{ hop: { kind: 'address', template: '', logicalId: sender.name, detail: 'is handed on' }, lets: family }])];
    if (from === undefined || others.size === 0) return [{ nodes, seen, from, gates }];
    const only = (way?: Sender): Place => new Place(() => from.ways.filter((each) => (each.seen !== undefined && others.has(each.seen) ? each.seen : undefined) === way));
    const own = nodesOf({ ...sender, preserves: false });
    const fitting = [...others].filter(({ addresses = AddressSet.ALL_V4, addresses6 = AddressSet.ALL_V6 }) => family?.misses(addresses.union(addresses6)) !== true);
    return [
      { nodes, seen, from: only(), gates },
      ...fitting.map((other): Arriving => {
        if (!sender.preserves) return { nodes, seen, from: only(other), gates: [] };
        const { addresses, addresses6, vpc, missing } = other;
        return { seen: other, from: only(other), gates: [], nodes: own.map((node) => ({ ...node, addresses, addresses6, vpc, missing, name: `${other.name} through ${sender.name}` })) };
      }),
    ];
  }

  /** What comes to a place with addresses of its own in the place of its clients'. */
  private othersAt(place: Place | undefined): ReadonlySet<Sender> {
    const target = place && this.targets.get(place);
    if (place === undefined || target === undefined) return new Set();
    let found = this.others.get(place);
    if (found === undefined) {
      found = new Set(this.deliveredTo(target).flatMap((each) => (each.sender === undefined || each.sender.preserves ? [] : [each.sender])));
      this.others.set(place, found);
    }
    return found;
  }
}

/** Some of those who arrive from a sender: whom the target sees, and at which place they come from. */
interface Arriving {
  readonly nodes: readonly Sender[];
  readonly seen?: Sender;
  readonly from?: Place;
  readonly gates: readonly Gate[];
}

/** How many of ordered bounds are not above a port. */
function below(bounds: readonly number[], port: number): number {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] ?? Infinity) <= port) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The interfaces that somebody means who names one of them, one of their addresses, or the machine: then it is the first. */
function meant(name: string | undefined, address: Delivery['address'], interfaces: readonly Interface[]): readonly Interface[] {
  const named = interfaces.filter((card) => (card.name !== undefined && card.name === name) || (address !== undefined && card.fixed?.includes(address.text) === true));
  return named.length > 0 || name === undefined ? (named.length > 0 ? named : interfaces) : interfaces.filter(({ secondary }) => secondary === undefined);
}

/** What sends its own traffic sends it from each of its subnets. */
function nodesOf(sender: Sender): readonly Sender[] {
  if (sender.preserves || sender.subnets.length < 2) return [sender];
  return sender.subnets.map((subnet) => ({ ...sender, subnets: [subnet], addresses: sender.addresses?.isEmpty ? sender.addresses : subnet.range, addresses6: sender.addresses6?.isEmpty ? sender.addresses6 : subnet.range6 }));
}

/** What names nothing, or an address only, as a delivery to a target, if it may be one. */
function atAddress(stray: Delivery, { interfaces, addresses, resource }: Target): readonly Delivery[] {
  const { address } = stray;
  if (address === undefined) return [stray];
  const subnets = interfaces.flatMap((card) => card.subnets.map(({ subnet }) => subnet)).filter(({ vpc }) => mayBeSame(vpc, address.vpc));
  if (subnets.length === 0) return [];
  if (addresses.length > 0) return addresses.includes(address.text) ? [stray] : [];
  const block = single(address.text);
  if (!subnets.some(({ range }) => range === undefined || block === undefined || range.includes(block))) return [];
  const unsure = perhaps(`whether ${resource.logicalId} has the address ${address.text}`, { kind: 'address', template: resource.template.path, logicalId: resource.logicalId, detail: `may have the address ${address.text}` });
  return [{ ...stray, gates: [...stray.gates, unsure] }];
}

function single(text: string): AddressSet | undefined {
  try {
    return AddressSet.of(text.includes(':') ? `${text}/128` : `${text}/32`);
  } catch {
    return undefined;
  }
}

/** A gate that is open for all, but not for sure. */
export function perhaps(missing: string, where: { readonly kind: string; readonly template: string; readonly logicalId: string; readonly location?: string; readonly detail: string }): Gate {
  return gate('', [{ hop: { ...where, missing }, lets: AddressSet.ALL }]);
}
