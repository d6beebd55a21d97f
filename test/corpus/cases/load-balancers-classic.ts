import { att, fromGroup, group, instance, network, ref, resource, single, tcp } from '../build';
import type { Json, Layer } from '../case';
import { at, closed, launch, open, scaling } from './parts';

const INTERNAL = closed('the load balancer is internal', at('Front', 'Scheme'), 'internal');

/** A classic load balancer on port 80 behind group `FrontGroup`, before a database that admits it. */
const classic = (properties: Json = {}, more: Json = {}): Json =>
  network({
    FrontGroup: group(tcp(80)),
    Group: group(fromGroup(8123, att('FrontGroup', 'GroupId'))),
    Db: instance(),
    Front: resource('AWS::ElasticLoadBalancing::LoadBalancer', {
      Subnets: [ref('Public')],
      SecurityGroups: [att('FrontGroup', 'GroupId')],
      Instances: [ref('Db')],
      Listeners: [{ LoadBalancerPort: '80', InstancePort: '8123', Protocol: 'TCP' }],
      ...properties,
    }),
    ...more,
  });

/** Who gets through a classic load balancer, which asks with its own address and group. */
export const CLASSIC_LOAD_BALANCERS: Layer = {
  layer: 'classic load balancers',
  cases: [
    {
      // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancing-loadbalancer.html
      name: 'classic load balancer without a scheme',
      why: 'a load balancer is public unless it says internal',
      templates: single(classic()),
      verdict: 'exposed',
      twin: INTERNAL,
    },
    {
      name: 'port of the instance',
      why: 'port 80 leads to 8123',
      templates: single(classic({ Scheme: 'internet-facing' })),
      verdict: 'exposed',
      twin: closed('port 80 leads to SSH, which the database does not open', at('Front', 'Listeners', 0, 'InstancePort'), '22'),
    },
    {
      name: 'classic load balancer before a scaling group',
      why: 'the scaling group registers its machines',
      templates: single(classic({ Instances: undefined }, { ...launch({ SecurityGroupIds: [att('Group', 'GroupId')] }), Db: scaling({ VPCZoneIdentifier: [ref('Private')], LoadBalancerNames: [ref('Front')] }) })),
      verdict: 'exposed',
      twin: closed('it registers them nowhere', at('Db', 'LoadBalancerNames')),
    },
    {
      name: 'classic load balancer in an isolated subnet',
      why: 'public by its scheme, but its subnet has no route',
      templates: single(classic({ Scheme: 'internet-facing', Subnets: [ref('Private')] })),
      verdict: 'private',
      twin: open('its subnet has one', at('Front', 'Subnets', 0), ref('Public')),
    },
    {
      name: 'group of a classic load balancer',
      why: 'the group admits everybody to port 80, where the load balancer listens',
      templates: single(classic()),
      verdict: 'exposed',
      twin: closed('the load balancer listens on 8080', at('Front', 'Listeners', 0, 'LoadBalancerPort'), '8080'),
    },
  ],
};
