import * as fc from 'fast-check';
import { HOLE_NAMES, fillHoles, hole, openHoles, passwordHole } from '../../lib/config/holes';
import type { HoleValues } from '../../lib/config/holes';
import { element, renderXml } from '../../lib/config/xml';
import { codeOf, readElsewhere, xmlText } from './oracle';

const HASH = 'a'.repeat(64);
const VALUES: HoleValues = {
  nodeName: 'server-1-2',
  nodeHost: 'server-1-2.analytics.clickhouse.internal',
  shard: '1',
  replica: '2',
  serverId: '3',
  nodeIp: '10.0.1.7',
  clientNetworks: ['10.0.0.0/16', 'fd00::/8'],
  rotationNetworks: ['10.0.3.0/24'],
  certificatePath: '/run/certificates/1/node.crt',
  privateKeyPath: '/run/certificates/1/node.key',
  caBundlePath: '/run/certificates/1/ca.crt',
  interserverPassword: 'x'.repeat(32),
  clusterSecret: 'y'.repeat(40),
  maintenanceHash: 'b'.repeat(64),
  passwordHashes: { ingest: [HASH, 'c'.repeat(64), 'd'.repeat(64)] },
};
const holeNamed = (name: (typeof HOLE_NAMES)[number]) => (name === 'passwordHashes' ? passwordHole('ingest') : hole(name));
const NETWORKS = ['clientNetworks', 'rotationNetworks'] as const;
const isNetworks = (name: string) => (NETWORKS as readonly string[]).includes(name);

test.each(HOLE_NAMES)('%s: filled with a good value, an error when open', (name) => {
  const document = renderXml(element('a', holeNamed(name)));
  expect(openHoles(document)).toHaveLength(1);
  expect(openHoles(fillHoles(document, VALUES))).toEqual([]);
  expect(codeOf(() => fillHoles(document, {}))).toBe('OpenHole');
});

test.each(HOLE_NAMES)('%s: a value that would add markup is refused', (name) => {
  const document = renderXml(element('a', holeNamed(name)));
  for (const bad of ['</a><http_port>8123</http_port><a>', '', ' ', '&amp;', '10.0.0.0/16\n', '"', '../x', '@{nodeIp}', '${x}', '$&', "$'"]) {
    const values = name === 'passwordHashes' ? { passwordHashes: { ingest: [HASH, bad] } } : { [name]: isNetworks(name) ? ['10.0.0.0/16', bad] : bad };
    expect(['HoleValue', 'OpenHole']).toContain(codeOf(() => fillHoles(document, values)));
  }
});

test.each(['interserverPassword', 'clusterSecret', 'maintenanceHash'] as const)('%s: an error does not repeat the secret', (name) => {
  const secret = 'hunter2-is-not-good-enough';
  expect(() => fillHoles(renderXml(element('a', hole(name))), { [name]: secret })).toThrow(/not shown/);
  expect(() => fillHoles(renderXml(element('a', hole(name))), { [name]: secret })).not.toThrow(/hunter2/);
});

test.each(NETWORKS)('%s become one element a range', (name) => {
  const document = renderXml(element('networks', hole(name)));
  const filled = fillHoles(document, { [name]: ['10.0.0.0/16', 'fd00::/8'] });
  expect(readElsewhere(filled).children.map((child) => [child.name, child.text])).toEqual([['ip', '10.0.0.0/16'], ['ip', 'fd00::/8']]);
  expect(codeOf(() => fillHoles(document, { [name]: [] }))).toBe('OpenHole');
});

test('lists stand beside elements and beside each other', () => {
  const document = fillHoles(renderXml(element('networks', element('ip', '10.9.0.0/16'), hole('clientNetworks'), hole('rotationNetworks'))), VALUES);
  expect(readElsewhere(document).children.map((child) => child.text)).toEqual(['10.9.0.0/16', '10.0.0.0/16', 'fd00::/8', '10.0.3.0/24']);
});

