// the mutation check: the analysis made blind in one place at a time, and a case of the corpus that is then judged differently.
import type * as addressSet from '../../lib/exposure/addresses/address-set';
import { AddressSet } from '../../lib/exposure/addresses/address-set';
import type { Layer } from '../../lib/exposure/fronts/layers';
import { LAYERS } from '../../lib/exposure/fronts/layers';
import * as containerPorts from '../../lib/exposure/fronts/container-ports';
import * as privateLink from '../../lib/exposure/fronts/private-link';
import * as blocks from '../../lib/exposure/network/blocks';
import { Gateways } from '../../lib/exposure/network/gateways';
import { Interfaces } from '../../lib/exposure/network/interfaces';
import { Links } from '../../lib/exposure/network/links';
import { NetworkAcls } from '../../lib/exposure/network/network-acls';
import { Network } from '../../lib/exposure/network/network';
import * as portRange from '../../lib/exposure/network/port-range';
import { Routes } from '../../lib/exposure/network/routes';
import { SecurityGroups } from '../../lib/exposure/network/security-groups';
import * as sender from '../../lib/exposure/network/sender';
import { Subnets } from '../../lib/exposure/network/subnets';
import type { Gate, Statement } from '../../lib/exposure/paths/ways';
import { gate } from '../../lib/exposure/paths/ways';
import { TemplateSet } from '../../lib/exposure/templates/templates';
import type { TemplateSource } from '../../lib/exposure/templates/templates';
import * as evidence from '../../lib/exposure/workloads/evidence';
import * as ports from '../../lib/exposure/workloads/ports';
import * as assessing from '../../lib/exposure/assess';
import { CORPUS } from '../corpus';
import { differing } from '../corpus/case';
import { sourcesOf } from '../corpus/judge';

/** A labelled deployment: a case of the corpus, or its twin. */
interface Subject {
  readonly name: string;
  readonly sources: readonly TemplateSource[];
  readonly text: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly verdict: string;
  /** the secondary levels that are reported; undefined where nobody asks. */
  readonly levels?: string;
}

const SUBJECTS: readonly Subject[] = CORPUS.flatMap(({ cases }) => cases).flatMap(({ name, templates, parameters = {}, verdict, levels, twin }) => {
  const given = new Map(Object.entries(parameters));
  const subject = (each: typeof templates, more: Pick<Subject, 'name' | 'verdict' | 'levels'>): Subject => ({ ...more, sources: sourcesOf(each), text: JSON.stringify(each), parameters: given });
  const own = subject(templates, { name, verdict, levels: levels === undefined && verdict !== 'private' ? undefined : [...(levels ?? [])].sort().join() });
  return twin === undefined ? [own] : [own, subject(differing(templates, twin), { name: `twin of ${name}`, verdict: twin.verdict })];
});

type Assess = typeof assessing.assess;

/** The first case that is judged differently from its label; none when all are as they should be. */
function noticed({ assess = assessing.assess, among = () => true, layers, rewritten = (source) => source }: { readonly assess?: Assess; readonly among?: (subject: Subject) => boolean; readonly layers?: readonly Layer[]; readonly rewritten?: (source: TemplateSource) => TemplateSource } = {}): string | undefined {
  return SUBJECTS.find((subject) => {
    if (!among(subject)) return false;
    const { verdict, workloads } = assess(new TemplateSet(subject.sources.map(rewritten), { parameters: subject.parameters }), { layers });
    const levels = [...new Set(workloads.flatMap(({ detours }) => detours.map(({ level }) => level)))].sort().join();
    return verdict !== subject.verdict || (subject.levels !== undefined && levels !== subject.levels);
  })?.name;
}

afterEach(() => jest.restoreAllMocks());

test('nothing is noticed while nothing is blind', () => {
  expect(noticed()).toBeUndefined();
});

describe('without the layer', () => {
  test.each(LAYERS.map(({ name }) => name))('%s', (name) => {
    expect(noticed({ layers: LAYERS.filter((each) => each.name !== name) })).toEqual(expect.any(String));
  });
});

const OPEN: Statement = { lets: AddressSet.ALL, hop: { kind: 'blind', template: '', logicalId: '', detail: '' } };
const open = (): Gate => gate('', [OPEN]);
const closed = (): Gate => gate('blind', []);

/** What is private in a class, for spying: only the members that are named here. */
function inside<Members>(prototype: object): Members {
  return prototype as Members;
}

interface PrivateRoutes {
  routes(key: string): ReadonlyArray<{ readonly internet: boolean | string }>;
}
interface PrivateAcls {
  pass(use: unknown, direction: 'in' | 'out', wanted: unknown): unknown;
  entriesOf(use: unknown, direction: 'in' | 'out'): readonly unknown[];
}
interface PrivateInterfaces {
  associated(): readonly Statement[];
  mapped(): readonly Statement[];
  ipv6(): readonly Statement[];
  elasticOf(): readonly Statement[];
}
interface PrivateSubnets {
  ipv6(): boolean;
  own(): AddressSet;
}

