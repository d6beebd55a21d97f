import { RULES } from '../../lib/checks/rules';
import type { Verdict } from '../../lib/checks/run';
import { run } from '../../lib/checks/run';
import type { TemplateSource } from '../../lib/exposure/templates/templates';

export type Json = Record<string, unknown>;

/** A template of these resources, and other sections if wanted. */
export function template(Resources: Json, more: Json = {}, path = 'main.template.json'): TemplateSource {
  return { path, body: { Resources, ...more } };
}

/** What one rule, or all of them, say about templates. */
export function verdicts(sources: TemplateSource | readonly TemplateSource[], ruleId?: string): Verdict[] {
  const all = run(RULES, Array.isArray(sources) ? (sources as TemplateSource[]) : [sources as TemplateSource]);
  return all.filter((each) => ruleId === undefined || each.ruleId === ruleId || each.severity === 'fatal');
}

/** The same in one line each, for comparing. */
export function lines(sources: TemplateSource | readonly TemplateSource[], ruleId?: string): string[] {
  return verdicts(sources, ruleId).map((each) => `${each.logicalId ?? '-'}: ${each.message}`);
}

export function resource(Type: string, Properties: Json = {}, more: Json = {}): Json {
  return { Type, Properties, ...more };
}

/** What installs ClickHouse, as user data. */
export const INSTALLS = { 'Fn::Base64': '#!/bin/bash\nyum install -y clickhouse-server-26.8.36.3\nsystemctl start clickhouse-server\n' };

/** An instance with nothing wrong about it, that runs ClickHouse unless told otherwise. */
export function instance(properties: Json = {}): Json {
  return resource('AWS::EC2::Instance', {
    UserData: INSTALLS,
    SecurityGroupIds: [{ 'Fn::GetAtt': ['Group', 'GroupId'] }],
    SubnetId: { Ref: 'Subnet' },
    MetadataOptions: { HttpTokens: 'required' },
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { Encrypted: true } }],
    ...properties,
  });
}

/** The entry that the CDK writes for a group that connects to nothing. */
export const NOWHERE: Json = { IpProtocol: 'icmp', FromPort: 252, ToPort: 86, CidrIp: '255.255.255.255/32' };

export function group(...SecurityGroupIngress: Json[]): Json {
  return resource('AWS::EC2::SecurityGroup', { GroupDescription: 'access', VpcId: { Ref: 'Vpc' }, SecurityGroupIngress, SecurityGroupEgress: [NOWHERE] });
}

export function tcp(port: unknown, source: unknown = '0.0.0.0/0', to: unknown = port): Json {
  return { IpProtocol: 'tcp', FromPort: port, ToPort: to, CidrIp: source };
}

/** A load balancer with a listener that forwards to these targets; its own properties, and those of the target group. */
export function front(balancer: Json, targets: Json, listener: Json = {}): Json {
  return {
    Front: resource('AWS::ElasticLoadBalancingV2::LoadBalancer', { Type: 'network', ...balancer }),
    Targets: resource('AWS::ElasticLoadBalancingV2::TargetGroup', { Port: 8123, Protocol: 'TCP', ...targets }),
    Listener: resource('AWS::ElasticLoadBalancingV2::Listener', { LoadBalancerArn: { Ref: 'Front' }, Port: 443, DefaultActions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Targets' } }], ...listener }),
  };
}

/** A ClickHouse task definition. */
export function task(image: unknown = 'clickhouse/clickhouse-server:26.8.36.3', more: Json = {}, container: Json = {}): Json {
  return resource('AWS::ECS::TaskDefinition', { NetworkMode: 'awsvpc', ContainerDefinitions: [{ Name: 'db', Image: image, ...container }], ...more });
}

export function service(properties: Json = {}): Json {
  return resource('AWS::ECS::Service', {
    TaskDefinition: { Ref: 'Task' },
    NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [{ Ref: 'Subnet' }], SecurityGroups: [{ 'Fn::GetAtt': ['Group', 'GroupId'] }], AssignPublicIp: 'DISABLED' } },
    ...properties,
  });
}
