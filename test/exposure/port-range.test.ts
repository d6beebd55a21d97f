// which ports an entry is about, against every port of a small range one by one.
import * as fc from 'fast-check';
import { bounds, EVERY_PORT, matches, port, portsOf, portWords } from '../../lib/exposure/network/port-range';
import type { Ports } from '../../lib/exposure/network/port-range';
import type { Located } from '../../lib/exposure/templates/templates';
import { TemplateSet } from '../../lib/exposure/templates/templates';

const Parameters = { Stage: { Type: 'String' }, Number: { Type: 'Number', Default: 8123 } };
const [template] = new TemplateSet([{ path: 'main.json', body: { Resources: {}, Parameters, Conditions: { Open: { 'Fn::Equals': [{ Ref: 'Stage' }, 'dev'] } } } }]).templates;
const WHY = 'parameter Stage has no default';

function entry(node: Readonly<Record<string, unknown>>): Located {
  if (template === undefined) throw new Error('no template');
  return { node, template };
}

const rule = (node: Readonly<Record<string, unknown>>): Ports => portsOf(entry(node), ['FromPort'], ['ToPort'], 'IpProtocol');
const aclEntry = (node: Readonly<Record<string, unknown>>): Ports => portsOf(entry(node), ['PortRange', 'From'], ['PortRange', 'To'], 'Protocol');

const number = fc.nat({ max: 12 });
const bound = fc.oneof(number, number.map(() => WHY));
// EC2 takes no range that ends before it begins.
const ports: fc.Arbitrary<Ports> = fc.record({ tcp: fc.constantFrom<Ports['tcp']>(true, false, 'which protocol'), first: bound, last: bound }).filter(({ first, last }) => typeof first === 'string' || typeof last === 'string' || first <= last);
const between = (first: number, last: number): number[] => Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);

/** All ranges that an entry may mean: an unknown bound is any port, and an unknown protocol may be all of them, for which there are no ports. */
function meant({ tcp, first, last }: Ports): ReadonlyArray<readonly [number, number]> {
  if (typeof tcp === 'string') return [[0, 12], ...meant({ tcp: true, first, last })];
  const of = (each: number | string): number[] => (typeof each === 'number' ? [each] : between(0, 12));
  return of(first).flatMap((from) => of(last).map((to) => [from, to] as const)).filter(([from, to]) => from <= to);
}