const EVERYTHING = { must: AddressSet.ALL, may: AddressSet.ALL, statements: [OPEN] };

/** Replaces a method by one that is given the original. */
function replace<Instance extends object>(prototype: Instance, name: string & keyof Instance, by: (original: (...argument: unknown[]) => unknown, ...argument: unknown[]) => unknown): void {
  const members = prototype as unknown as Record<string, (...argument: unknown[]) => unknown>;
  const original = members[name];
  jest.spyOn(members, name).mockImplementation(function (this: unknown, ...argument) {
    return by((...own) => original?.apply(this, own), ...argument);
  });
}

const BLIND: ReadonlyArray<readonly [string, () => void]> = [
  ['every subnet has a route to an internet gateway', () => jest.spyOn(Routes.prototype, 'toInternet').mockReturnValue([OPEN])],
  ['no subnet has a route to an internet gateway', () => jest.spyOn(Routes.prototype, 'toInternet').mockReturnValue([])],
  ['no longer route takes anything elsewhere', () => replace(inside<PrivateRoutes>(Routes.prototype), 'routes', (original, key) => (original(key) as ReturnType<PrivateRoutes['routes']>).filter(({ internet }) => internet !== false))],
  ['every VPC has an internet gateway', () => jest.spyOn(Gateways.prototype, 'attachedTo').mockImplementation(open)],
  ['no VPC has an internet gateway', () => jest.spyOn(Gateways.prototype, 'attachedTo').mockImplementation(closed)],
  ['nothing blocks public access', () => jest.spyOn(Gateways.prototype, 'notBlocked').mockReturnValue([])],
  ['nothing is excluded from the block of public access', () => replace(Gateways.prototype, 'notBlocked', (original, ...argument) => (original(...argument) as readonly Gate[]).map(closed))],
  ['network ACLs let everything through', () => jest.spyOn(NetworkAcls.prototype, 'gate').mockImplementation(open)],
  ['network ACLs let nothing through', () => jest.spyOn(NetworkAcls.prototype, 'gate').mockImplementation(closed)],
  ['network ACLs let everything in', () => replace(inside<PrivateAcls>(NetworkAcls.prototype), 'pass', (original, use, direction, wanted) => (direction === 'in' ? EVERYTHING : original(use, direction, wanted)))],
  ['network ACLs let everything out', () => replace(inside<PrivateAcls>(NetworkAcls.prototype), 'pass', (original, use, direction, wanted) => (direction === 'out' ? EVERYTHING : original(use, direction, wanted)))],
  ['entries of network ACLs count in the opposite order', () => replace(inside<PrivateAcls>(NetworkAcls.prototype), 'entriesOf', (original, use, direction) => [...(original(use, direction) as readonly unknown[])].reverse())],
  ['network ACLs are not between subnets', () => jest.spyOn(NetworkAcls.prototype, 'admits').mockReturnValue(true)],
  ['security groups admit the internet', () => jest.spyOn(SecurityGroups.prototype, 'fromInternet').mockImplementation(open)],
  ['security groups admit nobody of the internet', () => jest.spyOn(SecurityGroups.prototype, 'fromInternet').mockImplementation(closed)],
  ['security groups admit whatever is in the network', () => jest.spyOn(SecurityGroups.prototype, 'fromSender').mockImplementation(open)],
  ['security groups admit nothing that is in the network', () => jest.spyOn(SecurityGroups.prototype, 'fromSender').mockImplementation(closed)],
  ['rules for addresses are for all of the network', () => jest.spyOn(sender, 'admitted').mockReturnValue({ lets: AddressSet.ALL })],
  ['security groups of load balancers let everything out', () => jest.spyOn(SecurityGroups.prototype, 'outOf').mockReturnValue([])],
  ['rules are for all ports', () => jest.spyOn(portRange, 'matches').mockReturnValue(true)],
  ['rules are for one protocol', () => replace(portRange, 'portsOf', (original, ...argument) => ({ ...(original(...argument) as portRange.Ports), tcp: true }))],
  ['what only deployment names belongs to nothing', () => replace(Links.prototype, 'of', (original, key) => (original(key) as ReturnType<Links['of']>).filter(({ missing }) => missing?.startsWith('what ') !== true))],
  ['what may belong to something does', () => replace(Links.prototype, 'of', (original, key) => (original(key) as ReturnType<Links['of']>).map(({ resource }) => ({ resource })))],
  ['interfaces are not given public addresses', () => jest.spyOn(inside<PrivateInterfaces>(Interfaces.prototype), 'associated').mockReturnValue([])],
  ['subnets give no public addresses', () => jest.spyOn(inside<PrivateInterfaces>(Interfaces.prototype), 'mapped').mockReturnValue([])],
  ['nobody has elastic addresses', () => jest.spyOn(inside<PrivateInterfaces>(Interfaces.prototype), 'elasticOf').mockReturnValue([])],
  ['everybody has elastic addresses', () => jest.spyOn(inside<PrivateInterfaces>(Interfaces.prototype), 'elasticOf').mockReturnValue([OPEN])],
  ['nobody has IPv6 addresses', () => jest.spyOn(inside<PrivateInterfaces>(Interfaces.prototype), 'ipv6').mockReturnValue([])],
  ['there is no IPv6', () => jest.spyOn(inside<PrivateSubnets>(Subnets.prototype), 'ipv6').mockReturnValue(false)],
  ['a VPC has no addresses of its own', () => jest.spyOn(inside<PrivateSubnets>(Subnets.prototype), 'own').mockReturnValue(AddressSet.NONE)],
  ['prefix lists are empty', () => jest.spyOn(blocks, 'blocksOfList').mockReturnValue([])],
  ['prefix lists are unknown', () => jest.spyOn(blocks, 'blocksOfList').mockReturnValue([{ addresses: AddressSet.ALL, words: 'a prefix list', missing: 'what it holds' }])],
  ['addresses are taken away from nothing', () => jest.spyOn(AddressSet.prototype, 'minus').mockImplementation(function (this: AddressSet) { return this; })],
  ['targets never see the addresses of clients', () => replace(Network.prototype, 'between', (original, from, ...argument) => original({ ...(from as sender.Sender), preserves: false }, ...argument))],
  ['what PrivateLink brings passes by security groups', () => jest.spyOn(privateLink, 'pastGroups').mockReturnValue([])],
  ['every script that says ClickHouse starts one', () => jest.spyOn(evidence, 'serverEvidence').mockImplementation((script) => (/clickhouse/i.test(script) ? 'clickhouse' : undefined))],
  ['no script starts a ClickHouse', () => jest.spyOn(evidence, 'serverEvidence').mockReturnValue(undefined)],
  ['every image that says ClickHouse is one', () => jest.spyOn(evidence, 'isServerImage').mockImplementation((text) => /clickhouse/i.test(text))],
  ['no image is a ClickHouse', () => jest.spyOn(evidence, 'isServerImage').mockReturnValue(false)],
  ['user data is never encoded', () => jest.spyOn(evidence, 'decodeUserData').mockImplementation((text) => text)],
  ['scripts tell no ports', () => jest.spyOn(ports, 'portsToldBy').mockReturnValue([])],
  ['machines map no ports', () => jest.spyOn(containerPorts, 'mappedPorts').mockReturnValue([])],
  ['tasks always have interfaces of their own', () => jest.spyOn(containerPorts, 'hasOwnInterfaces').mockReturnValue(true)],
];