test('passwords become one login method each, one hash a method: of two in one ClickHouse would silently take the first', () => {
  fc.assert(fc.property(fc.array(fc.stringMatching(/^[0-9a-f]{64}$/), { minLength: 1, maxLength: 16 }), (hashes) => {
    const document = fillHoles(renderXml(element('auth_methods', passwordHole('ingest'))), { passwordHashes: { ingest: hashes } });
    const methods = readElsewhere(document).children;
    expect(methods.map((method) => method.children.map((child) => [child.name, child.text]))).toEqual(hashes.map((hash) => [['password_sha256_hex', hash]]));
    expect(new Set(methods.map((method) => method.name)).size).toBe(hashes.length);
  }));
});

test('a user without a password that is valid now is an error, not a user without login methods', () => {
  const document = renderXml(element('auth_methods', passwordHole('ingest')));
  expect(codeOf(() => fillHoles(document, { passwordHashes: { ingest: [] } }))).toBe('OpenHole');
  expect(codeOf(() => fillHoles(document, { passwordHashes: { reports: [HASH] } }))).toBe('OpenHole');
});

test('an error does not repeat a hash', () => {
  const document = renderXml(element('auth_methods', passwordHole('ingest')));
  expect(() => fillHoles(document, { passwordHashes: { ingest: [HASH.toUpperCase()] } })).toThrow(/not shown/);
  expect(() => fillHoles(document, { passwordHashes: { ingest: [HASH.toUpperCase()] } })).not.toThrow(/AAAA/);
});

test.each(['0.0.0.0', '0.1.2.3', '256.1.1.1', '10.0.0.999', '224.0.0.1', '255.255.255.255', '10.0.0', '::'])('a server never listens on %s', (nodeIp) => {
  expect(codeOf(() => fillHoles(renderXml(element('listen_host', hole('nodeIp'))), { nodeIp }))).toBe('HoleValue');
});

test.each(['0.0.0.0/0', '::/0', '0.0.0.0/1', '128.0.0.0/1', '8.0.0.0/8', '2000::/3', '10.0.0.0/33', '10.0.0/8', '1.2.3.4'])('clients never come from %s', (network) => {
  for (const name of NETWORKS) expect(codeOf(() => fillHoles(renderXml(element('networks', hole(name))), { [name]: ['10.0.0.0/16', network] }))).toBe('HoleValue');
});

test.each(['10.0.0.0/8', '172.31.0.0/16', '100.64.0.0/10', '198.51.0.0/16', 'fd00::/8', '127.0.0.1/32'])('clients may come from %s', (network) => {
  expect(fillHoles(renderXml(element('networks', hole('clientNetworks'))), { clientNetworks: [network] })).toContain(`<ip>${network}</ip>`);
});

test('a user is given its own passwords, and none is borrowed from the prototype', () => {
  const document = renderXml(element('a', passwordHole('reports')));
  expect(codeOf(() => fillHoles(document, VALUES))).toBe('OpenHole');
  for (const user of ['toString', '__proto__', 'constructor']) {
    expect(codeOf(() => fillHoles(renderXml(element('a', passwordHole(user))), VALUES))).toBe('OpenHole');
  }
});

test.each(['@{http_port}', '@{}', '@{toString}', '@{__proto__}', '@{nodeip}'])('%s is no hole', (placeholder) => {
  expect(codeOf(() => fillHoles(`<a>${placeholder}</a>`, VALUES))).toBe('UnknownHole');
});

test('filling changes nothing but holes', () => {
  fc.assert(fc.property(xmlText, xmlText, (before, after) => {
    const document = renderXml(element('r', element('a', before), element('b', hole('nodeIp')), element('c', after)));
    expect(readElsewhere(fillHoles(document, VALUES)).children.map((child) => child.text)).toEqual([before, '10.0.1.7', after]);
  }));
});
