import { AddressSet } from '../addresses/address-set';
import type { Change, Hop } from '../assessment';
import type { Gate, Statement } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import { everythingOf, identity, inside, nameOf, property, referenceOf, single } from '../templates/values';
import type { Block } from './blocks';
import { blocksOf } from './blocks';
import { Links } from './links';
import type { Match, PortRange, Ports } from './port-range';
import { bounds, matches, portsOf, portWords } from './port-range';

type Direction = 'in' | 'out';

/** A network ACL that a subnet has. */
export interface AclUse {
  readonly key: string;
  readonly name: string;
  /** what AWS, or somebody else, put into it before the templates add to it. */
  readonly given: readonly Entry[];
  /** why it may not be this one; none when it is. */
  readonly missing?: string;
}

interface Entry {
  readonly hop: Hop;
  readonly change?: Change;
  /** its place in the order; a text says why it is not known. */
  readonly number: number | string;
  /** none: both directions. */
  readonly out?: boolean | string;
  readonly allows: boolean | string;
  readonly ports: Ports;
  readonly blocks: readonly Block[];
  readonly missing?: string;
}

/** What an ACL lets through in a direction: for sure, perhaps, and by which entries. */
interface Passed {
  readonly must: AddressSet;
  readonly may: AddressSet;
  readonly statements: readonly Statement[];
}

/**
 * The network ACLs of a deployment. They know no connections: what comes in has to get out again.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html
 */
export class NetworkAcls {
  private readonly entries: Links;
  private readonly associations: Links;
  private readonly read = new Map<string, readonly Entry[]>();
  private readonly passed = new Map<string, Passed>();

  constructor(templates: TemplateSet) {
    this.entries = new Links(templates.ofType('AWS::EC2::NetworkAclEntry'), 'NetworkAclId');
    this.associations = new Links(templates.ofType('AWS::EC2::SubnetNetworkAclAssociation'), 'SubnetId');
  }

  /** The ACLs that a subnet may have. Without association it has the default one of its VPC. */
  ofSubnet(subnet: string, vpc: Located | undefined, ours: boolean, subnetName: string): readonly AclUse[] {
    const found = this.associations.of(subnet).flatMap(({ resource, missing }) =>
      property(resource, 'NetworkAclId').map((value): AclUse => {
        const acl = referenceOf(value)?.resource;
        const name = nameOf(value);
        return { key: identity(value), name, given: acl?.type === 'AWS::EC2::NetworkAcl' ? [] : foreign(name), missing: missing ?? value.doubt };
      }),
    );
    if (found.some(({ missing }) => missing === undefined)) return found;
    const missing = found[0]?.missing;
    if (!ours || vpc === undefined) return [...found, { key: '', name: DEFAULT, given: foreign(`of subnet ${subnetName}`), missing }];
    const key = identity({ node: { 'Fn::GetAtt': [referenceOf(vpc)?.resource.logicalId, 'DefaultNetworkAcl'] }, template: vpc.template });
    return [...found, { key, name: DEFAULT, given: BY_DEFAULT, missing }];
  }

  /** What gets in on a port and out again, to whichever port the client chose to send from. */
  gate(uses: readonly AclUse[], wanted: PortRange): Gate {
    const each = uses.map((use) => {
      const [into, out] = [this.pass(use, 'in', wanted), this.answers(use)];
      const may = into.may.intersect(out.may);
      return { use, into, out, may, must: use.missing === undefined ? into.must.intersect(out.must) : AddressSet.NONE };
    });
    // one of them is in force: what each lets through is sure, and what any may let through is possible.
    const [only, ...others] = each;
    return {
      must: only !== undefined && others.length === 0 ? only.must : AddressSet.NONE,
      may: each.reduce((all, { may }) => all.union(may), AddressSet.NONE),
      statements: each.flatMap(({ use, into, may }) => into.statements.filter(({ lets }) => !lets.misses(may)).map((statement) => this.doubtful(statement, use))),
      closed: `the network ACL lets nothing from a public address in and out again on ${portWords(wanted)}`,
    };
  }

