import type { Located, Resource } from '../exposure/templates/templates';
import { elements, inside, items, property, scalar } from '../exposure/templates/values';
import type { Workloads } from '../exposure/workloads/workloads';
import { hostProperty } from '../exposure/workloads/workloads';

/** A value and where its resource has it. */
export interface Written {
  readonly value: Located;
  readonly location: string;
}

/** Where a resource of ClickHouse says it is. */
export interface Placement {
  readonly resource: Resource;
  readonly subnets: readonly Written[];
  /** switches for a public address. */
  readonly addresses: readonly Written[];
}

/** The subnets of an Auto Scaling group or a fleet. */
export function subnetsOfGroup(group: Resource): readonly Written[] {
  const configurations = [...elements(group, 'LaunchTemplateConfigs'), ...elements(group, 'SpotFleetRequestConfigData', 'LaunchTemplateConfigs')];
  const overrides = configurations.flatMap((each) => inside(each, 'Overrides')).flatMap((list) => items(list));
  return [
    ...elements(group, 'VPCZoneIdentifier').map((value) => ({ value, location: 'Properties.VPCZoneIdentifier' })),
    ...overrides.flatMap((each) => inside(each, 'SubnetId')).map((value) => ({ value, location: 'Properties' })),
  ];
}

/** Where each resource of ClickHouse says in which subnet it is and whether it has a public address. */
export function placements({ hosts, groups, interfaces, services }: Workloads): Placement[] {
  const at = (values: readonly Located[], location: string): Written[] => values.map((value) => ({ value, location }));
  return [
    ...hosts.map((resource) => {
      const cards = hostProperty(resource, 'NetworkInterfaces').flatMap((list) => items(list));
      const data = resource.type === 'AWS::EC2::LaunchTemplate' ? 'Properties.LaunchTemplateData' : 'Properties';
      return {
        resource,
        subnets: [...at(hostProperty(resource, 'SubnetId'), `${data}.SubnetId`), ...at(cards.flatMap((each) => inside(each, 'SubnetId')), `${data}.NetworkInterfaces`)],
        addresses: [
          ...at(hostProperty(resource, 'AssociatePublicIpAddress'), `${data}.AssociatePublicIpAddress`),
          ...at(cards.flatMap((each) => inside(each, 'AssociatePublicIpAddress')), `${data}.NetworkInterfaces`),
        ],
      };
    }),
    ...groups.map((resource) => ({ resource, subnets: subnetsOfGroup(resource), addresses: [] })),
    ...interfaces.map((resource) => ({ resource, subnets: at(property(resource, 'SubnetId'), 'Properties.SubnetId'), addresses: [] })),
    ...services.map((resource) => {
      const network = ['NetworkConfiguration', 'AwsvpcConfiguration'];
      const location = `Properties.${network.join('.')}`;
      const enabled = property(resource, ...network, 'AssignPublicIp').map((value) => {
        const text = scalar(value);
        return text.known ? { ...value, node: String(text.value).toUpperCase() === 'ENABLED' } : value;
      });
      return { resource, subnets: at(elements(resource, ...network, 'Subnets'), `${location}.Subnets`), addresses: at(enabled, `${location}.AssignPublicIp`) };
    }),
  ];
}
