import { att, group, instance, network, publicInterface, ref, resource, single, tcp } from '../build';
import type { Json, Layer } from '../case';
import { at, closed, FROM_INSIDE, LAUNCH, launch, machine, open, reachable, scaling, subnet } from './parts';

const MAPPED = subnet('10.0.0.0/24', { MapPublicIpOnLaunch: true });
const OPEN = group(tcp(8123));
const groupSet = [att('Group', 'GroupId')];
const UNMAPPED = closed('the subnet gives no public addresses', at('Public', 'MapPublicIpOnLaunch'), false);

/** A database in subnet `Public` whose interface asks for nothing. */
const plain = (more: Json = {}): Json => network({ Group: OPEN, Db: instance({ SubnetId: ref('Public') }), ...more });
/** A machine in the isolated subnet that has nothing to do with the database. */
const bystander = (): Json => ({ AppGroup: group(), App: machine({ SecurityGroupIds: [att('AppGroup', 'GroupId')] }) });
/** An interface of its own in subnet `Public`, behind group `Group`. */
const card = (properties: Json = {}): Json => resource('AWS::EC2::NetworkInterface', { SubnetId: ref('Public'), GroupSet: groupSet, ...properties });
/** The properties of a database that starts with interfaces made before. */
const cards = (...ids: readonly string[]): Json => ({ NetworkInterfaces: ids.map((id, index) => ({ NetworkInterfaceId: ref(id), DeviceIndex: String(index) })), SubnetId: undefined, SecurityGroupIds: undefined });
const address = (): Json => ({ Address: resource('AWS::EC2::EIP', { Domain: 'vpc' }) });
const associated = (properties: Json): Json => ({ ...address(), Association: resource('AWS::EC2::EIPAssociation', { AllocationId: att('Address', 'AllocationId'), ...properties }) });
const launchInterface = (properties: Json = {}): Json => launch({ NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: true, Groups: groupSet, ...properties }] });
const launchAddress = at('Launch', 'LaunchTemplateData', 'NetworkInterfaces', 0, 'AssociatePublicIpAddress');

