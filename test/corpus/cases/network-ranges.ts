import { att, group, instance, network, publicInterface, resource, single, tcp } from '../build';
import type { Layer } from '../case';
import { at, closed, FROM_INSIDE, NO_ADDRESS, open, reachable } from './parts';

const rules = (...sources: readonly string[]): ReturnType<typeof network> =>
  network({ Group: group(...sources.map((source) => tcp(8123, source))), Db: instance(publicInterface()) });
const source = (index: number): readonly (string | number)[] => at('Group', 'SecurityGroupIngress', index, 'CidrIp');

const prefixList = (...cidrs: readonly string[]): ReturnType<typeof resource> =>
  resource('AWS::EC2::PrefixList', { PrefixListName: 'partners', AddressFamily: 'IPv4', MaxEntries: 5, Entries: cidrs.map((Cidr) => ({ Cidr })) });
const fromList = (SourcePrefixListId: unknown): unknown => ({ IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, SourcePrefixListId });

/** Which sources are the internet: everything but the special-purpose registries, https://www.iana.org/assignments/iana-ipv4-special-registry */
export const RANGES: Layer = {
  layer: 'address ranges',
  cases: [
    {
      name: 'two halves of the internet',
      why: '0.0.0.0/1 and 128.0.0.0/1 are everything, without a /0 anywhere',
      templates: single(rules('0.0.0.0/1', '128.0.0.0/1')),
      verdict: 'exposed',
      twin: NO_ADDRESS,
    },
    {
      name: 'one 64th of the internet on all ports',
      why: '52.0.0.0/6 is 67 million public addresses',
      templates: single(reachable({ IpProtocol: '-1', CidrIp: '52.0.0.0/6' })),
      verdict: 'exposed',
      twin: FROM_INSIDE,
    },
    {
      name: 'one public address',
      why: 'a single address of the internet is still the internet',
      templates: single(reachable(tcp(8123, '52.95.110.1/32'))),
      verdict: 'exposed',
      twin: closed('addresses for documentation are nobody', source(0), '203.0.113.7/32'),
    },
    {
      name: 'private range that is one bit too wide',
      why: '10.0.0.0/7 is 10.0.0.0/8 and the public 11.0.0.0/8',
      templates: single(reachable(tcp(8123, '10.0.0.0/7'))),
      verdict: 'exposed',
      twin: closed('10.0.0.0/8 is private', source(0), '10.0.0.0/8'),
    },
    {
      name: 'every range that is not the internet',
      why: 'private, shared, link-local, benchmarking and documentation addresses do not come from the internet',
      templates: single(rules('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '198.18.0.0/15', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '240.0.0.0/4')),
      verdict: 'private',
      twin: open('172.0.0.0/11 is twice as wide as the private 172.16.0.0/12', source(1), '172.0.0.0/11'),
    },
    {
      name: 'public range beside a private one',
      why: '11.0.0.0/8 follows 10.0.0.0/8 and is public',
      templates: single(rules('10.0.0.0/8', '11.0.0.0/8')),
      verdict: 'exposed',
      twin: closed('100.64.0.0/10 is carrier-grade NAT', source(1), '100.64.0.0/10'),
    },
    {
      name: 'prefix list of the template',
      why: 'one entry of the list is 0.0.0.0/0',
      templates: single(reachable(fromList(att('Partners', 'PrefixListId')), { Partners: prefixList('10.0.0.0/8', '0.0.0.0/0') })),
      verdict: 'exposed',
      twin: closed('all entries are private', at('Partners', 'Entries', 1, 'Cidr'), '192.168.0.0/16'),
    },
    {
      name: 'prefix list by a literal id',
      why: 'nobody here knows the entries of the list',
      templates: single(reachable(fromList('pl-0123456789abcdef0'))),
      verdict: 'unknown',
      twin: NO_ADDRESS,
    },
    {
      name: 'source that is no range',
      why: 'CloudFormation would refuse it; nothing proves that it is private',
      templates: single(reachable(tcp(8123, 'anywhere'))),
      verdict: 'unknown',
      twin: FROM_INSIDE,
    },
  ],
};