describe('a case notices when', () => {
  test.each(BLIND)('%s', (_, blind) => {
    blind();
    expect(noticed()).toEqual(expect.any(String));
  });

  test('the internet has all addresses', () => {
    let found: string | undefined;
    jest.isolateModules(() => {
      jest.doMock('../../lib/exposure/addresses/internet', () => {
        const { AddressSet: Own } = jest.requireActual<typeof addressSet>('../../lib/exposure/addresses/address-set');
        return { INTERNET: Own.ALL, INTERNET_V4: Own.ALL_V4, INTERNET_V6: Own.ALL_V6 };
      });
      found = noticed({ assess: jest.requireActual<typeof assessing>('../../lib/exposure/assess').assess });
    });
    jest.dontMock('../../lib/exposure/addresses/internet');
    expect(found).toEqual(expect.any(String));
  });

  test.each(['Parameters', 'Conditions', 'Mappings', 'Outputs'])('%s of templates are not read', (section) => {
    const rewritten = (source: TemplateSource): TemplateSource => ({ ...source, body: Object.fromEntries(Object.entries(source.body as object).filter(([name]) => name !== section)) });
    expect(noticed({ rewritten, among: ({ text }) => text.includes(`"${section}"`) })).toEqual(expect.any(String));
  });

  test('parameters that are given do not count', () => {
    jest.spyOn(TemplateSet.prototype, 'parameterNamed').mockReturnValue(undefined);
    expect(noticed({ among: ({ parameters }) => parameters.size > 0 })).toEqual(expect.any(String));
  });

  test('nothing is exported to other stacks', () => {
    jest.spyOn(TemplateSet.prototype, 'exportsNamed').mockReturnValue([]);
    expect(noticed()).toEqual(expect.any(String));
  });
});

describe('a case notices when nobody sees resources of type', () => {
  // what says which volumes and file systems are ClickHouse's, and which templates are missing: other rules ask, the verdict does not depend on it.
  const asides = ['AWS::CloudFormation::Stack', 'AWS::EC2::Volume', 'AWS::EC2::VolumeAttachment', 'AWS::EFS::FileSystem'];
  const asked = new Set<string>();
  replace(TemplateSet.prototype, 'ofType', (original, ...types) => {
    for (const each of types) asked.add(String(each));
    return original(...types);
  });
  noticed();
  jest.restoreAllMocks();

  test.each([...asked].filter((each) => !asides.includes(each)).sort())('%s', (hidden) => {
    replace(TemplateSet.prototype, 'ofType', (original, ...types) => original(...types.filter((each) => each !== hidden)));
    expect(noticed({ among: ({ text }) => text.includes(hidden) })).toEqual(expect.any(String));
  });
});
