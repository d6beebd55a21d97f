import type { Action, Balancer, Vpc } from './network';
import { machineName, pick } from './network';
import { privateAddress } from './render-machines';
import type { Names } from './render-machines';
import type { Json, Spelling } from './spelling';
import { att, ref } from './spelling';

/** The load balancers of a VPC with their listeners and target groups. */
export function balancers(vpc: Vpc, v: number, spelling: Spelling, names: Names): Json {
  const made: Record<string, unknown> = {};
  vpc.balancers.forEach((balancer, b) => Object.assign(made, balancer.kind === 'classic' ? classic(vpc, balancer, v, b, spelling, names) : modern(vpc, balancer, v, b, spelling, names)));
  return made;
}

function front({ scheme, groups, subnets }: Balancer, names: Names, mapped = false): Json {
  const where = mapped ? { SubnetMappings: subnets.map((subnet) => ({ SubnetId: names.subnetId(subnet) })) } : { Subnets: subnets.map(names.subnetId) };
  return { ...(scheme === undefined ? {} : { Scheme: scheme }), ...where, ...(groups.length > 0 ? { SecurityGroups: groups.map(names.groupId) } : {}) };
}

function classic(vpc: Vpc, balancer: Balancer, v: number, b: number, spelling: Spelling, names: Names): Json {
  return {
    [names.name(`Front${b}`)]: {
      Type: 'AWS::ElasticLoadBalancing::LoadBalancer',
      Properties: {
        ...front(balancer, names),
        Listeners: balancer.listeners.map(({ port, machinePort }) => ({ LoadBalancerPort: spelling.number(port), InstancePort: spelling.number(machinePort), Protocol: spelling.choose('TCP', 'HTTP', 'tcp') })),
        Instances: balancer.machines.map((machine) => ref(machineName(v, machine % vpc.machines.length))),
      },
    },
  };
}

function modern(vpc: Vpc, balancer: Balancer, v: number, b: number, spelling: Spelling, names: Names): Json {
  const made: Record<string, unknown> = {};
  const add = (part: string, Type: string, Properties: Json): void => void (made[names.name(part)] = { Type, Properties });
  const application = balancer.kind === 'application';
  const udp = balancer.listeners[0]?.protocol === 'udp';
  const protocol = application ? 'HTTP' : udp ? 'UDP' : 'TCP';
  const targetsArn = (group: number): Json => spelling.choose(ref(names.name(`Targets${b}${group % balancer.targetGroups.length}`)), att(names.name(`Targets${b}${group % balancer.targetGroups.length}`), 'TargetGroupArn'));
  add(`Front${b}`, 'AWS::ElasticLoadBalancingV2::LoadBalancer', { ...front(balancer, names, spelling.choose(false, false, true)), ...(balancer.dual === true ? { IpAddressType: 'dualstack' } : spelling.choose<Json>({}, { IpAddressType: 'ipv4' })), ...(application && spelling.chance() ? {} : { Type: balancer.kind }) });
  balancer.targetGroups.forEach(({ kind, port, targets, preserve }, t) => {
    add(`Targets${b}${t}`, 'AWS::ElasticLoadBalancingV2::TargetGroup', {
      VpcId: names.vpcId(),
      Port: spelling.number(port),
      Protocol: protocol,
      ...(kind === 'instance' && spelling.chance() ? {} : { TargetType: kind }),
      ...(application || preserve === undefined ? {} : { TargetGroupAttributes: [{ Key: 'preserve_client_ip.enabled', Value: String(preserve) }] }),
      Targets: targets.map((target) => {
        const m = target.machine % vpc.machines.length;
        const id = machineName(v, m);
        const machine = pick(vpc.machines, m);
        const address = spelling.choose<unknown>(att(id, 'PrivateIp'), privateAddress(vpc, machine, m));
        return { Id: kind === 'ip' ? address : ref(id), ...(target.port === undefined ? {} : { Port: spelling.number(target.port) }) };
      }),
    });
  });
  const actions = (action: Action): Json[] => {
    if (action === 'answer') return [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }];
    const [first] = action;
    if (first !== undefined && action.length === 1 && spelling.chance()) return [{ Type: 'forward', ForwardConfig: { TargetGroups: [{ TargetGroupArn: targetsArn(first.group) }] } }];
    if (first !== undefined && action.length === 1) return [{ Type: 'forward', TargetGroupArn: targetsArn(first.group) }];
    return [{ Type: 'forward', ForwardConfig: { TargetGroups: action.map(({ group, weight }) => ({ TargetGroupArn: targetsArn(group), Weight: spelling.number(weight) })) } }];
  };
  balancer.listeners.forEach(({ port, action, rules }, l) => {
    add(`Listener${b}${l}`, 'AWS::ElasticLoadBalancingV2::Listener', {
      LoadBalancerArn: spelling.choose(ref(names.name(`Front${b}`)), att(names.name(`Front${b}`), 'LoadBalancerArn')),
      Port: spelling.number(port),
      ...(udp ? { Protocol: protocol } : spelling.choose<Json>({ Protocol: protocol }, { Protocol: application ? 'HTTPS' : 'TLS', Certificates: [{ CertificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/a' }] })),
      DefaultActions: actions(action),
    });
    if (!application) return;
    rules.forEach((each, r) =>
      add(`Choice${b}${l}${r}`, 'AWS::ElasticLoadBalancingV2::ListenerRule', {
        ListenerArn: spelling.choose(ref(names.name(`Listener${b}${l}`)), att(names.name(`Listener${b}${l}`), 'ListenerArn')),
        Priority: spelling.number(r + 1),
        Conditions: [{ Field: 'path-pattern', Values: [`/part${r}/*`] }],
        Actions: actions(each),
      }),
    );
  });
  return made;
}
