import { AddressSet } from '../addresses/address-set';
import type { Target } from '../graph';
import { blocksOf, blocksOfList } from '../network/blocks';
import { Links } from '../network/links';
import type { Network } from '../network/network';
import type { PortRange } from '../network/port-range';
import type { Sender } from '../network/sender';
import type { Way } from '../paths/ways';
import { gate } from '../paths/ways';
import type { Resource } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import { everythingOf, identity, inside, property, scalar } from '../templates/values';
import type { Scene } from './fronts';
import { at, passes, removalOf } from './fronts';
import type { Contribution } from './layers';

/** Other accounts come in by peering connections with their VPCs. */
export function peering({ templates, graph }: Scene): Contribution {
  const peerings = new Peerings(templates);
  return { waysTo: ({ target, ports }) => (peerings.isEmpty ? [] : graph.classes(target, ports).flatMap(([port]) => peerings.ways(target, port, graph.network))) };
}

/** Peering connections with VPCs of other accounts, and who gets in through them. */
class Peerings {
  private readonly connections: readonly Resource[];
  private readonly routes: Links;
  private readonly associations: Links;

  constructor(templates: TemplateSet) {
    this.connections = templates.ofType('AWS::EC2::VPCPeeringConnection').filter(isForeign);
    this.routes = new Links(this.connections.length === 0 ? [] : templates.ofType('AWS::EC2::Route').filter((each) => property(each, 'VpcPeeringConnectionId').length > 0), 'RouteTableId');
    this.associations = new Links(this.connections.length === 0 ? [] : templates.ofType('AWS::EC2::SubnetRouteTableAssociation'), 'SubnetId');
  }

  get isEmpty(): boolean {
    return this.connections.length === 0;
  }

  /** The ways of other accounts to a port: as far as a route answers them and a group admits them. */
  ways({ interfaces }: Target, port: PortRange, network: Network): readonly Way[] {
    return interfaces.flatMap((card) =>
      card.subnets.flatMap(({ subnet }) => {
        const tables = this.associations.of(subnet.key).flatMap(({ resource }) => property(resource, 'RouteTableId').map(identity));
        return tables.flatMap((table) => this.routes.of(table)).flatMap(({ resource: route, missing }): readonly Way[] =>
          this.connections
            .filter((connection) => property(route, 'VpcPeeringConnectionId').some((id) => identity(id) === identity({ node: { Ref: connection.logicalId }, template: connection.template })))
            .map((connection) => {
              const all = everythingOf(route);
              const blocks = [...inside(all, 'DestinationCidrBlock'), ...inside(all, 'DestinationIpv6CidrBlock')].flatMap(blocksOf).concat(inside(all, 'DestinationPrefixListId').flatMap(blocksOfList));
              const answers = blocks.map(({ addresses, words, ...block }) => ({ lets: addresses, change: removalOf(route), hop: at(route, 'route', `answers to ${words} go to the peer`, { missing: missing ?? block.missing }) }));
              return {
                level: 'account' as const,
                clients: AddressSet.ALL,
                gates: [
                  passes(at(connection, 'peering connection', `${connection.logicalId} is with a VPC of another account`), removalOf(connection)),
                  gate(`no route leads to the peer ${connection.logicalId}`, answers),
                  network.subnets.aclGate(subnet, port),
                  ...(card.groups === undefined ? [] : [network.groups.fromSender(card.groups, port, peerOf(connection))]),
                ],
              };
            }),
        );
      }),
    );
  }
}

/** Somebody of the peer, from any address; groups may name those of its account. */
function peerOf(connection: Resource): Sender {
  const [account] = property(connection, 'PeerOwnerId');
  return { name: `the peer of ${connection.logicalId}`, account, groups: [], subnets: [], preserves: true };
}

function isForeign(connection: Resource): boolean {
  const own = connection.template.environment.account;
  return property(connection, 'PeerOwnerId').some((value) => {
    const owner = scalar(value);
    if (owner.known) return owner.value !== own;
    return !JSON.stringify(value.node).includes('AWS::AccountId');
  });
}
