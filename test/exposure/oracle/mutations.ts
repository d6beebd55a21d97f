// changes of templates of which it is known which way they can only go. Each is true of AWS whatever else is in the templates; what is only mostly true
// (an allow that is removed may uncover a wider one, a more specific route diverts) is left out.
import type { Deployment, Place, Values } from './deployments';
import { idOf, isValues, listIn, paths, resourcesOf } from './deployments';

export interface Mutation {
  readonly what: string;
  /** changes the deployment that it was found in. */
  readonly apply: () => void;
}

const EVERYONE = { IpProtocol: 'tcp', FromPort: 1, ToPort: 65535, CidrIp: '0.0.0.0/0' };
const INGRESS = [EVERYONE, { IpProtocol: '-1', CidrIpv6: '::/0' }, { IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, CidrIp: '9.0.0.0/8' }];
const GROUP_LISTS: readonly (readonly [type: string, name: string])[] = [['AWS::EC2::Instance', 'SecurityGroupIds'], ['AWS::EC2::NetworkInterface', 'GroupSet'], ['AWS::ElasticLoadBalancingV2::LoadBalancer', 'SecurityGroups'], ['AWS::ElasticLoadBalancing::LoadBalancer', 'SecurityGroups']];
const BALANCERS = ['AWS::ElasticLoadBalancingV2::LoadBalancer', 'AWS::ElasticLoadBalancing::LoadBalancer'];
const FAR = { DestinationCidrBlock: '9.0.0.0/8' };

function put(deployment: Deployment, file: string, id: string, Type: string, Properties: Values): Mutation {
  return { what: `add ${Type} ${JSON.stringify(Properties)}`, apply: () => void Object.assign(deployment[file]?.Resources ?? {}, { [id]: { Type, Properties } }) };
}

function remove(deployment: Deployment, { file, id, type }: Place): Mutation {
  return {
    what: `remove ${type} ${id}`,
    apply: () => {
       
      delete deployment[file]?.Resources[id];
    },
  };
}

function set({ id }: Place, holder: Values, key: string, value: unknown): Mutation {
  return { what: `set ${key} of ${id} to ${JSON.stringify(value)}`, apply: () => void (holder[key] = value) };
}

function push({ id }: Place, properties: Values, key: string, value: unknown): Mutation {
  return { what: `add ${JSON.stringify(value)} to ${key} of ${id}`, apply: () => void (properties[key] = [...(listIn(properties, key) ?? []), value]) };
}

/** Changes that can only let more through. */
export function widenings(deployment: Deployment): Mutation[] {
  const all = (...types: string[]): Place[] => resourcesOf(deployment, ...types);
  return [
    ...all('AWS::EC2::SecurityGroup').flatMap((place) => [
      ...INGRESS.map((rule) => put(deployment, place.file, 'MoreIngress', 'AWS::EC2::SecurityGroupIngress', { GroupId: { 'Fn::GetAtt': [place.id, 'GroupId'] }, ...rule })),
      ...(place.properties.SecurityGroupIngress === undefined || Array.isArray(place.properties.SecurityGroupIngress) ? INGRESS.map((rule) => push(place, place.properties, 'SecurityGroupIngress', rule)) : []),
      // the first rule would take the place of the one that AWS adds.
      ...(listIn(place.properties, 'SecurityGroupEgress') ? [push(place, place.properties, 'SecurityGroupEgress', EVERYONE)] : []),
    ]),
    ...all('AWS::EC2::NetworkAcl').flatMap(({ file, id }) =>
      [true, false].map((Egress) => put(deployment, file, 'MoreEntry', 'AWS::EC2::NetworkAclEntry', { NetworkAclId: { Ref: id }, RuleNumber: 7, Protocol: -1, RuleAction: 'allow', Egress, CidrBlock: '0.0.0.0/0' })),
    ),
    ...all('AWS::EC2::NetworkAclEntry').filter(({ properties }) => properties.RuleAction === 'deny').map((place) => remove(deployment, place)),
    ...tablesWithGateways(deployment).map(({ file, table, gateway }) => put(deployment, file, 'MoreRoute', 'AWS::EC2::Route', { RouteTableId: { Ref: table }, GatewayId: { Ref: gateway }, ...FAR })),
    ...all('AWS::EC2::Instance').map(({ file, id }) => put(deployment, file, 'MoreAddress', 'AWS::EC2::EIP', { InstanceId: { Ref: id } })),
    ...switches(deployment).map(({ place, holder, key }) => set(place, holder, key, true)),
    ...schemes(deployment).map((place) => set(place, place.properties, 'Scheme', 'internet-facing')),
    ...GROUP_LISTS.flatMap(([type, name]) => all(type).flatMap((place) => another(deployment, place, name))),
    ...all('AWS::ElasticLoadBalancingV2::Listener').map(({ file, properties }) => put(deployment, file, 'MoreListener', 'AWS::ElasticLoadBalancingV2::Listener', { ...properties, Port: 7_777 })),
    ...all('AWS::ElasticLoadBalancingV2::TargetGroup').flatMap((place) => targets(deployment, place)),
    ...all('AWS::ElasticLoadBalancing::LoadBalancer').filter(({ properties }) => listIn(properties, 'Listeners')).map((place) => push(place, place.properties, 'Listeners', { LoadBalancerPort: '7777', InstancePort: '8123', Protocol: 'TCP' })),
    ...gatewaysWithoutVpc(deployment),
    ...lists(deployment).map((place) => push(place, place.properties, 'Entries', { Cidr: place.properties.AddressFamily === 'IPv6' ? '2c00::/12' : '9.0.0.0/8' })),
  ];
}