/** How an interface comes to a public IPv4 address. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html */
export const ADDRESSES: Layer = {
  layer: 'public addresses',
  cases: [
    {
      name: 'address by the interface',
      why: 'AssociatePublicIpAddress',
      templates: single(reachable()),
      verdict: 'exposed',
      twin: closed('without it, a subnet that gives none decides', at('Db', 'NetworkInterfaces', 0, 'AssociatePublicIpAddress')),
    },
    {
      name: 'address by the subnet',
      why: 'MapPublicIpOnLaunch',
      templates: single(plain({ Public: MAPPED })),
      verdict: 'exposed',
      twin: UNMAPPED,
    },
    {
      name: 'interface that refuses the address of the subnet',
      why: 'AssociatePublicIpAddress overrides MapPublicIpOnLaunch',
      templates: single(reachable(tcp(8123), { Public: MAPPED, Db: instance(publicInterface({ AssociatePublicIpAddress: false })) })),
      verdict: 'private',
      twin: open('nothing overrides it', at('Db', 'NetworkInterfaces', 0, 'AssociatePublicIpAddress')),
    },
    {
      name: 'elastic address with an instance',
      why: 'the address names the instance',
      templates: single(plain({ Address: resource('AWS::EC2::EIP', { Domain: 'vpc', InstanceId: ref('Db') }) })),
      verdict: 'exposed',
      twin: closed('the address belongs to nobody', at('Address', 'InstanceId')),
    },
    {
      name: 'elastic address associated with an instance',
      why: 'a resource of its own ties the two together',
      templates: single(plain({ ...bystander(), ...associated({ InstanceId: ref('Db') }) })),
      verdict: 'exposed',
      twin: closed('it is the address of another machine', at('Association', 'InstanceId'), ref('App')),
    },
    {
      name: 'elastic address associated with an interface',
      why: 'the interface of the database was made before it and has the address',
      templates: single(network({ Group: OPEN, Card: card(), Db: instance(cards('Card')), ...associated({ NetworkInterfaceId: ref('Card') }) })),
      verdict: 'exposed',
      twin: closed('the interface is in a subnet without a route', at('Card', 'SubnetId'), ref('Private')),
    },
    {
      // "can only be assigned to a new network interface, not an existing one":
      // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html
      name: 'interface made before the instance',
      why: 'open by rule, in a subnet that gives addresses: only to interfaces that a launch makes, which this is not',
      templates: single(network({ Group: OPEN, Public: MAPPED, Card: card(), Db: instance(cards('Card')) })),
      verdict: 'private',
      twin: open('the launch makes the interface', at('Db', 'NetworkInterfaces', 0), { DeviceIndex: '0', SubnetId: ref('Public'), GroupSet: groupSet }),
    },
    {
      name: 'interface attached later',
      why: 'the second interface of the database is public and open, the first is neither',
      templates: single(
        network({
          ...bystander(),
          Group: OPEN,
          Inner: group(),
          Db: instance({ SecurityGroupIds: [att('Inner', 'GroupId')] }),
          Card: card(),
          Attach: resource('AWS::EC2::NetworkInterfaceAttachment', { InstanceId: ref('Db'), NetworkInterfaceId: ref('Card'), DeviceIndex: '1' }),
          ...associated({ NetworkInterfaceId: ref('Card') }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('the interface is attached to another machine', at('Attach', 'InstanceId'), ref('App')),
    },
    {
      name: 'open group on the interface without an address',
      why: 'one interface has the open group, the other the public address',
      templates: single(
        network({
          Group: OPEN,
          Inner: group(tcp(8123, '10.0.0.0/16')),
          Card: card(),
          InnerCard: card({ GroupSet: [att('Inner', 'GroupId')] }),
          Db: instance(cards('Card', 'InnerCard')),
          ...associated({ NetworkInterfaceId: ref('InnerCard') }),
        }),
      ),
      verdict: 'private',
      twin: open('both are the same interface', at('Association', 'NetworkInterfaceId'), ref('Card')),
    },
    {
      name: 'instance from a launch template',
      why: 'interface, group and subnet are in the launch template',
      templates: single(network({ Group: OPEN, ...launchInterface({ SubnetId: ref('Public') }), Db: resource('AWS::EC2::Instance', { LaunchTemplate: LAUNCH }) })),
      verdict: 'exposed',
      twin: closed('the launch template refuses an address', launchAddress, false),
    },
    {
      // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
      name: 'instance that overrides the group of its launch template',
      why: 'what the instance says replaces what the launch template says',
      templates: single(network({ Public: MAPPED, Open: group(tcp(8123)), Group: group(), ...launch({ SecurityGroupIds: [att('Open', 'GroupId')] }), Db: instance({ LaunchTemplate: LAUNCH, SubnetId: ref('Public') }) })),
      verdict: 'private',
      twin: open('the instance leaves it to the launch template', at('Db', 'SecurityGroupIds')),
    },
    {
      name: 'scaling group with public interfaces',
      why: 'the interface is in the launch template, the subnet in the group',
      templates: single(network({ Group: OPEN, ...launchInterface(), Db: scaling() })),
      verdict: 'exposed',
      twin: closed('the group starts them in the isolated subnet', at('Db', 'VPCZoneIdentifier'), [ref('Private')]),
    },
    {
      name: 'scaling group in a subnet that gives addresses',
      why: 'the launch template says nothing about addresses',
      templates: single(network({ Group: OPEN, Public: MAPPED, ...launch({ SecurityGroupIds: groupSet }), Db: scaling() })),
      verdict: 'exposed',
      twin: UNMAPPED,
    },
    {
      name: 'scaling group over a public and an isolated subnet',
      why: 'some of its machines start in the public one',
      templates: single(network({ Group: OPEN, PrivateB: subnet('10.0.3.0/24'), ...launchInterface(), Db: scaling({ VPCZoneIdentifier: [ref('Private'), ref('Public')] }) })),
      verdict: 'exposed',
      twin: closed('both subnets are isolated', at('Db', 'VPCZoneIdentifier', 1), ref('PrivateB')),
    },
    {
      name: 'scaling group with mixed instances',
      why: 'the launch template is inside the policy',
      templates: single(
        network({
          Group: OPEN,
          ...launchInterface(),
          Db: scaling({ LaunchTemplate: undefined, MixedInstancesPolicy: { LaunchTemplate: { LaunchTemplateSpecification: LAUNCH, Overrides: [{ InstanceType: 'm7g.large' }, { InstanceType: 'm6g.large' }] } } }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('the launch template refuses an address', launchAddress, false),
    },
    {
      name: 'scaling group with a launch configuration',
      why: 'the older kind of launch template',
      templates: single(
        network({
          Group: OPEN,
          Launch: resource('AWS::AutoScaling::LaunchConfiguration', {
            ...Object.fromEntries(['ImageId', 'InstanceType', 'UserData'].map((name) => [name, (instance().Properties as Json)[name]])),
            SecurityGroups: groupSet,
            AssociatePublicIpAddress: true,
          }),
          Db: scaling({ LaunchTemplate: undefined, LaunchConfigurationName: ref('Launch') }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('it refuses an address', at('Launch', 'AssociatePublicIpAddress'), false),
    },
    {
      name: 'address only decided at deployment',
      why: 'a parameter without a default decides about the public address',
      templates: single(reachable(tcp(8123), { Db: instance(publicInterface({ AssociatePublicIpAddress: ref('Public4') })) }), { Parameters: { Public4: { Type: 'String', AllowedValues: ['true', 'false'] } } }),
      verdict: 'unknown',
      twin: FROM_INSIDE,
    },
  ],
};
