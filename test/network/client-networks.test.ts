import { App, Lazy, Stack, Token } from 'aws-cdk-lib';
import type { ISubnet } from 'aws-cdk-lib/aws-ec2';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { ConstructError } from '../../lib/error';
import { clientNetworks, nodeNetworks, rotationNetworks, vpcCidr } from '../../lib/network/client-networks';

const stack = new Stack(new App(), 'Test');
const vpc = new ec2.Vpc(stack, 'Vpc', { ipAddresses: ec2.IpAddresses.cidr('10.20.0.0/16'), natGateways: 0, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }] });
const imported = (id: string, vpcCidrBlock?: string): ec2.IVpc => ec2.Vpc.fromVpcAttributes(stack, id, { vpcId: 'vpc-1', vpcCidrBlock, availabilityZones: ['a'], isolatedSubnetIds: ['subnet-1'], isolatedSubnetRouteTableIds: ['rtb-1'] });
const told = imported('Told', '10.30.0.0/16');
const untold = imported('Untold');
const subnet = (id: string, ipv4CidrBlock?: string): ISubnet => ec2.Subnet.fromSubnetAttributes(stack, id, { subnetId: `subnet-${id}`, ipv4CidrBlock });
const [first, second, silent] = [subnet('First', '10.30.1.0/24'), subnet('Second', '10.30.2.0/24'), subnet('Silent')];

const CLIENTS = ['10.0.0.0/8', 'fd00:1234::/48', '192.168.7.0/24', 'fc00::/7'];

describe('where nodes have their addresses', () => {
  test('is in their subnets, each by its own range', () => {
    const { isolatedSubnets } = vpc;
    expect(isolatedSubnets.length).toBeGreaterThan(1);
    expect(nodeNetworks(stack, vpc, isolatedSubnets, CLIENTS)).toEqual(isolatedSubnets.map((_, index) => `10.20.${index * 16}.0/20`));
    // of the subnets that were chosen, and no other.
    expect(nodeNetworks(stack, vpc, isolatedSubnets.slice(1, 2), CLIENTS)).toEqual(['10.20.16.0/20']);
    expect(nodeNetworks(stack, untold, [first, second], CLIENTS)).toEqual(['10.30.1.0/24', '10.30.2.0/24']);
  });

  test.each([
    ['none says its own', [silent]],
    ['one of them does not say its own', [first, silent, second]],
  ])('is in the VPC when imported subnets do not tell: %s', (_, subnets) => {
    expect(nodeNetworks(stack, told, subnets, CLIENTS)).toEqual(['10.30.0.0/16']);
  });

  test('is where clients may be when nothing tells, without their IPv6 ranges: nodes have IPv4 addresses', () => {
    expect(nodeNetworks(stack, untold, [silent], CLIENTS)).toEqual(['10.0.0.0/8', '192.168.7.0/24']);
    expect(nodeNetworks(stack, untold, [first, silent], CLIENTS)).toEqual(['10.0.0.0/8', '192.168.7.0/24']);
  });

  test('may be known at deployment only', () => {
    const range = Token.asString({ Ref: 'Range' });
    const later = Lazy.string({ produce: () => '10.40.0.0/16' });
    expect(nodeNetworks(stack, untold, [subnet('Later', range)], CLIENTS)).toEqual([range]);
    expect(nodeNetworks(stack, imported('LaterVpc', later), [silent], CLIENTS)).toEqual([later]);
    expect(nodeNetworks(stack, untold, [silent], [range, 'fd00::/8'])).toEqual([range]);
  });

  test.each<[string, ec2.IVpc, readonly string[]]>([
    ['clients are in IPv6 only', untold, ['fd00:1234::/48', 'fc00::/7']],
    ['there are no clients', untold, []],
    ['the VPC says an IPv6 range', imported('Six', 'fd00:1234::/56'), CLIENTS],
  ])('is refused when nothing is left: %s', (_, network, clients) => {
    let error: unknown;
    try {
      nodeNetworks(told, network, [silent], clients);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConstructError);
    expect(error).toMatchObject({ code: 'NodeNetworks', constructPath: 'Test/Told' });
    expect((error as Error).message).toBe("nothing says which IPv4 addresses the nodes have, which their certificates are bound to; give 'ipv4CidrBlock' to Subnet.fromSubnetAttributes, or 'vpcCidrBlock' to Vpc.fromVpcAttributes [Test/Told]");
  });
});

test.each([
  ['everything', '0.0.0.0/0'],
  ['half of it', '128.0.0.0/1'],
  ['more than a VPC can be', '20.0.0.0/15'],
  ['what is no range', '10.0.1.0/44'],
])('nodes in %s are refused at synthesis: the authority would not sign for them', (_, range) => {
  for (const subnets of [[subnet(`Wide${range}`, range)], [first, subnet(`Wider${range}`, range)]]) {
    expect(() => nodeNetworks(told, untold, subnets, CLIENTS)).toThrow(`the addresses of nodes must be in networks that a VPC can have (private, or at most a /16), got ${range}; correct the CIDR blocks`);
  }
  expect(() => nodeNetworks(told, imported(`WideVpc${range}`, range), [silent], CLIENTS)).toThrow(`got ${range}`);
});

test('a VPC that is imported without subnets may have those that are given', () => {
  const bare = ec2.Vpc.fromVpcAttributes(stack, 'Bare', { vpcId: 'vpc-2', vpcCidrBlock: '10.30.0.0/16', availabilityZones: ['a'] });
  expect(clientNetworks(stack, bare)).toEqual(['10.30.0.0/16']);
  expect(nodeNetworks(stack, bare, [first], CLIENTS)).toEqual(['10.30.1.0/24']);
});

test('passwords are rotated from the subnets, or from where clients may be when one does not tell', () => {
  expect(rotationNetworks([first, second], CLIENTS)).toEqual(['10.30.1.0/24', '10.30.2.0/24']);
  expect(rotationNetworks([first, silent], CLIENTS)).toEqual(CLIENTS);
});

test('an imported VPC says what it was told, and nothing else', () => {
  expect([vpcCidr(told), vpcCidr(untold)]).toEqual(['10.30.0.0/16', undefined]);
  expect(clientNetworks(stack, told)).toEqual(['10.30.0.0/16']);
  expect(() => clientNetworks(stack, untold)).toThrow("give 'vpcCidrBlock' to Vpc.fromVpcAttributes, or 'clientCidrs'");
});