/** Changes that can only let less through. */
export function narrowings(deployment: Deployment): Mutation[] {
  const all = (...types: string[]): Place[] => resourcesOf(deployment, ...types);
  const gateways = all('AWS::EC2::InternetGateway').map(({ id }): string | undefined => id);
  const used = new Set(Object.values(deployment).flatMap(({ Resources, Outputs }) => paths({ Resources, Outputs }).map(({ value }) => idOf(value))));
  return [
    ...all('AWS::EC2::SecurityGroup').flatMap((place) => without(place, 'SecurityGroupIngress', 1)),
    ...all('AWS::EC2::SecurityGroupIngress', 'AWS::EC2::EIPAssociation').map((place) => remove(deployment, place)),
    ...all('AWS::EC2::EIP', 'AWS::ElasticLoadBalancingV2::Listener').filter(({ id }) => !used.has(id)).map((place) => remove(deployment, place)),
    ...all('AWS::EC2::NetworkAclEntry').filter(({ properties }) => properties.RuleAction === 'allow').map((place) => remove(deployment, place)),
    ...all('AWS::EC2::NetworkAcl').flatMap(({ file, id }) =>
      [true, false].map((Egress) => put(deployment, file, 'MoreEntry', 'AWS::EC2::NetworkAclEntry', { NetworkAclId: { Ref: id }, RuleNumber: 7, Protocol: 6, RuleAction: 'deny', Egress, CidrBlock: '0.0.0.0/0', PortRange: { From: 0, To: 65535 } })),
    ),
    // a route to a virtual private gateway is none of these: without it answers may go to the internet instead.
    ...all('AWS::EC2::Route').filter(({ properties }) => gateways.includes(idOf(properties.GatewayId))).map((place) => remove(deployment, place)),
    ...tablesWithGateways(deployment).map(({ file, table }) => put(deployment, file, 'MoreRoute', 'AWS::EC2::Route', { RouteTableId: { Ref: table }, TransitGatewayId: 'tgw-0a1b2c3d4e5f60718', ...FAR })),
    ...all('AWS::EC2::VPCGatewayAttachment').map((place) => remove(deployment, place)),
    ...switches(deployment).map(({ place, holder, key }) => set(place, holder, key, false)),
    ...schemes(deployment).map((place) => set(place, place.properties, 'Scheme', 'internal')),
    // the last group would leave the default one in its place.
    ...GROUP_LISTS.flatMap(([type, name]) => all(type).flatMap((place) => without(place, name, 2))),
    ...all('AWS::ElasticLoadBalancingV2::TargetGroup').flatMap((place) => without(place, 'Targets', 1)),
    ...all('AWS::ElasticLoadBalancing::LoadBalancer').flatMap((place) => [...without(place, 'Listeners', 1), ...without(place, 'Instances', 1)]),
    ...lists(deployment).flatMap((place) => without(place, 'Entries', 2)),
  ];
}

function without(place: Place, name: string, least: number): Mutation[] {
  const list = listIn(place.properties, name) ?? [];
  if (list.length < least) return [];
  return list.map((_item, index) => ({ what: `remove ${name}.${index} of ${place.id}`, apply: () => void (place.properties[name] = list.filter((_, other) => other !== index)) }));
}

