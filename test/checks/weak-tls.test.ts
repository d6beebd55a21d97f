import { CfnResource } from 'aws-cdk-lib';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as targets from 'aws-cdk-lib/aws-elasticloadbalancingv2-targets';
import * as fc from 'fast-check';
import { judgePolicy, judgeViewerPolicy } from '../../lib/checks/transport/security-policies';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { front, instance, lines, resource, service, task, template } from './support';

const ID = 'ClickHouse-WeakTls';
const found = (resources: Json, more: Json = {}): string[] => lines(template(resources, more), ID);
const MODERN = 'ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09';
const CERTIFICATES = [{ CertificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/a' }];
const script = (...commands: string[]): Json => ({ UserData: { 'Fn::Base64': ['#!/bin/bash', 'yum install -y clickhouse-server-26.8.36.3', ...commands, ''].join('\n') } });
const write = (inner: string): string => `cat > /etc/clickhouse-server/config.d/tls.xml <<E\n<clickhouse>${inner}</clickhouse>\nE`;
const machine = (...commands: string[]): Json => ({ Db: instance(script(...commands)) });
const manifest = (...objects: Json[]): Json => ({ Manifest: resource('Custom::AWSCDK-EKS-KubernetesResource', { ClusterName: 'tools', Manifest: JSON.stringify(objects) }) });
const chart = (Chart: string, values: Json): Json => ({ Chart: resource('Custom::AWSCDK-EKS-HelmChart', { ClusterName: 'tools', Release: 'db', Namespace: 'data', Repository: 'https://charts.example.com', Chart, Values: JSON.stringify(values) }) });

describe('security policies', () => {
  // what the CDK knows is what is documented: a new one is unknown until somebody reads what it allows.
  test.each(Object.values(elbv2.SslPolicy).map((name) => [name]))('%s of the CDK is known', (name) => {
    expect(judgePolicy(name)).toBe(/TLS13-1-[23]|TLS-1-2-|FS-1-2-/.test(name) ? 'modern' : 'old');
  });

  test.each([['ELBSecurityPolicy-2015-05', 'old'], ['ELBSecurityPolicy-2011-08', 'old'], ['ELBSecurityPolicy-TLS13-1-2-2031-01', 'unknown'], ['', 'unknown'], ['2016-08', 'unknown'], ['__proto__', 'unknown'], ['ELBSecurityPolicy-', 'unknown']])('%j is %s', (name, judged) => {
    expect(judgePolicy(name)).toBe(judged);
  });

  test.each([['TLSv1.2_2018', 'modern'], ['TLSv1.2_2021', 'modern'], ['TLSv1.3_2025', 'modern'], ['TLSv1', 'old'], ['TLSv1_2016', 'old'], ['TLSv1.1_2016', 'old'], ['SSLv3', 'old'], ['TLSv1.4_2040', 'unknown']])('CloudFront: %s is %s', (name, judged) => {
    expect(judgeViewerPolicy(name)).toBe(judged);
  });
});

describe('listeners', () => {
  const behind = (listener: Json, group: Json = {}, balancer: Json = { Type: 'application' }): Json => ({ Db: instance(), ...front(balancer, { Protocol: 'HTTPS', Port: 8443, Targets: [{ Id: { Ref: 'Db' } }], ...group }, listener) });

  test.each([
    ['an old policy', { Protocol: 'HTTPS', SslPolicy: 'ELBSecurityPolicy-2016-08' }, { Protocol: 'HTTPS', SslPolicy: MODERN }, /^Listener: Listener in front of ClickHouse \(Db\) is weak: its policy ELBSecurityPolicy-2016-08 allows TLS before 1.2$/],
    ['TLS 1.1', { Protocol: 'HTTPS', SslPolicy: 'ELBSecurityPolicy-TLS13-1-1-2021-06' }, { Protocol: 'HTTPS', SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06' }, /TLS13-1-1-2021-06 allows TLS before 1.2/],
    ['no policy', { Protocol: 'HTTPS' }, { Protocol: 'HTTPS', SslPolicy: MODERN }, /names no SslPolicy, which means ELBSecurityPolicy-2016-08/],
    ['a policy that one branch leaves out', { Protocol: 'HTTPS', SslPolicy: { 'Fn::If': ['C', MODERN, { Ref: 'AWS::NoValue' }] } }, { Protocol: 'HTTPS', SslPolicy: { 'Fn::If': ['C', MODERN, 'ELBSecurityPolicy-TLS-1-2-2017-01'] } }, /names no SslPolicy/],
    ['a policy that nobody knows', { Protocol: 'HTTPS', SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2031-01' }, { Protocol: 'HTTPS', SslPolicy: MODERN }, /^Listener: whether .* cannot be told: nothing is known of its policy/],
    ['TLS of a network load balancer', { Protocol: 'TLS', SslPolicy: 'ELBSecurityPolicy-FS-2018-06' }, { Protocol: 'TLS', SslPolicy: MODERN }, /FS-2018-06 allows/],
    ['a network load balancer that passes it on', { Protocol: 'TLS' }, { Protocol: 'TCP' }, /names no SslPolicy/],
    ['HTTP', { Protocol: 'HTTP' }, { Protocol: 'HTTPS', SslPolicy: MODERN }, /^Listener: Listener in front of ClickHouse \(Db\) takes HTTP without TLS$/],
    ['HTTP that only redirects', { Protocol: 'HTTP' }, { Protocol: 'HTTP', DefaultActions: [{ Type: 'redirect', RedirectConfig: { Protocol: 'HTTPS', StatusCode: 'HTTP_301' } }] }, /takes HTTP/],
    ['HTTP to a weighted group', { Protocol: 'HTTP', DefaultActions: [{ Type: 'forward', ForwardConfig: { TargetGroups: [{ TargetGroupArn: { Ref: 'Targets' } }] } }] }, { Protocol: 'HTTP', DefaultActions: [{ Type: 'forward', ForwardConfig: { TargetGroups: [{ TargetGroupArn: { Ref: 'Elsewhere' } }] } }] }, /takes HTTP/],
    ['no protocol, and no certificate', { Protocol: undefined }, { Protocol: undefined, Certificates: CERTIFICATES, SslPolicy: MODERN }, /takes HTTP/],
    ['a certificate without a policy', { Protocol: undefined, Certificates: CERTIFICATES }, { Protocol: undefined, Certificates: CERTIFICATES, SslPolicy: MODERN }, /names no SslPolicy/],
    ['one branch', { Protocol: { 'Fn::If': ['C', 'HTTP', 'HTTPS'] }, SslPolicy: MODERN }, { Protocol: { 'Fn::If': ['C', 'HTTPS', 'HTTPS'] }, SslPolicy: MODERN }, /takes HTTP/],
  ])('%s', (_, bad, twin, message) => {
    expect(found(behind(bad))).toEqual([expect.stringMatching(message)]);
    expect(found(behind(twin))).toEqual([]);
  });

  test.each([
    ['another machine', { Targets: [{ Id: 'i-0123456789abcdef0' }] }],
    ['another program on the machine', { Port: 3000 }],
  ])('in front of %s it is no matter', (_, group) => {
    expect(found(behind({ Protocol: 'HTTP' }, group))).toEqual([]);
    expect(found(behind({ Protocol: 'HTTP' }))).toHaveLength(1);
  });

  test('tokens', () => {
    const policy = (more: Json): string[] => found(behind({ Protocol: 'HTTPS', SslPolicy: { Ref: 'Policy' } }), { Parameters: { Policy: { Type: 'String', ...more } } });
    expect(policy({})).toEqual([expect.stringMatching(/^Listener: whether .* cannot be told: parameter Policy has no default/)]);
    expect(policy({ Default: 'ELBSecurityPolicy-2016-08' })).toHaveLength(1);
    expect(policy({ Default: MODERN })).toEqual([]);
    expect(found(behind({ Protocol: { Ref: 'Protocol' } }), { Parameters: { Protocol: { Type: 'String' } } })).toEqual([expect.stringMatching(/whether .* takes HTTP without TLS cannot be told at synthesis/)]);
  });

  test('rules: of a listener with HTTP, with TLS, and of one that is not here', () => {
    const rule = (ListenerArn: unknown, listener: Json): Json => ({
      ...behind({ DefaultActions: [{ Type: 'fixed-response' }], ...listener }),
      Rule: resource('AWS::ElasticLoadBalancingV2::ListenerRule', { ListenerArn, Priority: 1, Actions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Targets' } }] }),
    });
    expect(found(rule({ Ref: 'Listener' }, { Protocol: 'HTTP' }))).toEqual(['Rule: Rule in front of ClickHouse (Db) takes HTTP without TLS']);
    expect(found(rule({ Ref: 'Listener' }, { Protocol: 'HTTPS' }))).toEqual([expect.stringMatching(/^Listener: Rule in front of .* names no SslPolicy/)]);
    expect(found(rule({ Ref: 'Listener' }, { Protocol: 'HTTPS', SslPolicy: MODERN }))).toEqual([]);
    expect(found(rule('arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/a/1/2', { Protocol: 'HTTPS', SslPolicy: MODERN }))).toEqual([expect.stringMatching(/^Rule: whether Rule .* cannot be told at synthesis: its listener is not in the templates/)]);
  });

  test('a load balancer that is only imported has its own listener all the same', () => {
    const imported = (listener: Json): string[] => found(behind({ LoadBalancerArn: 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/a/1', ...listener }));
    expect(imported({ Protocol: 'HTTP' })).toHaveLength(1);
    expect(imported({ Protocol: 'HTTPS', SslPolicy: MODERN })).toEqual([]);
  });

  test('services', () => {
    const all = (listener: Json, ContainerName = 'db'): string[] => found({
      Task: resource('AWS::ECS::TaskDefinition', { NetworkMode: 'awsvpc', ContainerDefinitions: [{ Name: 'db', Image: 'clickhouse/clickhouse-server:26.8.36.3' }, { Name: 'web', Image: 'nginx:1' }] }),
      Service: service({ LoadBalancers: [{ ContainerName, ContainerPort: 8443, TargetGroupArn: { Ref: 'Targets' } }] }),
      ...front({ Type: 'application' }, { Protocol: 'HTTPS' }, listener),
    });
    expect(all({ Protocol: 'HTTP' })).toHaveLength(1);
    expect(all({ Protocol: 'HTTPS', SslPolicy: MODERN })).toEqual([]);
    expect(all({ Protocol: 'HTTP' }, 'web')).toEqual([]);
  });

  const classic = (listener: Json, Policies: Json[] = []): string[] => found({ Db: instance(), Front: resource('AWS::ElasticLoadBalancing::LoadBalancer', { Instances: [{ Ref: 'Db' }], Policies, Listeners: [{ LoadBalancerPort: '443', InstancePort: '8443', ...listener }] }) });
  const policy = (...Attributes: Json[]): Json => ({ PolicyName: 'tls', PolicyType: 'SSLNegotiationPolicyType', Attributes });
  const reference = (Value: string): Json => ({ Name: 'Reference-Security-Policy', Value });

  test.each([
    ['HTTP', { Protocol: 'HTTP' }, [], { Protocol: 'TCP' }, [], /takes HTTP without TLS/],
    ['no policy', { Protocol: 'HTTPS' }, [], { Protocol: 'HTTPS', PolicyNames: ['tls'] }, [policy(reference('ELBSecurityPolicy-TLS-1-2-2017-01'))], /names no policy for TLS, which means ELBSecurityPolicy-2016-08/],
    ['an old policy', { Protocol: 'SSL', PolicyNames: ['tls'] }, [policy(reference('ELBSecurityPolicy-2015-05'))], { Protocol: 'SSL', PolicyNames: ['tls'] }, [policy(reference('ELBSecurityPolicy-TLS-1-2-2017-01'))], /ELBSecurityPolicy-2015-05 allows TLS before 1.2/],
    ['a policy of one\'s own', { Protocol: 'HTTPS', PolicyNames: ['tls'] }, [policy({ Name: 'Protocol-TLSv1', Value: 'true' }, { Name: 'Protocol-TLSv1.2', Value: 'true' })], { Protocol: 'HTTPS', PolicyNames: ['tls'] }, [policy({ Name: 'Protocol-TLSv1', Value: 'false' }, { Name: 'Protocol-TLSv1.2', Value: 'true' })], /its policy has Protocol-TLSv1$/],
    ['the policy of another listener', { Protocol: 'HTTPS', PolicyNames: [] }, [policy(reference('ELBSecurityPolicy-TLS-1-2-2017-01'))], { Protocol: 'HTTPS', PolicyNames: ['tls'] }, [policy(reference('ELBSecurityPolicy-TLS-1-2-2017-01'))], /names no policy/],
    ['one that nobody knows', { Protocol: 'HTTPS', PolicyNames: ['tls'] }, [policy(reference('ELBSecurityPolicy-x'))], { Protocol: 'HTTPS', PolicyNames: ['tls'] }, [policy(reference('ELBSecurityPolicy-TLS-1-2-2017-01'))], /cannot be told: nothing is known of its policy/],
  ])('a classic load balancer: %s', (_, bad, badPolicies, twin, twinPolicies, message) => {
    expect(classic(bad, badPolicies)).toEqual([expect.stringMatching(message)]);
    expect(classic(twin, twinPolicies)).toEqual([]);
  });
});

describe('CloudFront', () => {
  const OWN = { AcmCertificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/a', SslSupportMethod: 'sni-only', MinimumProtocolVersion: 'TLSv1.2_2021' };
  const origin = (more: Json = {}): Json => ({ Id: 'db', DomainName: { 'Fn::GetAtt': ['Front', 'DNSName'] }, CustomOriginConfig: { OriginProtocolPolicy: 'https-only', OriginSSLProtocols: ['TLSv1.2'] }, ...more });
  const all = (config: Json, more: Json = {}, id = 'Db'): string[] => found({
    Db: instance(),
    ...front({ Type: 'application', Scheme: 'internal' }, { Protocol: 'HTTPS', Port: 8443, Targets: [{ Id: id === 'Db' ? { Ref: 'Db' } : id }] }, { Protocol: 'HTTPS', SslPolicy: MODERN }),
    Site: resource('AWS::CloudFront::Distribution', { DistributionConfig: { Enabled: true, Origins: [origin()], DefaultCacheBehavior: { TargetOriginId: 'db', ViewerProtocolPolicy: 'https-only' }, ViewerCertificate: OWN, ...config } }),
    ...more,
  }).filter((each) => !each.includes('internet'));

  test.each([
    ['HTTP from viewers', { DefaultCacheBehavior: { TargetOriginId: 'db', ViewerProtocolPolicy: 'allow-all' } }, { DefaultCacheBehavior: { TargetOriginId: 'db', ViewerProtocolPolicy: 'redirect-to-https' } }, /^Site: Site in front of ClickHouse takes HTTP without TLS from viewers/],
    ['HTTP from viewers of another origin', { CacheBehaviors: [{ PathPattern: '/a', TargetOriginId: 'db', ViewerProtocolPolicy: 'allow-all' }] }, { CacheBehaviors: [{ PathPattern: '/a', TargetOriginId: 'other', ViewerProtocolPolicy: 'allow-all' }] }, /takes HTTP/],
    ['a group of origins', { OriginGroups: { Items: [{ Id: 'both', Members: { Items: [{ OriginId: 'db' }] } }] }, DefaultCacheBehavior: { TargetOriginId: 'both', ViewerProtocolPolicy: 'allow-all' } }, { OriginGroups: { Items: [{ Id: 'both', Members: { Items: [{ OriginId: 'other' }] } }] }, DefaultCacheBehavior: { TargetOriginId: 'both', ViewerProtocolPolicy: 'allow-all' } }, /takes HTTP/],
    ['an old policy', { ViewerCertificate: { ...OWN, MinimumProtocolVersion: 'TLSv1.1_2016' } }, { ViewerCertificate: OWN }, /allows viewers TLS before 1.2: MinimumProtocolVersion TLSv1.1_2016/],
    ['no policy', { ViewerCertificate: { ...OWN, MinimumProtocolVersion: undefined } }, { ViewerCertificate: OWN }, /names no MinimumProtocolVersion/],
    ['a policy that nobody knows', { ViewerCertificate: { ...OWN, MinimumProtocolVersion: 'TLSv1.4_2040' } }, { ViewerCertificate: OWN }, /cannot be told: nothing is known of/],
    ["CloudFront's own certificate", { ViewerCertificate: { CloudFrontDefaultCertificate: true } }, { ViewerCertificate: { ...OWN, CloudFrontDefaultCertificate: false } }, /CloudFront's own certificate/],
    ['no certificate', { ViewerCertificate: undefined }, { ViewerCertificate: OWN }, /CloudFront's own certificate/],
    ['an old protocol to the origin', { Origins: [origin({ CustomOriginConfig: { OriginProtocolPolicy: 'https-only', OriginSSLProtocols: ['TLSv1', 'TLSv1.2'] } })] }, { Origins: [origin()] }, /asks it by protocols before TLS 1.2 as well: OriginSSLProtocols has TLSv1$/],
    ['no protocols to the origin', { Origins: [origin({ CustomOriginConfig: { OriginProtocolPolicy: 'https-only' } })] }, { Origins: [origin()] }, /names no OriginSSLProtocols/],
    ['HTTP to the origin', { Origins: [origin({ CustomOriginConfig: { OriginProtocolPolicy: 'http-only' } })] }, { Origins: [origin()] }, /asks it by HTTP without TLS/],
  ])('%s', (_, bad, twin, message) => {
    expect(all(bad)).toEqual([expect.stringMatching(message)]);
    expect(all(twin)).toEqual([]);
    // in front of anything else it is no matter.
    expect(all(bad, {}, 'i-0123456789abcdef0')).toEqual([]);
  });

  test('an origin inside the VPC', () => {
    const inside = (config: Json): string[] => all({ Origins: [{ Id: 'db', DomainName: 'db.example.com', VpcOriginConfig: { VpcOriginId: { 'Fn::GetAtt': ['Inside', 'Id'] } } }] }, { Inside: resource('AWS::CloudFront::VpcOrigin', { VpcOriginEndpointConfig: { Arn: { Ref: 'Front' }, Name: 'db', OriginProtocolPolicy: 'https-only', OriginSSLProtocols: ['TLSv1.2'], ...config } }) });
    expect(inside({ OriginSSLProtocols: ['SSLv3'] })).toEqual([expect.stringMatching(/^Inside: Inside in front of ClickHouse asks it by protocols before TLS 1.2/)]);
    expect(inside({ OriginProtocolPolicy: 'http-only' })).toEqual([expect.stringMatching(/^Inside: .* by HTTP without TLS/)]);
    expect(inside({})).toEqual([]);
  });

  test('tokens', () => {
    expect(all({ ViewerCertificate: { ...OWN, MinimumProtocolVersion: { Ref: 'Version' } } })).toEqual([expect.stringMatching(/cannot be told/)]);
    expect(all({ DefaultCacheBehavior: { TargetOriginId: 'db', ViewerProtocolPolicy: { Ref: 'Policy' } } })).toEqual([expect.stringMatching(/cannot be told at synthesis/)]);
    expect(all({ Origins: [origin({ CustomOriginConfig: { OriginProtocolPolicy: { Ref: 'Policy' }, OriginSSLProtocols: ['TLSv1.2'] } })] })).toEqual([expect.stringMatching(/cannot be told at synthesis/)]);
  });
});

describe('the sections of OpenSSL', () => {
  const server = (inner: string): string => write(`<openSSL><server><certificateFile>/a</certificateFile>${inner}</server></openSSL>`);
  const client = (inner: string): string => write(`<openSSL><client>${inner}</client></openSSL>`);
  const LIST = '<disableProtocols>sslv2,sslv3,tlsv1,tlsv1_1</disableProtocols>';

  test.each([
    ['a client that checks nothing', client('<verificationMode>none</verificationMode>'), client('<verificationMode>strict</verificationMode>'), /^Db: the start-up script of Db: verificationMode none has ClickHouse take whoever answers/],
    ['any certificate', client('<invalidCertificateHandler><name>AcceptCertificateHandler</name></invalidCertificateHandler>'), client('<invalidCertificateHandler><name>RejectCertificateHandler</name></invalidCertificateHandler>'), /AcceptCertificateHandler takes every certificate for a good one \(openSSL\.client\)/],
    ['any certificate, of the server', server(`${LIST}<invalidCertificateHandler><name>AcceptCertificateHandler</name></invalidCertificateHandler>`), server(`${LIST}<invalidCertificateHandler><name>RejectCertificateHandler</name></invalidCertificateHandler>`), /openSSL\.server/],
    ['any name', client('<extendedVerification>false</extendedVerification>'), client('<extendedVerification>true</extendedVerification>'), /extendedVerification false/],
    ['the list of the package', server('<disableProtocols>sslv2,sslv3</disableProtocols>'), server(LIST), /TLS 1.0 and TLS 1.1 are left on: disableProtocols of openSSL.server does not have tlsv1 and tlsv1_1/],
    ['TLS 1.1 alone', server('<disableProtocols>sslv2,sslv3,tlsv1</disableProtocols>'), server(LIST), /TLS 1.1 is left on: .* tlsv1_1$/],
    ['TLS 1.0 alone, of a client', client('<disableProtocols>sslv3, tlsv1_1</disableProtocols>'), client('<disableProtocols>tlsv1, tlsv1_1</disableProtocols>'), /TLS 1.0 is left on: disableProtocols of openSSL.client does not have tlsv1$/],
    ['no list', server(''), server('<requireTLSv1_2>true</requireTLSv1_2>'), /TLS 1.0 and 1.1 are left on: openSSL.server has no disableProtocols/],
    ['no list, of what is no server', server(''), client('<caConfig>/ca</caConfig>'), /has no disableProtocols/],
    ['YAML', 'cat > /etc/clickhouse-server/config.d/a.yaml <<E\nopenSSL:\n  client:\n    verificationMode: none\nE', 'cat > /etc/clickhouse-server/config.d/a.yaml <<E\nopenSSL:\n  client:\n    verificationMode: strict\nE', /verificationMode none/],
    ['an option', 'clickhouse-server -- --openSSL.client.verificationMode=none', 'clickhouse-server -- --openSSL.client.verificationMode=strict', /verificationMode none/],
    ['a comment', client('<verificationMode>none</verificationMode>'), client('<!-- <verificationMode>none</verificationMode> -->'), /verificationMode none/],
    ['Keeper, which has no other login', write(`<keeper_server><tcp_port_secure>9281</tcp_port_secure></keeper_server><openSSL><server><verificationMode>none</verificationMode>${LIST}</server></openSSL>`), write(`<openSSL><server><verificationMode>none</verificationMode>${LIST}</server></openSSL>`), /lets everybody into Keeper/],
    ['the file of a client', 'echo "<config><accept-invalid-certificate>1</accept-invalid-certificate></config>" > /etc/clickhouse-client/config.xml', 'echo "<config><accept-invalid-certificate>0</accept-invalid-certificate></config>" > /etc/clickhouse-client/config.xml', /accept-invalid-certificate/],
  ])('%s', (_, bad, twin, message) => {
    expect(found(machine(bad))).toEqual([expect.stringMatching(message)]);
    expect(found(machine(twin))).toEqual([]);
  });

  test('cfn-init, charts, operators and maps', () => {
    const init = (mode: string): string[] => found({ Db: { ...instance(), Metadata: { 'AWS::CloudFormation::Init': { config: { files: { '/etc/clickhouse-server/config.d/a.xml': { content: `<clickhouse><openSSL><client><verificationMode>${mode}</verificationMode></client></openSSL></clickhouse>` } } } } } } });
    const map = (mode: string): string[] => found(manifest({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { 'a.xml': `<clickhouse><openSSL><client><verificationMode>${mode}</verificationMode></client></openSSL></clickhouse>` } }));
    const values = (mode: string): string[] => found(chart('clickhouse', { extraOverrides: `<clickhouse><openSSL><client><verificationMode>${mode}</verificationMode></client></openSSL></clickhouse>` }));
    const settings = (mode: string): string[] => found(manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'a' }, spec: { configuration: { settings: { 'openSSL/client/verificationMode': mode } } } }));
    for (const of of [init, map, values, settings]) {
      expect(of('none')).toEqual([expect.stringMatching(/verificationMode none has ClickHouse take whoever answers/)]);
      expect(of('strict')).toEqual([]);
    }
  });

  test('tokens: a mode that is only known at deployment', () => {
    const of = (more: Json): string[] => found({ Db: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': `yum install -y clickhouse-server\n${client('<verificationMode>${Mode}</verificationMode>')}` } } }) }, { Parameters: { Mode: { Type: 'String', ...more } } });
    expect(of({ Default: 'none' })).toHaveLength(1);
    expect(of({ Default: 'strict' })).toEqual([]);
  });
});

describe('clients', () => {
  const web = (variables: Json): string[] => found({ Web: task('registry.example.com/web:3', {}, { Name: 'web', Environment: Object.entries(variables).map(([Name, Value]) => ({ Name, Value })) }) });

  test.each([
    ['Go', { CLICKHOUSE_URL: 'clickhouse://db.internal:9440?secure=true&skip_verify=true' }, { CLICKHOUSE_URL: 'clickhouse://db.internal:9440?secure=true&skip_verify=false' }],
    ['JDBC', { STORE: 'jdbc:clickhouse://db.internal:8443/a?ssl=true&sslmode=none' }, { STORE: 'jdbc:clickhouse://db.internal:8443/a?ssl=true&sslmode=strict' }],
    ['Python', { STORE: 'clickhouse+native://db.internal:9440/a?secure=True&verify=False' }, { STORE: 'clickhouse+native://db.internal:9440/a?secure=True&verify=True' }],
    ['HTTPS', { CLICKHOUSE_URL: 'https://db.internal:8443/?verify=False' }, { CLICKHOUSE_URL: 'https://db.internal:8443/' }],
    ['the machine itself', { CLICKHOUSE_URL: 'https://db.internal:8443/?verify=0' }, { CLICKHOUSE_URL: 'https://localhost:8443/?verify=0' }],
    ['Node', { CLICKHOUSE_URL: 'https://db.internal:8443', NODE_TLS_REJECT_UNAUTHORIZED: '0' }, { CLICKHOUSE_URL: 'https://db.internal:8443', NODE_TLS_REJECT_UNAUTHORIZED: '1' }],
    ['Node beside something else', { CLICKHOUSE_URL: 'https://db.internal:8443', NODE_TLS_REJECT_UNAUTHORIZED: '0' }, { POSTGRES_URL: 'postgres://db.internal', NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
    ['a variable of its own', { CLICKHOUSE_VERIFY: 'false' }, { CLICKHOUSE_VERIFY: 'true' }],
    ['another', { CLICKHOUSE_SKIP_VERIFY: 'true' }, { CLICKHOUSE_SKIP_VERIFY: 'false' }],
    ['another still', { APP_CLICKHOUSE_TLS_INSECURE: '1' }, { APP_CLICKHOUSE_TLS_INSECURE: '0' }],
    ['a mode', { CLICKHOUSE_SSLMODE: 'none' }, { CLICKHOUSE_SSLMODE: 'strict' }],
    ['a number is no switch', { CLICKHOUSE_REJECT_UNAUTHORIZED: '0' }, { CLICKHOUSE_REJECT_UNAUTHORIZED: '' }],
  ])('%s', (_, bad, twin) => {
    expect(web(bad)).toEqual([expect.stringMatching(/^Web: \w+ of container web \(Web\) (?:does not check who answers|switches the check of certificates off)/)]);
    expect(web(twin)).toEqual([]);
  });

  test.each([
    ['clickhouse-client', 'clickhouse-client --host db.internal --secure --accept-invalid-certificate -q "SELECT 1"', 'clickhouse-client --host db.internal --secure -q "SELECT 1"'],
    ['clickhouse-client of the machine itself', 'clickhouse-client --secure --accept-invalid-certificate -q "SELECT 1"', 'clickhouse-client --host localhost --secure --accept-invalid-certificate -q "SELECT 1"'],
    ['a script of Python', 'python -c "import clickhouse_connect; clickhouse_connect.get_client(host=h, secure=True, verify=False)"', 'python -c "import clickhouse_connect; clickhouse_connect.get_client(host=h, secure=True)"'],
    ['curl', 'curl -k https://clickhouse.internal:8443/ping', 'curl --cacert /ca.pem https://clickhouse.internal:8443/ping'],
    ['curl of the machine itself', 'curl -sk https://clickhouse.internal:8443/ping', 'curl -sk https://localhost:8443/ping'],
    ['Node', 'export NODE_TLS_REJECT_UNAUTHORIZED=0', 'export NODE_TLS_REJECT_UNAUTHORIZED=1'],
    ['Node in a container', 'docker run -e NODE_TLS_REJECT_UNAUTHORIZED=0 web', 'docker run web'],
  ])('scripts: %s', (_, bad, twin) => {
    const text = (line: string): string[] => found({ Web: instance({ SecurityGroupIds: [], UserData: { 'Fn::Base64': `#!/bin/bash\n# uses clickhouse\necho CLICKHOUSE_URL=https://db.internal:8443 > .env\n${line}\n` } }) });
    expect(text(bad)).toEqual([expect.stringMatching(/^Web: the start-up script of Web switches the check of certificates off/)]);
    expect(text(twin)).toEqual([]);
  });

  test('health checks, functions, pods and charts', () => {
    const check = (more: string): string[] => found({ Task: task(undefined, {}, { HealthCheck: { Command: ['CMD-SHELL', `clickhouse-client --secure ${more} -q "SELECT 1"`] } }) });
    expect(check('--accept-invalid-certificate')).toHaveLength(1);
    expect(check('')).toEqual([]);
    const lambda = (value: string): string[] => found({ Loader: resource('AWS::Lambda::Function', { Environment: { Variables: { CLICKHOUSE_HOST: 'db.internal', NODE_TLS_REJECT_UNAUTHORIZED: value } } }) });
    expect(lambda('0')).toHaveLength(1);
    expect(lambda('1')).toEqual([]);
    const pod = (value: string): string[] => found(manifest({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { template: { spec: { containers: [{ name: 'web', image: 'web', env: [{ name: 'CLICKHOUSE_URL', value }] }] } } } }));
    expect(pod('clickhouse://db:9440?secure=true&skip_verify=true')).toHaveLength(1);
    expect(pod('clickhouse://db:9440?secure=true')).toEqual([]);
    expect(found(chart('web', { externalClickhouse: { host: 'db', secure: true, verify: false } }))).toEqual([expect.stringMatching(/externalClickhouse\.verify of Helm release data\/db switches/)]);
    expect(found(chart('web', { externalClickhouse: { host: 'db', secure: true, verify: true } }))).toEqual([]);
  });

  test('no message has what somebody logs in with', () => {
    expect(web({ CLICKHOUSE_URL: 'clickhouse://app:correct-horse-7@db.internal:9440?secure=true&skip_verify=true&password=correct-horse-7' }).join()).not.toContain('horse');
  });
});

describe('Kubernetes', () => {
  const pods = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'data' }, spec: { template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'clickhouse/clickhouse-server:26.8.36.3' }] } } } };
  const led = (annotations: Json, app = 'db'): Json => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'db', namespace: 'data', annotations }, spec: { selector: { app }, ports: [{ port: 8443 }] } });
  const ingress = (annotations: Json, name = 'db'): Json => ({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web', namespace: 'data', annotations: { 'alb.ingress.kubernetes.io/scheme': 'internal', ...annotations } }, spec: { defaultBackend: { service: { name, port: { number: 8443 } } } } });
  const own = 'service.beta.kubernetes.io/aws-load-balancer-';
  const alb = 'alb.ingress.kubernetes.io/';

  test.each([
    ['a Service with an old policy', manifest(pods, led({ [`${own}ssl-cert`]: 'a', [`${own}ssl-negotiation-policy`]: 'ELBSecurityPolicy-2016-08' })), manifest(pods, led({ [`${own}ssl-cert`]: 'a', [`${own}ssl-negotiation-policy`]: MODERN })), /the load balancer of Service data\/db in front of ClickHouse allows TLS before 1.2/],
    ['a Service without one', manifest(pods, led({ [`${own}ssl-cert`]: 'a' })), manifest(pods, led({})), /has no annotation aws-load-balancer-ssl-negotiation-policy/],
    ['a Service of something else', manifest(pods, led({ [`${own}ssl-cert`]: 'a' })), manifest(pods, led({ [`${own}ssl-cert`]: 'a' }, 'web')), /Service data\/db/],
    ['an Ingress with HTTP', manifest(pods, led({}), ingress({})), manifest(pods, led({}), ingress({ [`${alb}certificate-arn`]: 'a', [`${alb}ssl-policy`]: MODERN })), /Ingress data\/web in front of ClickHouse takes HTTP without TLS/],
    ['an Ingress with HTTP that only redirects', manifest(pods, led({}), ingress({ [`${alb}listen-ports`]: '[{"HTTP":80},{"HTTPS":443}]', [`${alb}ssl-policy`]: MODERN })), manifest(pods, led({}), ingress({ [`${alb}listen-ports`]: '[{"HTTP":80},{"HTTPS":443}]', [`${alb}ssl-policy`]: MODERN, [`${alb}ssl-redirect`]: '443' })), /takes HTTP/],
    ['an Ingress with an old policy', manifest(pods, led({}), ingress({ [`${alb}certificate-arn`]: 'a', [`${alb}ssl-policy`]: 'ELBSecurityPolicy-TLS-1-1-2017-01' })), manifest(pods, led({}), ingress({ [`${alb}certificate-arn`]: 'a', [`${alb}ssl-policy`]: MODERN })), /TLS-1-1-2017-01 allows/],
    ['an Ingress of something else', manifest(pods, led({}), ingress({})), manifest(pods, led({}), ingress({}, 'web')), /takes HTTP/],
  ])('%s', (_, bad, twin, message) => {
    expect(found(bad)).toEqual([expect.stringMatching(message)]);
    expect(found(twin)).toEqual([]);
  });
});

test('constructs: in order, after a property override, by a raw resource and with tokens', () => {
  const build = (damage: (listener: CfnResource, group: CfnResource) => void, sslPolicy: elbv2.SslPolicy | undefined = elbv2.SslPolicy.RECOMMENDED_TLS): string[] => judged((stack) => {
    const { vpc, server } = database(stack);
    const balancer = new elbv2.ApplicationLoadBalancer(stack, 'Front', { vpc, internetFacing: false });
    const listener = balancer.addListener('Https', { port: 443, protocol: elbv2.ApplicationProtocol.HTTPS, open: false, sslPolicy, certificates: [elbv2.ListenerCertificate.fromArn('arn:aws:acm:eu-west-1:111122223333:certificate/a')] });
    const group = listener.addTargets('Db', { port: 8443, protocol: elbv2.ApplicationProtocol.HTTPS, targets: [new targets.InstanceTarget(server)] });
    damage(cfn(listener), cfn(group));
  }, ID);
  expect(build(() => undefined)).toEqual([]);
  expect(build((listener) => listener.addPropertyOverride('SslPolicy', 'ELBSecurityPolicy-2016-08'))).toEqual([`error: ${ID} on Stack/Front/Https/Resource`]);
  expect(build((listener) => listener.addPropertyDeletionOverride('SslPolicy'))).toEqual([`error: ${ID} on Stack/Front/Https/Resource`]);
  expect(build((listener) => listener.addPropertyOverride('Protocol', 'HTTP'))).toEqual([`error: ${ID} on Stack/Front/Https/Resource`]);
  expect(build((listener, group) => {
    new CfnResource(listener.stack, 'Raw', { type: 'AWS::ElasticLoadBalancingV2::Listener', properties: { LoadBalancerArn: 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/a/1', Port: 80, Protocol: 'HTTP', DefaultActions: [{ Type: 'forward', TargetGroupArn: group.ref }] } });
  })).toEqual([`error: ${ID} on Stack/Raw`]);
});

describe('hostile input', () => {
  test('no text throws', () => {
    const parts = fc.constantFrom('<openSSL>', '<client>', '</client>', '<verificationMode>', 'none', '</', '>', '<', 'openSSL:', '\n', '  ', 'client:', 'disableProtocols: ', 'sslv2', ',', '://', 'clickhouse', '?', 'verify=', 'False', '&', 'curl -k ', '--accept-invalid-certificate', '\uE000', '\uE001', '\uE002', '"', "'");
    fc.assert(fc.property(fc.array(parts, { maxLength: 60 }), (list) => {
      expect(lines(template(machine(list.join(''))), ID).filter((each) => each.includes('CheckFailed'))).toEqual([]);
      expect(web(list.join('')).filter((each) => each.includes('CheckFailed'))).toEqual([]);
    }), { numRuns: 100 });
  });
  const web = (Value: string): string[] => found({ Web: task('web', {}, { Environment: [{ Name: 'CLICKHOUSE_URL', Value }] }) });

  test.each(['<openSSL><client>', '<verificationMode>none', 'sslv2,', 'curl -k https://clickhouse', '--accept-invalid-certificate --host ', 'verify = ', 'NODE_TLS_REJECT_UNAUTHORIZED ', '?verify=False&', 'clickhouse://a?skip_verify=1 '])('an endless %j', (part) => {
    const text = part.repeat(Math.floor(300_000 / part.length));
    const started = Date.now();
    found(machine(text));
    found({ Web: task('web', {}, { Environment: [{ Name: 'CLICKHOUSE_URL', Value: text }] }) });
    expect(Date.now() - started).toBeLessThan(6_000);
  });
});
