import { AddressSet } from '../addresses/address-set';
import type { Statement } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import { everythingOf, identity, inside, nameOf, property, referenceOf, scalar, why } from '../templates/values';
import type { TemplateSet } from '../templates/templates';
import type { Block } from './blocks';
import { blocksOf, blocksOfList } from './blocks';
import { Links } from './links';

/** A route that may lead to the internet, and what keeps it from being sure. */
interface Route {
  readonly resource: Resource;
  readonly blocks: readonly Block[];
  /** whether an internet gateway is what it leads to: a text says why that is not known. */
  readonly internet: boolean | string;
  readonly gateway?: string;
  readonly missing?: string;
}

// what leads elsewhere; https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html
const ELSEWHERE = ['NatGatewayId', 'EgressOnlyInternetGatewayId', 'TransitGatewayId', 'VpcPeeringConnectionId', 'CarrierGatewayId', 'LocalGatewayId', 'CoreNetworkArn'];
// what may hand on to the internet gateway, where the gateway hands in to it: firewalls and appliances.
const APPLIANCES = ['VpcEndpointId', 'NetworkInterfaceId', 'InstanceId'];
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const MOST_ROUTES = 1000;
const OTHER_GATEWAYS = /^(?:local$|(?:vgw|nat|tgw|vpce|pcx|eni|eigw|lgw|i)-)/;

/** The route tables of a deployment: which answers go back through an internet gateway. */
export class Routes {
  private readonly byTable: Links;
  private readonly associations: Links;
  private readonly read = new Map<string, readonly Route[]>();
  private readonly statements = new Map<string, readonly Statement[]>();
  private readonly ingressRouting: boolean;

  constructor(templates: TemplateSet) {
    this.byTable = new Links(templates.ofType('AWS::EC2::Route'), 'RouteTableId');
    this.associations = new Links(templates.ofType('AWS::EC2::SubnetRouteTableAssociation'), 'SubnetId');
    this.ingressRouting = templates.ofType('AWS::EC2::GatewayRouteTableAssociation').length > 0;
  }

  /**
   * The routes by which a subnet answers the internet. Nothing in the templates can add to the main table of a VPC that is among them,
   * so a subnet without association then has only the local route.
   *
   * @see https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html
   */
  toInternet(subnet: string, name: string, ours: boolean): readonly Statement[] {
    const tables = this.associations.of(subnet).flatMap(({ resource, missing }) =>
      property(resource, 'RouteTableId').map((value) => ({ value, missing: missing ?? value.doubt ?? (isTable(value) ? undefined : `the routes of table ${nameOf(value)} are not in the templates`) })),
    );
    const sure = tables.some(({ missing }) => missing === undefined) || (tables.length > 0 && tables.every(({ value }) => !isTable(value)));
    const main: readonly Statement[] = sure || ours ? [] : [unknown(`the routes of subnet ${name} are not in the templates`, name)];
    return [...tables.flatMap(({ value, missing }) => this.ofTable(value, missing)), ...main];
  }

  private ofTable(table: Located, missing: string | undefined): readonly Statement[] {
    const key = identity(table);
    let found = this.statements.get(key);
    if (found === undefined) {
      const routes = this.routes(key);
      found = routes.length > MOST_ROUTES ? [unknown(`${nameOf(table)} has more routes than AWS accepts`, nameOf(table))] : statementsOf(routes);
      this.statements.set(key, found);
    }
    const elsewhere = isTable(table) || missing === undefined ? [] : [unknown(missing, nameOf(table))];
    return [...found.map((each) => (missing === undefined || each.hop.missing !== undefined ? each : { ...each, hop: { ...each.hop, missing } })), ...elsewhere];
  }

  private routes(key: string): readonly Route[] {
    let found = this.read.get(key);
    if (found === undefined) {
      found = this.byTable.of(key).map(({ resource, missing }) => this.route(resource, missing));
      this.read.set(key, found);
    }
    return found;
  }

