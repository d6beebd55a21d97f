import { att, group, instance, ref, resource, single, tcp } from '../build';
import type { Json, Layer } from '../case';
import { at, closed, dual, NO_RULE, open, reachable, tcpSix } from './parts';

/** An entry of a network ACL; inbound, for everything. */
const entry = (properties: Json = {}): Json =>
  resource('AWS::EC2::NetworkAclEntry', { NetworkAclId: ref('Acl'), RuleNumber: 100, RuleAction: 'allow', Protocol: -1, CidrBlock: '0.0.0.0/0', ...properties });
const outwards = (properties: Json = {}): Json => entry({ RuleNumber: 200, Egress: true, ...properties });
const ports = (From: number, To = From): Json => ({ Protocol: 6, PortRange: { From, To } });
const on = (subnet: string, NetworkAclId: unknown = ref('Acl')): Json => resource('AWS::EC2::SubnetNetworkAclAssociation', { SubnetId: ref(subnet), NetworkAclId });

/** A network ACL of subnet `Public`, which admits what the entries say and lets all answers out. */
const acl = (more: Json): Json => ({
  Acl: resource('AWS::EC2::NetworkAcl', { VpcId: ref('Vpc') }),
  AclAssociation: on('Public'),
  In: entry(),
  Out: outwards(),
  ...more,
});