describe('whether an entry holds a port', () => {
  test('is said as trying every port says it', () => {
    fc.assert(
      fc.property(ports, number, (each, wanted) => {
        const answers = new Set(meant(each).map(([first, last]) => each.tcp !== false && between(first, last).includes(wanted)));
        // it may be UDP, too.
        if (typeof each.tcp === 'string') answers.add(false);
        const found = matches(each, port(wanted));
        if (answers.size === 1 && !answers.has(true)) expect(found).toBe(false);
        else if (answers.size === 1 && each.tcp === true) expect(typeof each.first === 'string' || typeof each.last === 'string' || found === true).toBe(true);
        else expect(typeof found).toBe('string');
        if (found === true) expect([...answers]).toEqual([true]);
        if (found === false) expect([...answers]).toEqual([false]);
      }),
      { numRuns: 5_000 },
    );
  });

  test('is said of one of several ports that nobody knows, and of any of them', () => {
    fc.assert(
      fc.property(ports, number, number, (each, one, other) => {
        const wanted = { first: Math.min(one, other), last: Math.max(one, other) };
        const inside = between(wanted.first, wanted.last);
        const [single, any] = [matches(each, wanted), matches(each, { ...wanted, any: true })];
        for (const [found, chosen] of [[single, 'every'], [any, 'some']] as const) {
          const answers = meant(each).map(([first, last]) => {
            const held = between(first, last);
            return each.tcp !== false && (chosen === 'every' ? inside.every((p) => held.includes(p)) : inside.some((p) => held.includes(p)));
          });
          if (found === true) expect(answers).not.toContain(false);
          // nothing is closed that may be open to one of them.
          if (found === false) expect(meant(each).some(([first, last]) => each.tcp !== false && between(first, last).some((p) => inside.includes(p)))).toBe(false);
        }
        // where everything is known, one or any of them is exact.
        if (each.tcp === true && typeof each.first === 'number' && typeof each.last === 'number') {
          const held = between(each.first, each.last);
          expect(any).toBe(inside.some((p) => held.includes(p)));
          expect(single === true).toBe(inside.every((p) => held.includes(p)));
          expect(single === false).toBe(!inside.some((p) => held.includes(p)));
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test('changes at its bounds only', () => {
    fc.assert(
      fc.property(ports, fc.nat({ max: 14 }), (each, at) => {
        const here = matches(each, port(at + 1));
        if (!bounds(each).includes(at + 1)) expect(here).toEqual(matches(each, port(at)));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('what an entry says', () => {
  test.each<[Readonly<Record<string, unknown>>, Ports]>([
    [{ IpProtocol: 'tcp', FromPort: 8123, ToPort: 8124 }, { tcp: true, first: 8123, last: 8124 }],
    [{ IpProtocol: 'tcp', FromPort: '8123', ToPort: '8124' }, { tcp: true, first: 8123, last: 8124 }],
    [{ IpProtocol: 'TCP', FromPort: 1, ToPort: 2 }, { tcp: true, first: 1, last: 2 }],
    [{ IpProtocol: 6, FromPort: 1, ToPort: 2 }, { tcp: true, first: 1, last: 2 }],
    [{ IpProtocol: '6', FromPort: 1, ToPort: 2 }, { tcp: true, first: 1, last: 2 }],
    [{ IpProtocol: 'udp', FromPort: 1, ToPort: 2 }, { tcp: false, first: 1, last: 2 }],
    [{ IpProtocol: 17 }, { tcp: false, first: 0, last: 65535 }],
    [{ IpProtocol: 'icmp', FromPort: -1, ToPort: -1 }, { tcp: false, first: 0, last: 65535 }],
    // all protocols are all ports, whichever are written; https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    [{ IpProtocol: '-1', FromPort: 22, ToPort: 22 }, { tcp: true, first: 0, last: 65535 }],
    [{ IpProtocol: -1 }, { tcp: true, first: 0, last: 65535 }],
    [{ IpProtocol: 'all' }, { tcp: true, first: 0, last: 65535 }],
    [{ IpProtocol: 'tcp', FromPort: -1, ToPort: -1 }, { tcp: true, first: 0, last: 65535 }],
    [{ IpProtocol: 'tcp' }, { tcp: true, first: 0, last: 65535 }],
    [{ IpProtocol: 'tcp', FromPort: { Ref: 'Number' }, ToPort: { Ref: 'Stage' } }, { tcp: true, first: 8123, last: WHY }],
    [{ IpProtocol: { Ref: 'Stage' }, FromPort: 1, ToPort: 2 }, { tcp: WHY, first: 1, last: 2 }],
    [{ IpProtocol: '{{resolve:ssm:/protocol}}', FromPort: 1, ToPort: 2 }, { tcp: '{{resolve:ssm:/protocol}} is only read at deployment', first: 1, last: 2 }],
    [{ IpProtocol: 'tcp', FromPort: 'http', ToPort: 1.5 }, { tcp: true, first: '"http" is not a port', last: '1.5 is not a port' }],
    [{ IpProtocol: { 'Fn::If': ['Open', 'tcp', 'udp'] }, FromPort: { 'Fn::If': ['Open', 1, 2] }, ToPort: 3 }, { tcp: `condition Open cannot be decided: ${WHY}`, first: `condition Open cannot be decided: ${WHY}`, last: 3 }],
  ])('%j', (node, expected) => {
    expect(rule(node)).toEqual(expected);
  });

  test('of a network ACL stands one level deeper', () => {
    expect(aclEntry({ Protocol: 6, PortRange: { From: 1024, To: 65535 } })).toEqual({ tcp: true, first: 1024, last: 65535 });
    expect(aclEntry({ Protocol: 6 })).toEqual({ tcp: true, first: 0, last: 65535 });
    expect(aclEntry({ Protocol: -1, PortRange: { From: 22, To: 22 } })).toEqual({ tcp: true, first: 0, last: 65535 });
  });
});

test('ports have words', () => {
  expect([port(8123), { first: 8123, last: 9000 }, EVERY_PORT, { first: 1, last: 65535 }, { first: 1, last: 65534 }].map(portWords)).toEqual(['port 8123', 'ports 8123 to 9000', 'all ports', 'all ports', 'ports 1 to 65534']);
});
