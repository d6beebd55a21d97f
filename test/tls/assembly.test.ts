import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { exampleApp } from '../../bin/app';
import type { BootManifest, DocumentTemplate } from '../../lib/config/manifest';
import { parseXml, textOf } from '../../lib/config/parse';
import { PORTS } from '../../lib/config/ports';
import type { XmlElement } from '../../lib/config/xml';
import { childElements } from '../../lib/config/xml';
import { METADATA_DOCUMENTS } from '../../lib/metadata';
import type { Resource } from '../cluster/stacks';
import { liveOf, one, resources } from '../cluster/stacks';

// everything that is deployed, read back from the files of the assembly and not from the code that wrote them.
const folder = mkdtempSync(join(tmpdir(), 'assembly-'));
exampleApp({ outdir: folder }).synth();
const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name).slice(folder.length + 1));
const contentOf = (file: string): string => readFileSync(join(folder, file), 'utf8');
const template = Template.fromString(contentOf('Analytics.template.json'));
const all = resources(template);
afterAll(() => rmSync(folder, { recursive: true }));

/** Private keys in a text, in every form that something could read them from. Code that only names the label of PEM holds none. */
function privateKeysIn(text: string): string[] {
  // JSON, and JSON in JSON.
  const plain = text.replace(/\\+[nr]/g, '\n');
  const pem = [...plain.matchAll(/-----BEGIN ([A-Z0-9 ]{0,20}PRIVATE KEY)-----\s*(?:[A-Za-z-]+: [^\n]*\s+)*[A-Za-z0-9+/=]{16}/g)].map(([, label]) => `PEM ${label}`);
  // DER is a sequence of more than 32 bytes, which begins with an M in Base64.
  const der = [...plain.matchAll(/M[A-Za-z0-9+/]{60,}={0,2}/g)].flatMap(([encoded]) => (['pkcs8', 'sec1', 'pkcs1'] as const).filter((type) => isKey(Buffer.from(encoded, 'base64'), type)).map((type) => `DER ${type}`));
  const jwk = [...plain.matchAll(/\{[^{}]*\\*"d\\*":\s*\\*"[A-Za-z0-9_-]{40,}[^{}]*\}/g)].filter(([object]) => /\\*"kty\\*":/.test(object)).map(() => 'JWK');
  return [...pem, ...der, ...jwk];
}

function isKey(key: Buffer, type: 'pkcs8' | 'sec1' | 'pkcs1'): boolean {
  try {
    createPrivateKey({ key, format: 'der', type });
    return true;
  } catch {
    return false;
  }
}

describe('a private key', () => {
  test('is in no file of the assembly', () => {
    // the template, its metadata, the tree, the reports, the functions, and the agent.
    expect(files).toEqual(expect.arrayContaining(['Analytics.template.json', 'Analytics.assets.json', 'manifest.json', 'tree.json', 'validation-report.json', expect.stringMatching(/^asset\..*\/agent\.js$/)]));
    expect(files.filter((file) => /^asset\..*\/index\.js$/.test(file))).toHaveLength(6);
    expect(files.flatMap((file) => privateKeysIn(contentOf(file)).map((form) => `${file}: ${form}`))).toEqual([]);
  });

  const { privateKey: elliptic } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const leaks: Readonly<Record<string, string>> = {
    'PEM PRIVATE KEY': elliptic.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'PEM EC PRIVATE KEY': elliptic.export({ type: 'sec1', format: 'pem' }).toString(),
    'PEM RSA PRIVATE KEY': rsa.export({ type: 'pkcs1', format: 'pem' }).toString(),
    'PEM ENCRYPTED PRIVATE KEY': rsa.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' }).toString(),
    'DER pkcs8': elliptic.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    'DER sec1': elliptic.export({ type: 'sec1', format: 'der' }).toString('base64'),
    'DER pkcs1': rsa.export({ type: 'pkcs1', format: 'der' }).toString('base64'),
    JWK: JSON.stringify(elliptic.export({ format: 'jwk' })),
  };

  test.each(Object.entries(leaks))('would be seen: %s', (form, key) => {
    const secret = Object.keys(all).find((id) => id.includes('CertificateSecret')) ?? '';
    const leaking = { ...all, [secret]: { ...all[secret], Properties: { ...all[secret]?.Properties, SecretString: key } } };
    expect(privateKeysIn(JSON.stringify(all))).toEqual([]);
    for (const text of [JSON.stringify(leaking), JSON.stringify(leaking, undefined, 1), JSON.stringify({ template: JSON.stringify(leaking) }), `const key = \`${key}\`;`]) expect(privateKeysIn(text)).toContain(form);
  });

  test('is not suspected where there is only the label of one, or the public half', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const text of ["if (/-----BEGIN PRIVATE KEY-----/.test(text)) throw new Error('-----BEGIN PRIVATE KEY-----');", publicKey.export({ type: 'spki', format: 'pem' }).toString(), publicKey.export({ type: 'spki', format: 'der' }).toString('base64'), JSON.stringify(publicKey.export({ format: 'jwk' }))]) {
      expect(privateKeysIn(text)).toEqual([]);
    }
  });
});

/** Listeners without TLS or without a login (https://clickhouse.com/docs/guides/sre/network-ports); whatever they say, they must not be there. */
const PLAINTEXT = ['http_port', 'tcp_port', 'interserver_http_port', 'mysql_port', 'postgresql_port', 'grpc_port', 'prometheus', 'tcp_with_proxy_port', 'tcp_ssh_port', 'arrowflight_port', 'protocols', 'http_control', 'graphite', 'cluster_discovery'];

/** Where a port may be said, and which. */
const SAID: Readonly<Record<string, number>> = {
  'clickhouse/https_port': PORTS.https,
  'clickhouse/tcp_port_secure': PORTS.native,
  'clickhouse/interserver_https_port': PORTS.interserver,
  'clickhouse/keeper_server/tcp_port_secure': PORTS.keeper,
  'clickhouse/keeper_server/raft_configuration/server/port': PORTS.raft,
  'clickhouse/zookeeper/node/port': PORTS.keeper,
  'clickhouse/remote_servers/*/shard/replica/port': PORTS.native,
};
const LISTENING = Object.keys(SAID).slice(0, 4);
const ADDRESSES = ['@{nodeIp}', '127.0.0.1'];

interface Found {
  readonly path: string;
  readonly element: XmlElement;
  readonly parent?: XmlElement;
}

function walk(element: XmlElement, path = element.name, parent?: XmlElement): Found[] {
  // the name of the cluster is a name of an element.
  const below = (child: XmlElement): string => `${path}/${path === 'clickhouse/remote_servers' ? '*' : child.name}`;
  return [{ path, element, parent }, ...childElements(element).flatMap((child) => walk(child, below(child), element))];
}

const child = (parent: XmlElement | undefined, name: string): string | undefined => {
  const found = childElements(parent ?? { name: '', attributes: {}, children: [] }).find((each) => each.name === name);
  return found === undefined ? undefined : textIn(found);
};
const textIn = (element: XmlElement): string => textOf(element) ?? '';

/** What in the documents of a node could be reached, or reaches out, without TLS. */
function plaintextIn(documents: readonly DocumentTemplate[]): string[] {
  const found = documents.flatMap(({ template: text }) => walk(parseXml(text)));
  const problems: string[] = [];
  for (const { path, element, parent } of found) {
    const { name, attributes } = element;
    if (PLAINTEXT.includes(name)) problems.push(`${path} is there`);
    if (['incl', 'include', 'from_env', 'from_zk'].some((each) => each in attributes)) problems.push(`${path} comes from elsewhere`);
    if (name === 'include_from') problems.push(`${path} brings in what was not read`);
    if (/(?:^|_)ports?(?:_|$)/.test(name) && !PLAINTEXT.includes(name) && textIn(element) !== String(SAID[path])) problems.push(`${path} is ${textIn(element)}`);
    if (/listen_host$/.test(name) && !ADDRESSES.includes(textIn(element))) problems.push(`${path} is ${textIn(element)}`);
    // whoever connects says so of each peer.
    if (/\/(?:zookeeper\/node|replica)\/port$/.test(path) && child(parent, 'secure') !== '1') problems.push(`${path.replace(/port$/, 'secure')} is ${child(parent, 'secure') ?? 'not there'}`);
    // of all Keepers at once, and absent means plaintext (https://github.com/ClickHouse/ClickHouse/pull/22992).
    if (name === 'raft_configuration' && child(element, 'secure') !== 'true') problems.push(`${path}/secure is ${child(element, 'secure') ?? 'not there'}`);
    if (name === 'keeper_server' && !childElements(element).some((each) => each.name === 'raft_configuration')) problems.push(`${path}/raft_configuration is not there`);
  }
  return problems;
}

/** Where the documents of a node listen. */
function listensOn(documents: readonly DocumentTemplate[]): number[] {
  const found = documents.flatMap(({ template: text }) => walk(parseXml(text)));
  const raft = found.filter(({ path }) => path === 'clickhouse/keeper_server/raft_configuration/server/port').slice(0, 1);
  return [...found.filter(({ path }) => LISTENING.includes(path)), ...raft].map(({ element }) => Number(textIn(element))).sort((a, b) => a - b);
}

const published = one(template, 'Custom::ClickHouseArtefacts');
const boot = (published.Properties.Manifests as { Content: string }[]).map(({ Content }) => JSON.parse(Content) as BootManifest);
const live = liveOf(template);
const ofServer = [...(boot.find(({ role }) => role === 'server')?.documents ?? []), ...live.documents, ...live.users];
const ofKeeper = boot.find(({ role }) => role === 'keeper')?.documents ?? [];

describe('plaintext', () => {
  test('what is looked at is all there is', () => {
    expect(boot.map(({ role }) => role)).toEqual(['server', 'keeper']);
    expect(ofServer.map(({ path }) => path.replace(/.*clickhouse-server\//, ''))).toEqual(['config.xml', 'config.d/certificates.xml', 'config.d/internode.xml', 'config.d/cluster.xml', 'users.xml', 'users.d/migrations.xml', 'users.d/ingest.xml', 'users.d/reports.xml']);
    expect(ofKeeper.map(({ path }) => path.replace(/.*clickhouse-keeper\//, ''))).toEqual(['keeper_config.xml', 'keeper_config.d/certificates.xml']);
    // what is reviewed is what is run.
    const reviewed = published.Metadata?.[METADATA_DOCUMENTS] as Record<string, string[]>;
    expect(Object.keys(reviewed).sort()).toEqual([...ofServer, ...ofKeeper].map(({ path }) => path).sort());
    for (const { path, template: text } of [...ofServer, ...ofKeeper]) expect(`${reviewed[path]?.join('\n')}\n`).toBe(text);
  });

  test('servers listen on three ports and Keepers on two, all with TLS', () => {
    expect(listensOn(ofServer)).toEqual([PORTS.https, PORTS.interserver, PORTS.native].sort((a, b) => a - b));
    expect(listensOn(ofKeeper)).toEqual([PORTS.keeper, PORTS.raft]);
    expect(plaintextIn(ofServer)).toEqual([]);
    expect(plaintextIn(ofKeeper)).toEqual([]);
  });

  const within = (insertion: string) => (text: string): string => text.replace(/<clickhouse>/, `<clickhouse>${insertion}`);

  test.each<[string, readonly DocumentTemplate[], string, (text: string) => string, string]>([
    ...['http_port', 'tcp_port', 'interserver_http_port', 'mysql_port', 'postgresql_port', 'grpc_port', 'tcp_with_proxy_port'].map((name): [string, readonly DocumentTemplate[], string, (text: string) => string, string] => [name, ofServer, 'config.xml', within(`<${name}>8123</${name}>`), `clickhouse/${name} is there`]),
    ['a plaintext listener on a TLS port', ofServer, 'config.xml', (text) => text.replace('https_port>', 'http_port>').replace('/https_port>', '/http_port>'), 'clickhouse/http_port is there'],
    ['prometheus', ofServer, 'config.xml', within('<prometheus><endpoint>/metrics</endpoint><port>9363</port></prometheus>'), 'clickhouse/prometheus is there'],
    ['a protocol', ofServer, 'users.xml', within('<protocols><plain><type>tcp</type><port>9000</port></plain></protocols>'), 'clickhouse/protocols is there'],
    ['another port', ofServer, 'config.xml', (text) => text.replace(`<tcp_port_secure>${PORTS.native}`, '<tcp_port_secure>9000'), 'clickhouse/tcp_port_secure is 9000'],
    ['a port of a new release', ofServer, 'config.xml', within('<quic_port>8444</quic_port>'), 'clickhouse/quic_port is 8444'],
    ['every address', ofServer, 'config.xml', within('<listen_host>0.0.0.0</listen_host>'), 'clickhouse/listen_host is 0.0.0.0'],
    ['Keeper without TLS', ofServer, 'config.xml', (text) => text.replace(/<secure>1<\/secure>/, '<secure>0</secure>'), 'clickhouse/zookeeper/node/secure is 0'],
    ['Keeper at its plaintext port', ofServer, 'config.xml', (text) => text.replace(`<port>${PORTS.keeper}`, '<port>9181'), 'clickhouse/zookeeper/node/port is 9181'],
    ['a peer without TLS', ofServer, 'config.d/cluster.xml', (text) => text.replace(/<secure>1<\/secure>/, ''), 'clickhouse/remote_servers/*/shard/replica/secure is not there'],
    ['a peer at its plaintext port', ofServer, 'config.d/cluster.xml', (text) => text.replace(`<port>${PORTS.native}`, '<port>9000'), 'clickhouse/remote_servers/*/shard/replica/port is 9000'],
    ['a document of somebody', ofServer, 'users.d/reports.xml', within('<tcp_port>9000</tcp_port>'), 'clickhouse/tcp_port is there'],
    ['what the environment says', ofServer, 'config.xml', within('<max_connections from_env="MOST"/>'), 'clickhouse/max_connections comes from elsewhere'],
    ['Keeper\'s plaintext port', ofKeeper, 'keeper_config.xml', (text) => text.replace('<keeper_server>', '<keeper_server><tcp_port>9181</tcp_port>'), 'clickhouse/keeper_server/tcp_port is there'],
    ['Keeper\'s metrics', ofKeeper, 'keeper_config.xml', within('<prometheus><port>9363</port></prometheus>'), 'clickhouse/prometheus is there'],
    ['Raft that does not say', ofKeeper, 'keeper_config.xml', (text) => text.replace('<secure>true</secure>', ''), 'clickhouse/keeper_server/raft_configuration/secure is not there'],
    ['Raft without TLS', ofKeeper, 'keeper_config.xml', (text) => text.replace('<secure>true</secure>', '<secure>false</secure>'), 'clickhouse/keeper_server/raft_configuration/secure is false'],
    ['Raft at its plaintext port', ofKeeper, 'keeper_config.xml', (text) => text.replace(`<port>${PORTS.raft}`, '<port>9234'), 'clickhouse/keeper_server/raft_configuration/server/port is 9234'],
  ])('would be seen: %s', (_, documents, name, mutate, problem) => {
    const mutated = documents.map(({ path, template: text }) => ({ path, template: path.endsWith(`/${name}`) ? mutate(text) : text }));
    expect(mutated.filter((each, index) => each.template !== documents[index]?.template)).toHaveLength(1);
    expect(plaintextIn(mutated)).toContain(problem);
  });
});

/** TLS ports of ours, and HTTPS, by which nodes and functions call AWS. */
const WAYS: readonly unknown[] = [...Object.values(PORTS), 443];

interface Rule {
  readonly IpProtocol?: unknown;
  readonly FromPort?: unknown;
  readonly ToPort?: unknown;
  readonly CidrIp?: unknown;
}

/** What in a template lets plaintext through. */
function openIn(found: Readonly<Record<string, Resource>>): string[] {
  const clients: readonly unknown[] = [PORTS.https, PORTS.native];
  const problems = (id: string, rules: readonly Rule[]): string[] =>
    // how the CDK writes "nowhere".
    rules.filter(({ IpProtocol, CidrIp }) => !(IpProtocol === 'icmp' && CidrIp === '255.255.255.255/32')).filter(({ IpProtocol, FromPort, ToPort }) => IpProtocol !== 'tcp' || FromPort !== ToPort || !WAYS.includes(FromPort)).map(({ IpProtocol, FromPort, ToPort }) => `${id} admits ${String(IpProtocol)} ${String(FromPort)}-${String(ToPort)}`);
  return Object.entries(found).flatMap(([id, { Type, Properties }]) => {
    switch (Type) {
      case 'AWS::ElasticLoadBalancingV2::Listener': return clients.includes(Properties.Port) && Properties.Protocol === 'TCP' ? [] : [`${id} listens on ${String(Properties.Port)} ${String(Properties.Protocol)}`];
      case 'AWS::ElasticLoadBalancingV2::TargetGroup': return [
        ...(clients.includes(Properties.Port) && Properties.Protocol === 'TCP' ? [] : [`${id} forwards to ${String(Properties.Port)} ${String(Properties.Protocol)}`]),
        ...(Properties.HealthCheckProtocol === 'HTTPS' && Properties.HealthCheckPort === String(PORTS.https) ? [] : [`${id} checks ${String(Properties.HealthCheckPort)} ${String(Properties.HealthCheckProtocol)}`]),
      ];
      case 'AWS::EC2::SecurityGroup': return [...problems(id, (Properties.SecurityGroupIngress ?? []) as Rule[]), ...problems(id, (Properties.SecurityGroupEgress ?? []) as Rule[])];
      case 'AWS::EC2::SecurityGroupIngress':
      case 'AWS::EC2::SecurityGroupEgress': return problems(id, [Properties]);
      default: return [];
    }
  });
}

describe('a way for plaintext', () => {
  const ofType = (type: string): [string, Resource][] => Object.entries(resources(template, type));

  test('load balancer and security groups name TLS ports and nothing else', () => {
    expect(openIn(all)).toEqual([]);
    expect(ofType('AWS::ElasticLoadBalancingV2::Listener').map(([, { Properties }]) => Properties.Port).sort()).toEqual([PORTS.https, PORTS.native]);
    expect(ofType('AWS::ElasticLoadBalancingV2::TargetGroup').map(([, { Properties }]) => Properties.Port).sort()).toEqual([PORTS.https, PORTS.native]);
    const admitted = ofType('AWS::EC2::SecurityGroupIngress').map(([, { Properties }]) => Properties.FromPort);
    expect([...new Set(admitted)].sort()).toEqual([...WAYS].sort());
  });

  test.each<[string, string, Readonly<Record<string, unknown>>, RegExp]>([
    ['a listener', 'AWS::ElasticLoadBalancingV2::Listener', { Port: 8123 }, / listens on 8123 TCP$/],
    ['a listener over UDP', 'AWS::ElasticLoadBalancingV2::Listener', { Protocol: 'TCP_UDP' }, / TCP_UDP$/],
    ['a target group', 'AWS::ElasticLoadBalancingV2::TargetGroup', { Port: 9000 }, / forwards to 9000 TCP$/],
    ['a health check', 'AWS::ElasticLoadBalancingV2::TargetGroup', { HealthCheckProtocol: 'HTTP' }, / checks 8443 HTTP$/],
    ['a rule', 'AWS::EC2::SecurityGroupIngress', { FromPort: 8123, ToPort: 8123 }, / admits tcp 8123-8123$/],
    ['a range', 'AWS::EC2::SecurityGroupIngress', { FromPort: 8443, ToPort: 9440 }, / admits tcp 8443-9440$/],
    ['every protocol', 'AWS::EC2::SecurityGroupIngress', { IpProtocol: '-1', FromPort: undefined, ToPort: undefined }, / admits -1 undefined-undefined$/],
    ['a way out', 'AWS::EC2::SecurityGroupEgress', { FromPort: 2181, ToPort: 2181 }, / admits tcp 2181-2181$/],
    ['a rule of a group', 'AWS::EC2::SecurityGroup', { SecurityGroupIngress: [{ IpProtocol: 'tcp', FromPort: 80, ToPort: 80 }] }, / admits tcp 80-80$/],
  ])('would be seen: %s', (_, type, more, problem) => {
    const [[id = '', resource] = []] = ofType(type);
    expect(resource?.Type).toBe(type);
    expect(openIn({ ...all, [id]: { Type: type, Properties: { ...resource?.Properties, ...more } } })).toEqual([expect.stringMatching(problem)]);
  });
});
