import { AddressSet } from '../addresses/address-set';
import { INTERNET } from '../addresses/internet';
import type { Gate, Way } from '../paths/ways';
import { gate } from '../paths/ways';
import type { TemplateSet } from '../templates/templates';
import type { Interface, LaunchTemplates } from './interfaces';
import { Interfaces } from './interfaces';
import type { Match, PortRange } from './port-range';
import { portWords } from './port-range';
import { SecurityGroups } from './security-groups';
import type { Sender } from './sender';
import type { Subnet } from './subnets';
import { Subnets } from './subnets';

/** The network of a deployment: what gets from the internet to an interface, and from one interface to another. */
export class Network {
  readonly subnets: Subnets;
  readonly groups: SecurityGroups;
  readonly interfaces: Interfaces;

  constructor(templates: TemplateSet, launchTemplates: LaunchTemplates) {
    this.subnets = new Subnets(templates);
    this.groups = new SecurityGroups(templates);
    this.interfaces = new Interfaces(templates, this.subnets, this.groups, launchTemplates);
  }

  /** The ways of the internet straight to a port of an interface: one for each subnet that it may be in. */
  direct(card: Interface, port: PortRange): readonly Way[] {
    return card.subnets.map(({ subnet, missing }) => {
      const address = gate(`${card.owner.logicalId} has no public address`, card.addresses(subnet));
      const common = [...placement(card, subnet, missing), ...subnet.gates, address];
      // nothing more is worth working out once nobody gets any further.
      if (common.reduce((all, { may }) => all.intersect(may), INTERNET).isEmpty) return { gates: common };
      return { gates: [...common, this.subnets.aclGate(subnet, port), ...(card.groups === undefined ? [] : [this.groups.fromInternet(card.groups, port)])] };
    });
  }

  /** Where among the ports of an interface something changes: between two of these all of them are alike. */
  boundsOf(card: Interface): readonly number[] {
    return [...(card.groups === undefined ? [] : this.groups.boundsOf(card.groups, 'ingress')), ...card.subnets.flatMap(({ subnet }) => this.subnets.acls.boundsOf(subnet.acls))];
  }

  /** The gates between something inside the network and a port of an interface: one list for each subnet that it may be in. */
  between(sender: Sender, card: Interface, port: PortRange): ReadonlyArray<readonly Gate[]> {
    return card.subnets.map(({ subnet, missing }) => [
      ...placement(card, subnet, missing),
      ...(sender.entering === true ? subnet.entry : []),
      ...this.groups.outOf(sender, port, card.groups ?? [], sender.addresses?.isEmpty ? subnet.range6 : subnet.range),
      ...this.acls(sender, subnet, port),
      ...(card.groups === undefined ? [] : [this.groups.fromSender(card.groups, port, sender)]),
    ]);
  }

  /** What the ACLs of both sides let through. Inside a subnet there are none. */
  private acls(sender: Sender, subnet: Subnet, port: PortRange): readonly Gate[] {
    if (sender.subnets.length === 0 || sender.subnets.some(({ key }) => key === subnet.key)) return [];
    const { acls } = this.subnets;
    const out = sender.subnets.map((each): Match => acls.admits(each.acls, 'out', port, subnet.range ?? AddressSet.ALL_V4, !sender.preserves));
    const left = match(out, `the network ACL of ${sender.name} lets nothing out to ${portWords(port)}`);
    if (sender.preserves) return [...left, this.subnets.aclGate(subnet, port)];
    const into = acls.admits(subnet.acls, 'in', port, sender.addresses ?? AddressSet.ALL_V4, true);
    return [...left, ...match([into], `the network ACL of subnet ${subnet.name} lets nothing from ${sender.name} in on ${portWords(port)}`)];
  }
}

/** A gate for what one of several lets through; none when one is sure to. */
function match(each: readonly Match[], closed: string): readonly Gate[] {
  if (each.includes(true)) return [];
  const missing = each.find((one): one is string => typeof one === 'string');
  return [gate(closed, missing === undefined ? [] : [{ hop: { kind: 'network ACL', template: '', logicalId: '', detail: 'may let it through', missing }, lets: AddressSet.ALL }])];
}

function placement(card: Interface, subnet: Subnet, missing: string | undefined): readonly Gate[] {
  if (missing === undefined) return [];
  const hop = { kind: 'subnet', template: card.owner.template.path, logicalId: card.owner.logicalId, detail: `${card.owner.logicalId} may be in subnet ${subnet.name}`, missing };
  return [gate('', [{ hop, lets: AddressSet.ALL }])];
}