/** Another group in a list of groups, one of the same VPC that lets everyone in. */
function another(deployment: Deployment, place: Place, name: string): Mutation[] {
  const [first] = listIn(place.properties, name) ?? [];
  const group = resourcesOf(deployment, 'AWS::EC2::SecurityGroup').find(({ file, id }) => file === place.file && id === idOf(first));
  if (group === undefined) return [];
  const added = put(deployment, place.file, 'MoreGroup', 'AWS::EC2::SecurityGroup', { GroupDescription: 'everyone', VpcId: group.properties.VpcId, SecurityGroupIngress: [EVERYONE] });
  return [{ what: `add an open group to ${name} of ${place.id}`, apply: () => { added.apply(); push(place, place.properties, name, { 'Fn::GetAtt': ['MoreGroup', 'GroupId'] }).apply(); } }];
}

function targets(deployment: Deployment, place: Place): Mutation[] {
  const kind = place.properties.TargetType ?? 'instance';
  if (kind !== 'instance' || place.properties.Targets === undefined) return [];
  const named = (listIn(place.properties, 'Targets') ?? []).map((target) => (isValues(target) ? idOf(target.Id) : undefined));
  return resourcesOf(deployment, 'AWS::EC2::Instance').filter(({ file, id }) => file === place.file && !named.includes(id)).map(({ id }) => push(place, place.properties, 'Targets', { Id: { Ref: id } }));
}

/** The tables of VPCs whose gateway is known, where no route for the far addresses is. */
function tablesWithGateways(deployment: Deployment): { file: string; table: string; gateway: string }[] {
  const attachments = resourcesOf(deployment, 'AWS::EC2::VPCGatewayAttachment');
  const taken = resourcesOf(deployment, 'AWS::EC2::Route').filter(({ properties }) => properties.DestinationCidrBlock === FAR.DestinationCidrBlock);
  return resourcesOf(deployment, 'AWS::EC2::RouteTable').flatMap(({ file, id: table, properties }) => {
    const attachment = attachments.find((each) => each.file === file && idOf(each.properties.VpcId) === idOf(properties.VpcId));
    const gateway = idOf(attachment?.properties.InternetGatewayId);
    return gateway === undefined || taken.length > 0 ? [] : [{ file, table, gateway }];
  });
}

/** A gateway that is attached to nothing gets a VPC that has none. */
function gatewaysWithoutVpc(deployment: Deployment): Mutation[] {
  const attachments = resourcesOf(deployment, 'AWS::EC2::VPCGatewayAttachment');
  return resourcesOf(deployment, 'AWS::EC2::InternetGateway').flatMap(({ file, id }) => {
    const vpc = resourcesOf(deployment, 'AWS::EC2::VPC').find((each) => each.file === file && !attachments.some(({ properties }) => idOf(properties.VpcId) === each.id));
    if (vpc === undefined || attachments.some(({ properties }) => idOf(properties.InternetGatewayId) === id)) return [];
    return [put(deployment, file, 'MoreAttachment', 'AWS::EC2::VPCGatewayAttachment', { VpcId: { Ref: vpc.id }, InternetGatewayId: { Ref: id } })];
  });
}

/** What gives new interfaces public addresses. */
function switches(deployment: Deployment): { place: Place; holder: Values; key: string }[] {
  return [
    ...resourcesOf(deployment, 'AWS::EC2::Subnet').flatMap((place) => [
      { place, holder: place.properties, key: 'MapPublicIpOnLaunch' },
      ...(place.properties.Ipv6CidrBlock === undefined ? [] : [{ place, holder: place.properties, key: 'AssignIpv6AddressOnCreation' }]),
    ]),
    ...resourcesOf(deployment, 'AWS::EC2::Instance').flatMap((place) => {
      const [only, ...others] = listIn(place.properties, 'NetworkInterfaces') ?? [];
      return isValues(only) && others.length === 0 && only.NetworkInterfaceId === undefined ? [{ place, holder: only, key: 'AssociatePublicIpAddress' }] : [];
    }),
  ];
}

/** Load balancers; those that CloudFront gets at inside the VPC are another matter. */
function schemes(deployment: Deployment): Place[] {
  return resourcesOf(deployment, 'AWS::CloudFront::VpcOrigin').length > 0 ? [] : resourcesOf(deployment, ...BALANCERS);
}

/** Prefix lists that rules of groups use, but no routes, which could go elsewhere. */
function lists(deployment: Deployment): Place[] {
  const routed = resourcesOf(deployment, 'AWS::EC2::Route').some(({ properties }) => 'DestinationPrefixListId' in properties);
  return routed ? [] : resourcesOf(deployment, 'AWS::EC2::PrefixList').filter(({ properties }) => Array.isArray(properties.Entries));
}

