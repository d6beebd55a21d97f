import { att, balancer, fromGroup, group, network, ref, resource, service, single, task, tcp } from '../build';
import type { Json, Layer } from '../case';
import { application, association, at, closed, FROM_INSIDE, INTERNAL, open, scaling, subnet, zones } from './parts';

const CLUSTER = resource('AWS::ECS::Cluster');
const PUBLIC: Json = { Subnets: [ref('Public')], AssignPublicIp: 'ENABLED' };
const assign = at('Service', 'NetworkConfiguration', 'AwsvpcConfiguration', 'AssignPublicIp');
const DISABLED = closed('the task gets no public address', assign, 'DISABLED');
const LAUNCH_ADDRESS = closed('the machines get no public addresses', at('Launch', 'LaunchTemplateData', 'NetworkInterfaces', 0, 'AssociatePublicIpAddress'), false);

/** A Fargate service behind group `Group`, which has one rule. */
const fargate = (rule: unknown, more: Json = {}): Json => ({ Cluster: CLUSTER, Group: group(rule), Task: task({ Cpu: '1024', Memory: '4096' }), Service: service(), ...more });
const registers = (port: number): Json => ({ LoadBalancers: [{ ContainerName: 'db', ContainerPort: port, TargetGroupArn: ref('Targets') }] });
/** Load balancers find tasks by their addresses, which the service registers. */
const BY_ADDRESS: Json = { TargetType: 'ip', Targets: undefined };

/** A task of the kind that runs on machines of one's own. */
const onMachines = (NetworkMode: string | undefined, ...PortMappings: readonly Json[]): Json => task({ NetworkMode, RequiresCompatibilities: ['EC2'] }, { Memory: 4096, PortMappings });
/** Machines with public addresses behind group `Group` that join the cluster, and a service that runs on them. */
const machines = (definition: Json, rule: unknown, more: Json = {}, launched: Json = {}): Json =>
  network({
    Cluster: CLUSTER,
    Group: group(rule),
    Launch: resource('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: {
        ImageId: 'ami-0123456789abcdef0',
        InstanceType: 'm7g.large',
        UserData: { 'Fn::Base64': { 'Fn::Sub': '#!/bin/bash\necho ECS_CLUSTER=${Cluster} >> /etc/ecs/ecs.config\n' } },
        NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: true, Groups: [att('Group', 'GroupId')], ...launched }],
      },
    }),
    Machines: scaling(),
    Task: definition,
    Service: resource('AWS::ECS::Service', { Cluster: ref('Cluster'), LaunchType: 'EC2', TaskDefinition: ref('Task') }),
    ...more,
  });

