import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { clusterStack, resources, singleNode } from '../cluster/stacks';

interface Rule {
  readonly IpProtocol: string;
  readonly FromPort: number;
  readonly ToPort: number;
  readonly CidrIp?: unknown;
  readonly CidrIpv6?: unknown;
  readonly GroupId?: { 'Fn::GetAtt': [string, string] };
  readonly SourceSecurityGroupId?: { 'Fn::GetAtt': [string, string] };
  readonly DestinationSecurityGroupId?: unknown;
  readonly DestinationPrefixListId?: unknown;
}

const { stack, cluster, template } = singleNode();
const client = new ec2.SecurityGroup(stack, 'Client', { vpc: cluster.vpc, allowAllOutbound: false });
cluster.connections.allowDefaultPortFrom(client);
const synthesised = template();

const groups = resources(synthesised, 'AWS::EC2::SecurityGroup');
const find = (text: string): string => Object.keys(groups).find((id) => id.includes(text)) ?? '';
const endpoint = find('SecurityGroupsEndpoint');
const nodes = find('SecurityGroupsNodes');
const standalone = (type: string): Rule[] => Object.values(resources(synthesised, type)).map(({ Properties }) => Properties as unknown as Rule);
const ingress = [...standalone('AWS::EC2::SecurityGroupIngress'), ...Object.values(groups).flatMap(({ Properties }) => (Properties.SecurityGroupIngress ?? []) as Rule[])];
const egressOf = (group: string): Rule[] => [
  ...standalone('AWS::EC2::SecurityGroupEgress').filter(({ GroupId }) => GroupId?.['Fn::GetAtt'][0] === group),
  ...((groups[group]?.Properties.SecurityGroupEgress ?? []) as Rule[]),
];

test('no ingress rule names an address range', () => {
  expect(ingress.length).toBeGreaterThan(0);
  for (const rule of ingress) {
    expect(rule.CidrIp).toBeUndefined();
    expect(rule.CidrIpv6).toBeUndefined();
    expect(rule.SourceSecurityGroupId).toBeDefined();
  }
});

test('who is admitted where, complete', () => {
  const admitted = ingress.map(({ GroupId, SourceSecurityGroupId, IpProtocol, FromPort, ToPort }) =>
    [GroupId?.['Fn::GetAtt'][0], 'from', SourceSecurityGroupId?.['Fn::GetAtt'][0], IpProtocol, FromPort, ToPort].join(' '),
  );
  const clientId = find('Client');
  expect(new Set(admitted)).toEqual(
    new Set([
      `${endpoint} from ${clientId} tcp 8443 8443`,
      `${nodes} from ${endpoint} tcp 8443 8443`,
      `${nodes} from ${endpoint} tcp 9440 9440`,
      `${nodes} from ${nodes} tcp 9440 9440`,
      `${nodes} from ${nodes} tcp 9010 9010`,
    ]),
  );
});

test('nodes open connections to S3, to the VPC on 443 and to each other, and nowhere else', () => {
  const rules = egressOf(nodes);
  const beyond = rules.filter(({ DestinationSecurityGroupId }) => DestinationSecurityGroupId === undefined);
  expect(beyond).toHaveLength(2);
  for (const { FromPort, ToPort, IpProtocol } of beyond) expect([IpProtocol, FromPort, ToPort]).toEqual(['tcp', 443, 443]);
  expect(beyond.filter(({ DestinationPrefixListId }) => DestinationPrefixListId !== undefined)).toHaveLength(1);
  expect(beyond.map(({ CidrIp }) => CidrIp).filter(Boolean)).toEqual([{ 'Fn::GetAtt': [expect.stringMatching(/^Vpc/), 'CidrBlock'] }]);
  for (const { CidrIp, CidrIpv6 } of rules) expect([CidrIp, CidrIpv6]).not.toContain('0.0.0.0/0');
});

test('the endpoint opens connections to the nodes only', () => {
  for (const rule of egressOf(endpoint)) expect(rule.DestinationSecurityGroupId).toEqual({ 'Fn::GetAtt': [nodes, 'GroupId'] });
});

test('nodes carry the group of nodes, the load balancer the one of the endpoint', () => {
  expect(Object.values(resources(synthesised, 'AWS::EC2::NetworkInterface'))[0]?.Properties.GroupSet).toEqual([{ 'Fn::GetAtt': [nodes, 'GroupId'] }]);
  const [balancer] = Object.values(resources(synthesised, 'AWS::ElasticLoadBalancingV2::LoadBalancer'));
  expect(balancer?.Properties.SecurityGroups).toEqual([{ 'Fn::GetAtt': [endpoint, 'GroupId'] }]);
  expect(balancer?.Properties.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic).toBe('on');
});

test('with Keepers, nodes also reach each other on the ports of Keeper and Raft, and nobody else does', () => {
  const withKeepers = clusterStack().template();
  const self = Object.values(resources(withKeepers, 'AWS::EC2::SecurityGroupIngress')).map(({ Properties }) => Properties as unknown as Rule);
  for (const port of [9281, 9444]) {
    const rules = self.filter(({ FromPort, ToPort }) => FromPort <= port && port <= ToPort);
    expect(rules).toHaveLength(1);
    expect(rules[0]?.SourceSecurityGroupId).toEqual(rules[0]?.GroupId);
  }
});