const RULE = '(CidrIp|CidrIpv6|FromPort|ToPort|IpProtocol|(Source|Destination)(SecurityGroupId|PrefixListId))';
/** What may be a parameter instead, by type: values that decide something, and what belongs to what. */
const DECIDING: Readonly<Record<string, RegExp>> = {
  'AWS::EC2::VPC': /^CidrBlock$/,
  'AWS::EC2::VPCGatewayAttachment': /^(VpcId|InternetGatewayId)$/,
  'AWS::EC2::Subnet': /^(VpcId|CidrBlock|MapPublicIpOnLaunch|AssignIpv6AddressOnCreation)$/,
  'AWS::EC2::SubnetRouteTableAssociation': /^\w+$/,
  'AWS::EC2::SubnetNetworkAclAssociation': /^\w+$/,
  'AWS::EC2::RouteTable': /^VpcId$/,
  'AWS::EC2::Route': /^(RouteTableId|Destination\w+|\w*GatewayId)$/,
  'AWS::EC2::SecurityGroup': new RegExp(`^(VpcId|SecurityGroup(In|E)gress\\.\\d+\\.${RULE})$`),
  'AWS::EC2::SecurityGroupIngress': new RegExp(`^(GroupId|${RULE})$`),
  'AWS::EC2::SecurityGroupEgress': new RegExp(`^(GroupId|${RULE})$`),
  'AWS::EC2::NetworkAclEntry': /^(NetworkAclId|CidrBlock|Ipv6CidrBlock|RuleNumber|RuleAction|Protocol|Egress|PortRange\.\w+)$/,
  'AWS::EC2::PrefixList': /^Entries\.\d+\.Cidr$/,
  'AWS::EC2::Instance': /^(SubnetId|SecurityGroupIds\.\d+|LaunchTemplate\.LaunchTemplateId|NetworkInterfaces\.\d+\.(NetworkInterfaceId|AssociatePublicIpAddress|SubnetId|GroupSet\.\d+))$/,
  'AWS::EC2::LaunchTemplate': /^LaunchTemplateData\.(SecurityGroupIds\.\d+|NetworkInterfaces\.\d+\.(AssociatePublicIpAddress|SubnetId|Groups\.\d+))$/,
  'AWS::EC2::NetworkInterface': /^(SubnetId|GroupSet\.\d+)$/,
  'AWS::EC2::NetworkInterfaceAttachment': /^(InstanceId|NetworkInterfaceId)$/,
  'AWS::EC2::EIP': /^InstanceId$/,
  'AWS::EC2::EIPAssociation': /^(InstanceId|NetworkInterfaceId|AllocationId)$/,
  'AWS::ElasticLoadBalancingV2::LoadBalancer': /^(Scheme|Subnets\.\d+|SecurityGroups\.\d+)$/,
  'AWS::ElasticLoadBalancing::LoadBalancer': /^(Scheme|Subnets\.\d+|SecurityGroups\.\d+|Instances\.\d+|Listeners\.\d+\.\w*Port)$/,
  'AWS::ElasticLoadBalancingV2::TargetGroup': /^(Port|TargetType|Targets\.\d+\.(Id|Port)|TargetGroupAttributes\.\d+\.Value)$/,
  'AWS::ElasticLoadBalancingV2::Listener': /^(LoadBalancerArn|Port|DefaultActions\.\d+\.(TargetGroupArn|ForwardConfig\.TargetGroups\.\d+\.Weight))$/,
  'AWS::ElasticLoadBalancingV2::ListenerRule': /^(ListenerArn|Actions\.\d+\.TargetGroupArn)$/,
};

/** Changes that put a parameter without a default in the place of a value. */
export function doubts(deployment: Deployment): Mutation[] {
  return resourcesOf(deployment, ...Object.keys(DECIDING)).flatMap(({ file, id, type, properties }) =>
    paths(properties)
      .filter(({ path, value }) => DECIDING[type]?.test(path) === true && value !== null && value !== undefined)
      .map(({ path, holder, key }) => ({
        what: `make ${path} of ${id} unknown`,
        apply: () => {
          const body = deployment[file];
          // one of its own: what is the same parameter is the same value.
          const name = `NotSaid${Object.keys(body?.Parameters ?? {}).length}`;
          if (body !== undefined) body.Parameters = { ...body.Parameters, [name]: { Type: 'String' } };
          holder[key] = { Ref: name };
        },
      })),
  );
}