  /** Whether traffic gets through on a port in one direction, and its answers in the other. */
  admits(uses: readonly AclUse[], first: Direction, wanted: PortRange, peers: AddressSet, ephemeral: boolean): Match {
    const each = uses.map((use): Match => {
      const there = this.pass(use, first, wanted);
      // what AWS sends itself, it sends from the ports above 1023.
      const back = this.passAny(use, first === 'in' ? 'out' : 'in', ephemeral ? 1024 : 1);
      if (there.may.misses(peers) || back.may.misses(peers)) return false;
      const sure = use.missing === undefined && there.must.includes(peers) && back.must.includes(peers);
      return sure ? true : (use.missing ?? `what the network ACL ${use.name} lets through`);
    });
    return each.find((match) => match === true) ?? each.find((match) => match !== false) ?? false;
  }

  /** Where among the ports entries begin and end. */
  boundsOf(uses: readonly AclUse[]): readonly number[] {
    return uses.flatMap((use) => this.entriesOf(use, 'in').flatMap(({ ports }) => bounds(ports)));
  }

  private doubtful(statement: Statement, { missing }: AclUse): Statement {
    return missing === undefined || statement.hop.missing !== undefined ? statement : { ...statement, hop: { ...statement.hop, missing } };
  }

  private answers(use: AclUse): Passed {
    return this.passAny(use, 'out', 1);
  }

  /**
   * What gets through in a direction on any port from the lowest: a client may send from whichever it likes. Between two bounds that entries write,
   * all ports are alike, so one of each stretch is tried.
   */
  private passAny(use: AclUse, direction: Direction, lowest: number): Passed {
    return this.remember(`${direction} from ${lowest} ${use.key}`, () => {
      const begins = this.entriesOf(use, direction).flatMap(({ ports }) => bounds(ports));
      const starts = [...new Set([lowest, ...begins.filter((each) => each > lowest && each <= 65535)])];
      const each = starts.map((start) => this.pass(use, direction, { first: start, last: start }));
      return {
        must: each.reduce((all, { must }) => all.union(must), AddressSet.NONE),
        may: each.reduce((all, { may }) => all.union(may), AddressSet.NONE),
        statements: [],
      };
    });
  }

  private pass(use: AclUse, direction: Direction, wanted: PortRange): Passed {
    return this.remember(`${direction} ${wanted.first}-${wanted.last}${wanted.any === true ? '*' : ''} ${use.key}`, () => {
      const entries = this.entriesOf(use, direction);
      return inOrder(entries, direction, wanted);
    });
  }

  private remember(key: string, find: () => Passed): Passed {
    const known = this.passed.get(key);
    if (known !== undefined) return known;
    const found = find();
    this.passed.set(key, found);
    return found;
  }

  private entriesOf({ key, given }: AclUse, direction: Direction): readonly Entry[] {
    const id = `${key} ${given === BY_DEFAULT ? '' : (given[0]?.hop.logicalId ?? '')}`;
    let all = this.read.get(id);
    if (all === undefined) {
      const written = this.entries.of(key);
      all = written.length > MOST_ENTRIES ? foreign(`${key.slice(key.indexOf('#') + 1)}, which has more entries than AWS accepts,`) : [...given, ...written.map(({ resource, missing }) => read(resource, missing))].sort((a, b) => order(a) - order(b));
      this.read.set(id, all);
    }
    return all.filter(({ out }) => out === undefined || typeof out === 'string' || out === (direction === 'out'));
  }
}

// twice 40 in each direction; https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const MOST_ENTRIES = 160;
const DEFAULT = 'the default network ACL';
const ALL_PORTS: Ports = { tcp: true, first: 0, last: 65535 };

