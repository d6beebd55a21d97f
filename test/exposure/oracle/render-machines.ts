import type { GroupId, Machine, Vpc } from './network';
import { machineName, subnetCidr } from './network';
import type { Json, Spelling } from './spelling';
import { att, ref } from './spelling';

/** How the parts of a VPC are referred to. */
export interface Names {
  readonly vpcId: () => Json;
  readonly subnetId: (subnet: number) => Json;
  readonly groupId: (id: GroupId) => Json;
  readonly name: (part: string) => string;
}

/** A private address of a machine that is given one. */
export function privateAddress(vpc: Vpc, { subnet }: Machine, m: number): string {
  return subnetCidr(vpc, subnet % vpc.subnets.length).replace('.0/24', `.${20 + m}`);
}

/** The instances of a VPC with their interfaces and addresses. */
export function machines(vpc: Vpc, v: number, spelling: Spelling, names: Names): Json {
  const made: Record<string, unknown> = {};
  vpc.machines.forEach((machine, m) => Object.assign(made, oneMachine(vpc, machine, v, m, spelling, names)));
  return made;
}

function oneMachine(vpc: Vpc, machine: Machine, v: number, m: number, spelling: Spelling, names: Names): Json {
  const made: Record<string, unknown> = {};
  const add = (part: string, Type: string, Properties: Json): void => void (made[names.name(`${part}${m}`)] = { Type, Properties });
  const id = machineName(v, m);
  const groups = machine.groups.map(names.groupId);
  const six = ipv6(machine.ipv6, m, spelling);
  const address = { PrivateIpAddress: privateAddress(vpc, machine, m) };
  const common = { ImageId: 'ami-0123456789abcdef0', InstanceType: 'm7g.large', UserData: userData(machine.clickhouse, spelling) };
  const template = spelling.choose(false, false, true);
  const settings = (): Json => {
    const subnet = { SubnetId: names.subnetId(machine.subnet) };
    switch (machine.origin) {
      case 'settings':
        return { ...subnet, ...(groups.length > 0 ? { SecurityGroupIds: groups } : {}), ...six, ...address };
      case 'described':
        return {
          NetworkInterfaces: [
            {
              DeviceIndex: spelling.choose<unknown>('0', 0),
              ...subnet,
              ...(groups.length > 0 ? { [template ? 'Groups' : 'GroupSet']: groups } : {}),
              ...(machine.publicSwitch === undefined ? {} : { AssociatePublicIpAddress: spelling.flag(machine.publicSwitch) }),
              ...six,
              ...address,
            },
          ],
        };
      case 'made':
        add('Nic', 'AWS::EC2::NetworkInterface', { ...subnet, ...(groups.length > 0 ? { GroupSet: groups } : {}), ...six, ...address });
        return { NetworkInterfaces: [{ DeviceIndex: spelling.choose<unknown>('0', 0), NetworkInterfaceId: spelling.choose(ref(names.name(`Nic${m}`)), att(names.name(`Nic${m}`), 'Id')) }] };
    }
  };
  const all = settings();
  if (template) {
    const { SubnetId, Ipv6AddressCount, Ipv6Addresses, PrivateIpAddress, ...shared } = all;
    // a launch template says these of interfaces only.
    const own = Object.fromEntries(Object.entries({ SubnetId, Ipv6AddressCount, Ipv6Addresses, PrivateIpAddress }).filter(([, value]) => value !== undefined));
    const name = names.name(`Template${m}`);
    add('Template', 'AWS::EC2::LaunchTemplate', { LaunchTemplateData: { ...common, ...shared } });
    made[id] = { Type: 'AWS::EC2::Instance', Properties: { LaunchTemplate: { LaunchTemplateId: ref(name), Version: att(name, 'LatestVersionNumber') }, ...own } };
  } else {
    made[id] = { Type: 'AWS::EC2::Instance', Properties: { ...common, ...all } };
  }
  if (machine.elastic) {
    // an interface made before can be named, as the machine can.
    const target = spelling.choose<Json>({ InstanceId: ref(id) }, machine.origin === 'made' ? { NetworkInterfaceId: ref(names.name(`Nic${m}`)) } : { InstanceId: ref(id) });
    elastic(add, 'Address', target, spelling, names, m);
  }
  const { extra } = machine;
  if (extra !== undefined) {
    add('Extra', 'AWS::EC2::NetworkInterface', { SubnetId: names.subnetId(extra.subnet), ...(extra.groups.length > 0 ? { GroupSet: extra.groups.map(names.groupId) } : {}), ...ipv6(extra.ipv6, 50 + m, spelling) });
    add('Attach', 'AWS::EC2::NetworkInterfaceAttachment', { InstanceId: ref(id), NetworkInterfaceId: ref(names.name(`Extra${m}`)), DeviceIndex: '1' });
    if (extra.elastic) elastic(add, 'Second', { NetworkInterfaceId: ref(names.name(`Extra${m}`)) }, spelling, names, m);
  }
  return made;
}

function elastic(add: (part: string, type: string, properties: Json) => void, part: string, target: Json, spelling: Spelling, names: Names, m: number): void {
  if ('InstanceId' in target && spelling.chance()) {
    add(part, 'AWS::EC2::EIP', { Domain: 'vpc', ...target });
    return;
  }
  add(part, 'AWS::EC2::EIP', { Domain: 'vpc' });
  const name = names.name(`${part}${m}`);
  add(`${part}Association`, 'AWS::EC2::EIPAssociation', { ...spelling.choose<Json>({ AllocationId: att(name, 'AllocationId') }, 'InstanceId' in target ? { EIP: ref(name) } : { AllocationId: att(name, 'AllocationId') }), ...target });
}

function ipv6(count: number | undefined, number: number, spelling: Spelling): Json {
  if (count === undefined) return {};
  return count === 0 ? { Ipv6AddressCount: spelling.number(0) } : spelling.choose<Json>({ Ipv6AddressCount: spelling.number(count) }, { Ipv6Addresses: [{ Ipv6Address: `2600:1f18:1:2::${number + 10}` }] });
}

function userData(clickhouse: boolean, spelling: Spelling): Json {
  const script = clickhouse ? spelling.choose('yum install -y clickhouse-server\nsystemctl start clickhouse-server', 'docker run -d --network host clickhouse/clickhouse-server:26.8') : 'yum install -y nginx';
  return { 'Fn::Base64': `#!/bin/bash\n${script}\n` };
}
