import * as fc from 'fast-check';
import { HOLE_NAMES, PASSWORD_SLOTS, fillHoles, hole, openHoles, passwordHole } from '../../lib/config/holes';
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
  certificatePath: '/run/certificates/1/node.crt',
  privateKeyPath: '/run/certificates/1/node.key',
  caBundlePath: '/run/certificates/1/ca.crt',
  interserverPassword: 'x'.repeat(32),
  clusterSecret: 'y'.repeat(40),
  maintenanceHash: 'b'.repeat(64),
  passwords: { ingest: { currentHash: HASH, pendingHash: 'c'.repeat(64), previousHash: 'd'.repeat(64) } },
};
const isSlot = (name: string) => (PASSWORD_SLOTS as readonly string[]).includes(name);
const holeNamed = (name: (typeof HOLE_NAMES)[number]) => (isSlot(name) ? passwordHole(name as (typeof PASSWORD_SLOTS)[number], 'ingest') : hole(name as 'nodeIp'));

test.each(HOLE_NAMES)('%s: filled with a good value, an error when open', (name) => {
  const document = renderXml(element('a', holeNamed(name)));
  expect(openHoles(document)).toHaveLength(1);
  expect(openHoles(fillHoles(document, VALUES))).toEqual([]);
  expect(codeOf(() => fillHoles(document, {}))).toBe('OpenHole');
});

test.each(HOLE_NAMES)('%s: a value that would add markup is refused', (name) => {
  const document = renderXml(element('a', holeNamed(name)));
  for (const bad of ['</a><http_port>8123</http_port><a>', '', ' ', '&amp;', '10.0.0.0/16\n', '"', '../x', '@{nodeIp}', '${x}', '$&', "$'"]) {
    const values = isSlot(name)
      ? { passwords: { ingest: { currentHash: HASH, pendingHash: HASH, previousHash: HASH, [name]: bad } } }
      : { [name]: name === 'clientNetworks' ? [bad] : bad };
    expect(['HoleValue', 'OpenHole']).toContain(codeOf(() => fillHoles(document, values)));
  }
});

test.each(['interserverPassword', 'clusterSecret', 'maintenanceHash'] as const)('%s: an error does not repeat the secret', (name) => {
  const secret = 'hunter2-is-not-good-enough';
  expect(() => fillHoles(renderXml(element('a', hole(name))), { [name]: secret })).toThrow(/not shown/);
  expect(() => fillHoles(renderXml(element('a', hole(name))), { [name]: secret })).not.toThrow(/hunter2/);
});

test('networks become one element a range', () => {
  const document = fillHoles(renderXml(element('networks', hole('clientNetworks'))), VALUES);
  expect(readElsewhere(document).children.map((child) => [child.name, child.text])).toEqual([['ip', '10.0.0.0/16'], ['ip', 'fd00::/8']]);
  expect(codeOf(() => fillHoles(document.replace(/<ip>.*<\/ip>/, '@{clientNetworks}'), { clientNetworks: [] }))).toBe('OpenHole');
});

test.each(['0.0.0.0', '0.1.2.3', '256.1.1.1', '10.0.0.999', '224.0.0.1', '255.255.255.255', '10.0.0', '::'])('a server never listens on %s', (nodeIp) => {
  expect(codeOf(() => fillHoles(renderXml(element('listen_host', hole('nodeIp'))), { nodeIp }))).toBe('HoleValue');
});

test.each(['0.0.0.0/0', '::/0', '0.0.0.0/1', '128.0.0.0/1', '8.0.0.0/8', '2000::/3', '10.0.0.0/33', '10.0.0/8', '1.2.3.4'])('clients never come from %s', (network) => {
  expect(codeOf(() => fillHoles(renderXml(element('networks', hole('clientNetworks'))), { clientNetworks: ['10.0.0.0/16', network] }))).toBe('HoleValue');
});

test.each(['10.0.0.0/8', '172.31.0.0/16', '100.64.0.0/10', '198.51.0.0/16', 'fd00::/8', '127.0.0.1/32'])('clients may come from %s', (network) => {
  expect(fillHoles(renderXml(element('networks', hole('clientNetworks'))), { clientNetworks: [network] })).toContain(`<ip>${network}</ip>`);
});

test('a slot is filled from its own user, and no user is borrowed from the prototype', () => {
  const document = renderXml(element('a', passwordHole('currentHash', 'reports')));
  expect(codeOf(() => fillHoles(document, VALUES))).toBe('OpenHole');
  for (const user of ['toString', '__proto__', 'constructor']) {
    expect(codeOf(() => fillHoles(renderXml(element('a', passwordHole('currentHash', user))), VALUES))).toBe('OpenHole');
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