// https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html
const BY_DEFAULT: readonly Entry[] = [
  { number: 100, addresses: AddressSet.ALL_V4, words: '0.0.0.0/0' },
  { number: 101, addresses: AddressSet.ALL_V6, words: '::/0' },
].map(({ number, ...block }) => ({
  number,
  hop: { kind: 'network ACL', template: '', logicalId: DEFAULT, detail: 'lets everything through' },
  allows: true,
  ports: ALL_PORTS,
  blocks: [block],
}));

/** An ACL that is not in the templates may have any entry, before all that the templates add. */
function foreign(name: string): readonly Entry[] {
  const missing = `what the network ACL ${name} lets through is not in the templates`;
  return [{ number: missing, hop: { kind: 'network ACL', template: '', logicalId: name, detail: 'may let everything through', missing }, allows: missing, ports: ALL_PORTS, blocks: [{ addresses: AddressSet.ALL, words: 'everything', missing }] }];
}

function order({ number }: Entry): number {
  return typeof number === 'number' ? number : -1;
}

/** Entries in the order of their numbers; the first that fits decides. What cannot be told decides neither way. */
function inOrder(entries: readonly Entry[], direction: Direction, wanted: PortRange): Passed {
  let [must, may] = [AddressSet.NONE, AddressSet.NONE];
  // what no entry has decided yet: for sure, and perhaps.
  let [surely, perhaps] = [AddressSet.ALL, AddressSet.ALL];
  const statements: Statement[] = [];
  for (const { ports, blocks, number, out, allows, hop, change, ...entry } of entries) {
    const match = matches(ports, wanted);
    if (match === false) continue;
    const doubt = entry.missing ?? [number, out, allows, match].find((each): each is string => typeof each === 'string');
    for (const { addresses, words, missing = doubt } of blocks) {
      if (allows !== false) {
        const lets = perhaps.intersect(addresses);
        may = may.union(lets);
        if (missing === undefined) must = must.union(surely.intersect(addresses));
        const detail = change === undefined ? hop.detail : `allows ${words} ${direction} on ${portWords(wanted)}`;
        statements.push({ lets, hop: { ...hop, detail, missing }, change: change && { ...change, words: `set RuleAction of ${change.logicalId}, which ${detail}, to deny` } });
      }
      // whether an entry that allows is there or not, what a later one allows is allowed.
      if (allows !== true) surely = surely.minus(addresses);
      if (missing === undefined) perhaps = perhaps.minus(addresses);
    }
  }
  return { must, may, statements };
}

function read(resource: Resource, missing: string | undefined): Entry {
  const all = everythingOf(resource);
  const number = single({ node: resource.properties.RuleNumber, template: resource.template });
  const action = single({ node: resource.properties.RuleAction, template: resource.template });
  const egress = resource.properties.Egress === undefined ? { known: true as const, value: false } : single({ node: resource.properties.Egress, template: resource.template });
  const blocks = [...inside(all, 'CidrBlock'), ...inside(all, 'Ipv6CidrBlock')].flatMap(blocksOf).map((block) => (block.networkOf === undefined ? block : { ...block, addresses: AddressSet.NONE }));
  const at = { template: resource.template.path, logicalId: resource.logicalId };
  return {
    hop: { ...at, kind: 'network ACL entry', detail: '' },
    // denied and not removed: what follows may allow the same.
    change: { ...at, location: 'Properties.RuleAction', to: 'deny', words: '' },
    missing,
    number: number.known && Number.isInteger(Number(number.value)) ? Number(number.value) : number.known ? `${JSON.stringify(number.value)} is not a rule number` : number.reason,
    out: egress.known ? String(egress.value).toLowerCase() === 'true' : egress.reason,
    allows: action.known ? String(action.value).toLowerCase() === 'allow' : action.reason,
    ports: portsOf(all, ['PortRange', 'From'], ['PortRange', 'To'], 'Protocol'),
    blocks: blocks.length > 0 ? blocks : [{ addresses: AddressSet.ALL, words: 'somebody', missing: `${resource.logicalId} names no block that can be read` }],
  };
}