  private route(resource: Resource, missing: string | undefined): Route {
    const all = everythingOf(resource);
    const blocks = [...inside(all, 'DestinationCidrBlock'), ...inside(all, 'DestinationIpv6CidrBlock')].flatMap(blocksOf).concat(inside(all, 'DestinationPrefixListId').flatMap(blocksOfList));
    const unread: Block = { addresses: AddressSet.ALL, words: 'some addresses', missing: `where ${resource.logicalId} leads` };
    const gateways = inside(all, 'GatewayId');
    const base = { resource, missing, blocks: blocks.length > 0 ? blocks : [unread] };
    if (gateways.length > 1) return { ...base, internet: gateways[0]?.doubt ?? 'the gateway may be one of several' };
    const [gateway] = gateways;
    if (gateway !== undefined) return { ...base, internet: internetBehind(gateway), gateway: identity(gateway), missing: missing ?? gateway.doubt };
    if (APPLIANCES.some((name) => inside(all, name).length > 0)) return { ...base, internet: this.ingressRouting ? `what ${resource.logicalId} leads to may hand on to the internet gateway` : false };
    if (ELSEWHERE.some((name) => inside(all, name).length > 0)) return { ...base, internet: false };
    return { ...base, internet: `where ${resource.logicalId} leads` };
  }
}

/** Whether a gateway is one to the internet and back, or why nobody can tell. */
function internetBehind(gateway: Located): boolean | string {
  const type = referenceOf(gateway)?.resource.type;
  if (type !== undefined) return type === 'AWS::EC2::InternetGateway' ? true : type.startsWith('AWS::EC2::') ? false : why(gateway);
  const id = scalar(gateway);
  if (!id.known) return id.reason;
  return String(id.value).startsWith('igw-') ? true : OTHER_GATEWAYS.test(String(id.value)) ? false : `what gateway ${JSON.stringify(id.value)} is`;
}

/** The longest prefix wins, so each route to the internet has what no longer one takes from it. */
function statementsOf(routes: readonly Route[]): readonly Statement[] {
  const entries = routes.flatMap((route) => route.blocks.map((block) => ({ route, block })));
  return entries
    .filter(({ route }) => route.internet !== false)
    .flatMap(({ route, block }): readonly Statement[] => {
      const { logicalId, template } = route.resource;
      const hop = { kind: 'route', template: template.path, logicalId, detail: `answers to ${block.words} go to the internet gateway` };
      const missing = block.missing ?? route.missing ?? (typeof route.internet === 'string' ? route.internet : undefined);
      const longer = entries.filter((each) => each.route !== route && each.route.internet !== true && isLonger(each.block, block));
      const [sure, possible] = [longer.filter(({ route: other, block: its }) => other.internet === false && (other.missing ?? its.missing) === undefined), longer];
      const may = less(block.addresses, sure.map(({ block: its }) => its.addresses));
      const must = less(block.addresses, possible.map(({ block: its }) => its.addresses));
      const rest = may.minus(must);
      const other = possible.find((each) => !sure.includes(each));
      return [
        { hop: { ...hop, missing }, lets: must },
        ...(rest.isEmpty ? [] : [{ hop: { ...hop, missing: missing ?? `whether ${other?.route.resource.logicalId ?? 'another route'} takes it elsewhere` }, lets: rest }]),
      ].filter(({ lets }) => !lets.isEmpty);
    });
}

function isLonger(block: Block, than: Block): boolean {
  // nobody knows how long a block is that is decided later.
  if (block.prefix === undefined || than.prefix === undefined) return block.prefix === undefined;
  // of equally long ones, what the table itself says comes before what a prefix list says; https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
  return block.prefix > than.prefix || (block.prefix === than.prefix && than.listed === true && block.listed !== true);
}

function less(addresses: AddressSet, others: readonly AddressSet[]): AddressSet {
  return others.reduce((rest, each) => rest.minus(each), addresses);
}

function isTable(value: Located): boolean {
  return referenceOf(value)?.resource.type === 'AWS::EC2::RouteTable';
}

function unknown(missing: string, name: string): Statement {
  return { hop: { kind: 'route', template: '', logicalId: name, detail: 'answers may go to an internet gateway', missing }, lets: AddressSet.ALL };
}
