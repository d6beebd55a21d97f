import { AddressSet } from './addresses/address-set';
import type { Level } from './assessment';
import type { Interface } from './network/interfaces';
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
    }
    return found;
  }

  private waysTo(target: Target, port: PortRange): readonly Way[] {
    const named = [...new Set(target.names.flatMap((name) => this.deliveries.get(name) ?? []))];
    const strays = this.strays.flatMap((stray) => atAddress(stray, target));
    return [...target.interfaces.flatMap((card) => this.network.direct(card, port)), ...[...named, ...strays].flatMap((each) => this.handedOn(each, target, port))];
  }

  private handedOn({ from, gates, level, sender, port }: Delivery, target: Target, wanted: PortRange): readonly Way[] {
    const fits = port === undefined || (port.first <= wanted.last && wanted.first <= port.last);
    if (!fits) return [];
    if (sender === undefined) return [{ from, gates, level }];
    const onto = port === undefined || wanted.any !== true ? wanted : port;
    return target.interfaces.flatMap((card) => this.network.between(sender, card, onto)).map((between) => ({ from, level, gates: [...gates, ...between] }));
  }
}

/** What names nothing, or an address only, as a delivery to a target, if it may be one. */
function atAddress(stray: Delivery, { interfaces, addresses, resource }: Target): readonly Delivery[] {
  const { address } = stray;
  if (address === undefined) return [stray];
  const subnets = interfaces.flatMap((card) => card.subnets.map(({ subnet }) => subnet)).filter(({ vpc }) => vpc === undefined || address.vpc === undefined || vpc === address.vpc);
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