/** Network ACLs are stateless, read in the order of their numbers, and end with a refusal. https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html */
export const ACLS: Layer = {
  layer: 'network ACLs',
  cases: [
    {
      name: 'ACL that admits and answers everything',
      why: 'both directions are open',
      templates: single(reachable(tcp(8123), acl({}))),
      verdict: 'exposed',
      twin: closed('nothing is admitted', at('In', 'RuleAction'), 'deny'),
    },
    {
      name: 'ACL on another subnet',
      why: 'an ACL without entries refuses everything, but it is not on the subnet of the database',
      templates: single(reachable(tcp(8123), { Acl: resource('AWS::EC2::NetworkAcl', { VpcId: ref('Vpc') }), AclAssociation: on('Private') })),
      verdict: 'exposed',
      twin: closed('it is', at('AclAssociation', 'SubnetId'), ref('Public')),
    },
    {
      name: 'refusal after the admission',
      why: 'entry 100 admits before entry 110 refuses',
      templates: single(reachable(tcp(8123), acl({ Refusal: entry({ RuleNumber: 110, RuleAction: 'deny' }) }))),
      verdict: 'exposed',
      twin: closed('entry 90 refuses before entry 100 admits', at('Refusal', 'RuleNumber'), 90),
    },
    {
      name: 'refusal of another port',
      why: 'the refusal that comes first is for SSH',
      templates: single(reachable(tcp(8123), acl({ Refusal: entry({ RuleNumber: 90, RuleAction: 'deny', Protocol: 6, PortRange: { From: 22, To: 22 } }) }))),
      verdict: 'exposed',
      twin: closed('it is for 8123', at('Refusal', 'PortRange'), { From: 8123, To: 8123 }),
    },
    {
      name: 'refusal of another protocol',
      why: 'the refusal that comes first is for UDP',
      templates: single(reachable(tcp(8123), acl({ Refusal: entry({ RuleNumber: 90, RuleAction: 'deny', ...ports(8123), Protocol: 17 }) }))),
      verdict: 'exposed',
      twin: closed('it is for TCP', at('Refusal', 'Protocol'), 6),
    },
    {
      name: 'refusal of half of the internet',
      why: 'the other half is admitted',
      templates: single(reachable(tcp(8123), acl({ Refusal: entry({ RuleNumber: 90, RuleAction: 'deny', CidrBlock: '0.0.0.0/1' }) }))),
      verdict: 'exposed',
      twin: closed('all of it is refused', at('Refusal', 'CidrBlock'), '0.0.0.0/0'),
    },
    {
      name: 'admission of a range of ports',
      why: '8000 to 8400 holds 8123',
      templates: single(reachable(tcp(8123), acl({ In: entry(ports(8000, 8400)) }))),
      verdict: 'exposed',
      twin: closed('8200 to 8400 does not', at('In', 'PortRange', 'From'), 8200),
    },
    {
      name: 'answers to the ports of clients',
      why: 'clients ask from 1024 to 65535',
      templates: single(reachable(tcp(8123), acl({ Out: outwards(ports(1024, 65535)) }))),
      verdict: 'exposed',
      twin: closed('the entry is for what comes in; nothing goes out', at('Out', 'Egress'), false),
    },
    {
      name: 'answers by TCP',
      why: 'the entry for what goes out is for TCP',
      templates: single(reachable(tcp(8123), acl({ Out: outwards(ports(1024, 65535)) }))),
      verdict: 'exposed',
      twin: closed('it is for UDP', at('Out', 'Protocol'), 17),
    },
    {
      name: 'answers only to the private network',
      why: 'questions come in from everywhere, answers go out to 10.0.0.0/8',
      templates: single(reachable(tcp(8123), acl({ Out: outwards({ CidrBlock: '10.0.0.0/8' }) }))),
      verdict: 'private',
      twin: open('they go out to everybody', at('Out', 'CidrBlock'), '0.0.0.0/0'),
    },
    {
      name: 'answers to others than those who ask',
      why: 'one public range may ask, another gets the answers',
      templates: single(reachable(tcp(8123), acl({ In: entry({ CidrBlock: '52.0.0.0/8' }), Out: outwards({ CidrBlock: '13.0.0.0/8' }) }))),
      verdict: 'private',
      twin: open('those who ask are among those who get answers', at('In', 'CidrBlock'), '13.32.0.0/16'),
    },
    {
      name: 'ACL and group admit different ranges',
      why: 'each admits a part of the internet, but nobody is in both',
      templates: single(reachable(tcp(8123, '52.0.0.0/8'), acl({ In: entry({ CidrBlock: '13.0.0.0/8' }) }))),
      verdict: 'private',
      twin: open('the range of the group is inside that of the ACL', at('Group', 'SecurityGroupIngress', 0, 'CidrIp'), '13.32.0.0/16'),
    },
    {
      name: 'ACL and group admit different ports',
      why: 'the group opens 8123 and the ACL 9000',
      templates: single(reachable(tcp(8123), acl({ In: entry(ports(9000)) }))),
      verdict: 'private',
      twin: open('the group opens 9000, too', at('Group', 'SecurityGroupIngress', 0), tcp(9000)),
    },
    {
      name: 'refusal in the default ACL',
      why: 'the default ACL admits all with entry 100; the refusal comes after it',
      templates: single(reachable(tcp(8123), { Refusal: entry({ NetworkAclId: att('Vpc', 'DefaultNetworkAcl'), RuleNumber: 110, RuleAction: 'deny', ...ports(8123) }) })),
      verdict: 'exposed',
      twin: closed('it comes before', at('Refusal', 'RuleNumber'), 90),
    },
    {
      name: 'IPv6 entries',
      why: 'entries for ::/0 in both directions',
      templates: single(
        dual({
          Group: group(tcpSix(8123)),
          Db: instance({ SubnetId: ref('Public') }),
          ...acl({ In: entry({ CidrBlock: undefined, Ipv6CidrBlock: '::/0' }), Out: outwards({ CidrBlock: undefined, Ipv6CidrBlock: '::/0' }) }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('only private addresses get answers', at('Out', 'Ipv6CidrBlock'), 'fd00::/8'),
    },
    {
      name: 'IPv4 entries for an IPv6 address',
      why: 'the ACL has no entry for IPv6, so it refuses it',
      templates: single(dual({ Group: group(tcpSix(8123)), Db: instance({ SubnetId: ref('Public') }), ...acl({}) })),
      verdict: 'private',
      twin: open('the ACL is on another subnet', at('AclAssociation', 'SubnetId'), ref('Private')),
    },
    {
      name: 'entry with a number only known at deployment',
      why: 'the refusal may come before or after the admission',
      templates: single(reachable(tcp(8123), acl({ Refusal: entry({ RuleNumber: ref('Order'), RuleAction: 'deny' }) })), { Parameters: { Order: { Type: 'Number' } } }),
      verdict: 'unknown',
      twin: NO_RULE,
    },
    {
      name: 'ACL by a literal id',
      why: 'nobody here knows its entries',
      templates: single(reachable(tcp(8123), { AclAssociation: on('Public', 'acl-0123456789abcdef0') })),
      verdict: 'unknown',
      twin: NO_RULE,
    },
  ],
};