/** Containers: with interfaces of their own (`awsvpc`) or on ports of the machine. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking.html */
export const ECS: Layer = {
  layer: 'ECS',
  cases: [
    {
      name: 'Fargate with a public address',
      why: 'AssignPublicIp in a public subnet, 8123 open to everybody',
      templates: single(network(fargate(tcp(8123), { Service: service({}, PUBLIC) }))),
      verdict: 'exposed',
      twin: DISABLED,
    },
    {
      name: 'Fargate in a public subnet',
      why: 'the subnet has a route to the internet gateway',
      templates: single(network(fargate(tcp(8123), { Service: service({}, PUBLIC) }))),
      verdict: 'exposed',
      twin: closed('the subnet has none', at('Service', 'NetworkConfiguration', 'AwsvpcConfiguration', 'Subnets', 0), ref('Private')),
    },
    {
      name: 'Fargate by a capacity provider',
      why: 'without a launch type, the capacity provider says where the tasks run',
      templates: single(network(fargate(tcp(8123), { Service: service({ LaunchType: undefined, CapacityProviderStrategy: [{ CapacityProvider: 'FARGATE_SPOT', Weight: 1 }] }, PUBLIC) }))),
      verdict: 'exposed',
      twin: FROM_INSIDE,
    },
    {
      name: 'Fargate that asks for no address',
      why: 'tasks of a service get a public address only when asked for; what the subnet gives to instances does not matter',
      templates: single(
        network(fargate(tcp(8123), { Public: subnet('10.0.0.0/24', { MapPublicIpOnLaunch: true }), Service: service({}, { Subnets: [ref('Public')], AssignPublicIp: undefined }) })),
      ),
      verdict: 'private',
      twin: open('the service asks for one', assign, 'ENABLED'),
    },
    {
      name: 'port that the task does not list',
      why: 'with an interface of its own, a container answers on every port that it listens on',
      templates: single(network(fargate(tcp(9000), { Service: service({}, PUBLIC) }))),
      verdict: 'exposed',
      twin: closed('it does not listen on 9001', at('Group', 'SecurityGroupIngress', 0), tcp(9001)),
    },
    {
      name: 'Fargate without groups',
      why: 'the task gets the default group of the VPC, which admits its own members only',
      templates: single(network(fargate(tcp(8123), { Service: service({}, { ...PUBLIC, SecurityGroups: undefined }) }))),
      verdict: 'private',
      twin: open('it gets the open group', at('Service', 'NetworkConfiguration', 'AwsvpcConfiguration', 'SecurityGroups'), [att('Group', 'GroupId')]),
    },
    {
      name: 'Fargate whose address is a parameter without a value',
      why: 'whoever deploys it decides about the public address',
      templates: single(network(fargate(tcp(8123), { Service: service({}, { ...PUBLIC, AssignPublicIp: ref('Assign') }) })), { Parameters: { Assign: { Type: 'String', AllowedValues: ['ENABLED', 'DISABLED'] } } }),
      verdict: 'unknown',
      twin: FROM_INSIDE,
    },
    {
      name: 'task set with a public address',
      why: 'the deployment controller is external; the task set says where the tasks are',
      templates: single(
        network(
          fargate(tcp(8123), {
            Service: resource('AWS::ECS::Service', { Cluster: ref('Cluster'), DeploymentController: { Type: 'EXTERNAL' } }),
            Set: resource('AWS::ECS::TaskSet', {
              Cluster: ref('Cluster'),
              Service: ref('Service'),
              LaunchType: 'FARGATE',
              TaskDefinition: ref('Task'),
              // spelled otherwise than in a service.
              NetworkConfiguration: { AwsVpcConfiguration: { Subnets: [ref('Public')], SecurityGroups: [att('Group', 'GroupId')], AssignPublicIp: 'ENABLED' } },
            }),
          }),
        ),
      ),
      verdict: 'exposed',
      twin: closed('the tasks get no public addresses', at('Set', 'NetworkConfiguration', 'AwsVpcConfiguration', 'AssignPublicIp'), 'DISABLED'),
    },
    {
      name: 'service behind a public ALB',
      why: 'the service registers port 8123 of its tasks, whatever the port of the target group',
      templates: single(zones(fargate(fromGroup(8123, att('FrontGroup', 'GroupId')), { Service: service(registers(8123)), ...application({}, { ...BY_ADDRESS, Port: 80 }) }))),
      verdict: 'exposed',
      twin: INTERNAL,
    },
    {
      name: 'registered port',
      why: 'the service registers the port that its group opens',
      templates: single(zones(fargate(fromGroup(8123, att('FrontGroup', 'GroupId')), { Service: service(registers(8123)), ...application({}, BY_ADDRESS) }))),
      verdict: 'exposed',
      twin: closed('it registers another', at('Service', 'LoadBalancers', 0, 'ContainerPort'), 9000),
    },
    {
      name: 'service behind a public NLB',
      why: 'tasks are targets by address, so clients come with the address of the load balancer, which the group admits',
      templates: single(network(fargate(tcp(8123, '10.0.0.0/16'), { Service: service(registers(8123)), ...balancer({}, BY_ADDRESS) }))),
      verdict: 'exposed',
      twin: INTERNAL,
    },
    {
      name: 'service that is registered nowhere',
      why: 'a public load balancer forwards to an empty target group',
      templates: single(zones(fargate(fromGroup(8123, att('FrontGroup', 'GroupId')), application({}, BY_ADDRESS)))),
      verdict: 'private',
      twin: open('the service registers its tasks there', at('Service', 'LoadBalancers'), registers(8123).LoadBalancers),
    },
    {
      name: 'service behind an internal ALB',
      why: 'isolated subnets, an internal load balancer, groups that admit each other',
      templates: single(
        zones(
          fargate(fromGroup(8123, att('FrontGroup', 'GroupId')), {
            Service: service(registers(8123)),
            ...application({ Scheme: 'internal', Subnets: [ref('Private'), ref('PrivateB')] }, BY_ADDRESS),
            FrontGroup: group(tcp(80, '10.0.0.0/16')),
          }),
        ),
      ),
      verdict: 'private',
    },
    {
      // an interface of a task gets a private address; only Fargate adds a public one:
      // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html
      name: 'tasks with interfaces of their own on machines',
      why: 'in a subnet that gives addresses to instances, tasks on machines get none',
      templates: single(
        machines(onMachines('awsvpc', { ContainerPort: 8123 }), tcp(22, '10.0.0.0/8'), {
          Public: subnet('10.0.0.0/24', { MapPublicIpOnLaunch: true }),
          TaskGroup: group(tcp(8123)),
          Service: service({ LaunchType: 'EC2' }, { Subnets: [ref('Public')], SecurityGroups: [att('TaskGroup', 'GroupId')], AssignPublicIp: undefined }),
        }),
      ),
      verdict: 'private',
    },
    {
      name: 'port of the machine',
      why: 'bridge mode: port 8123 of a public machine is that of the container',
      templates: single(machines(onMachines('bridge', { ContainerPort: 8123, HostPort: 8123 }), tcp(8123))),
      verdict: 'exposed',
      twin: FROM_INSIDE,
    },
    {
      name: 'port of the machine without a network mode',
      why: 'a task without a network mode is in bridge mode',
      templates: single(machines(onMachines(undefined, { ContainerPort: 8123, HostPort: 8123 }), tcp(8123))),
      verdict: 'exposed',
      twin: LAUNCH_ADDRESS,
    },
    {
      name: 'another port of the machine',
      why: 'port 18123 of a public machine is port 8123 of the container',
      templates: single(machines(onMachines('bridge', { ContainerPort: 8123, HostPort: 18123 }), tcp(18123))),
      verdict: 'exposed',
      twin: closed('it is port 28123, which the group does not open', at('Task', 'ContainerDefinitions', 0, 'PortMappings', 0, 'HostPort'), 28123),
    },
    {
      name: 'ports that the machine does not hand on',
      why: 'the machine hands port 9000 on, which its group opens',
      templates: single(machines(onMachines('bridge', { ContainerPort: 8123, HostPort: 8123 }, { ContainerPort: 9000, HostPort: 9000 }), tcp(9000))),
      verdict: 'exposed',
      twin: closed('in bridge mode, only listed ports are handed on', at('Task', 'ContainerDefinitions', 0, 'PortMappings', 1)),
    },
    {
      name: 'network of the machine',
      why: 'host mode: the container listens on the ports of the machine itself',
      templates: single(machines(onMachines('host', { ContainerPort: 8123 }), tcp(8123))),
      verdict: 'exposed',
      twin: closed('the machines start in the isolated subnet', at('Machines', 'VPCZoneIdentifier', 0), ref('Private')),
    },
    {
      name: 'ports that the machine chooses',
      why: 'without a port of the machine, one of the ephemeral range is taken, all of which is open',
      templates: single(machines(onMachines('bridge', { ContainerPort: 8123, HostPort: 0 }), tcp(32768, '0.0.0.0/0', 65535))),
      verdict: 'exposed',
      twin: LAUNCH_ADDRESS,
    },
    {
      name: 'chosen ports behind a public ALB',
      why: 'the service registers the port that the machine chose, and the machine admits the load balancer to all of them',
      templates: single(
        machines(
          onMachines('bridge', { ContainerPort: 8123, HostPort: 0 }),
          { ...fromGroup(32768, att('FrontGroup', 'GroupId')), ToPort: 65535 },
          {
            PublicB: subnet('10.0.2.0/24'),
            PublicBAssociation: association('PublicB', 'PublicTable'),
            Machines: scaling({ VPCZoneIdentifier: [ref('Private')] }),
            ...application({}, { Targets: undefined, Port: 80, HealthCheckPort: 'traffic-port' }),
            Service: resource('AWS::ECS::Service', { Cluster: ref('Cluster'), LaunchType: 'EC2', TaskDefinition: ref('Task'), ...registers(8123) }),
          },
          { AssociatePublicIpAddress: false },
        ),
      ),
      verdict: 'exposed',
      twin: closed('the group of the load balancer admits only private addresses', at('FrontGroup', 'SecurityGroupIngress', 0, 'CidrIp'), '10.0.0.0/8'),
    },
  ],
};
