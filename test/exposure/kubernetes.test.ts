import type { CfnResource } from 'aws-cdk-lib';
import { App, CfnParameter, Stack, aws_ec2 as ec2, aws_eks as eks, aws_eks_v2 as eksV2, aws_lambda as lambda } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as fc from 'fast-check';
import type { KubernetesDoor, KubernetesWorkload } from '../../lib/exposure/kubernetes/kubernetes';
import { findKubernetes } from '../../lib/exposure/kubernetes/kubernetes';
import { TemplateSet } from '../../lib/exposure/templates/templates';

type Json = { readonly [key: string]: unknown };

const CLUSTER: Json = { Type: 'AWS::EKS::Cluster', Properties: { ResourcesVpcConfig: {} } };

function manifest(...objects: readonly unknown[]): Json {
  return raw(JSON.stringify(objects));
}

function raw(Manifest: unknown, more: Json = {}): Json {
  return { Type: 'Custom::AWSCDK-EKS-KubernetesResource', Properties: { ClusterName: { Ref: 'Cluster' }, Manifest, ...more } };
}

function chart(values: unknown, more: Json = {}): Json {
  const Values = values === undefined ? undefined : typeof values === 'string' ? values : JSON.stringify(values);
  return { Type: 'Custom::AWSCDK-EKS-HelmChart', Properties: { ClusterName: { Ref: 'Cluster' }, Chart: 'clickhouse', Repository: 'https://charts.bitnami.com/bitnami', Release: 'events', Namespace: 'analytics', Values, ...more } };
}

function find(resources: Json, more: Json = {}): readonly KubernetesWorkload[] {
  return findKubernetes(new TemplateSet([{ path: 'main.template.json', body: { Resources: { Cluster: CLUSTER, ...resources }, ...more } }]));
}

/** The doors of the only workload. */
function doorsOf(resources: Json, more: Json = {}): readonly KubernetesDoor[] {
  const found = find(resources, more);
  expect(found.map(({ name }) => name)).toHaveLength(1);
  return found[0]?.doors ?? [];
}

/** How open the workload is: as its widest door. */
function widest(resources: Json, more: Json = {}): string {
  const open = doorsOf(resources, more).map((door) => door.open);
  return ['yes', 'maybe', 'no'].find((each) => open.some((one) => one === each)) ?? 'none';
}

const meta = (name: string, annotations: Json = {}, more: Json = {}): Json => ({ name, namespace: 'analytics', annotations, ...more });

function statefulSet(container: Json = {}, more: Json = {}): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: meta('clickhouse'),
    spec: { template: { metadata: { labels: { app: 'clickhouse' } }, spec: { containers: [{ name: 'db', image: 'clickhouse/clickhouse-server:26.8', ports: [{ name: 'http', containerPort: 8123 }], ...container }], ...more } } },
  };
}

function service(spec: Json = {}, annotations: Json = {}, name = 'clickhouse'): Json {
  return { apiVersion: 'v1', kind: 'Service', metadata: meta(name, annotations), spec: { type: 'LoadBalancer', selector: { app: 'clickhouse' }, ports: [{ port: 8123 }], ...spec } };
}

function ingress(annotations: Json = {}, spec: Json = {}, backend: Json = { service: { name: 'clickhouse', port: { number: 8123 } } }): Json {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: meta('web', annotations), spec: { ingressClassName: 'alb', rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }], ...spec } };
}

const LB = 'service.beta.kubernetes.io/';
const ALB = 'alb.ingress.kubernetes.io/';
const inside: Json = service({ type: 'ClusterIP' });

describe('recognises ClickHouse in manifests', () => {
  test('by image, with name, evidence and ports', () => {
    const [found] = find({ App: manifest(statefulSet()) });
    expect(found).toMatchObject({ name: 'StatefulSet analytics/clickhouse', evidence: 'its image is clickhouse/clickhouse-server:26.8', ports: [8123], doors: [] });
    expect(found?.resource.logicalId).toBe('App');
  });

  const container = { name: 'c', image: 'clickhouse/clickhouse-server' };
  test.each<[string, Json]>([
    ['a Pod', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [container] } }],
    ['a Job', { kind: 'Job', metadata: { name: 'a' }, spec: { template: { spec: { containers: [container] } } } }],
    ['a CronJob', { kind: 'CronJob', metadata: { name: 'a' }, spec: { jobTemplate: { spec: { template: { spec: { containers: [container] } } } } } }],
    ['a Keeper', { kind: 'Deployment', metadata: { name: 'a' }, spec: { template: { spec: { containers: [{ image: 'clickhouse/clickhouse-keeper:26.8' }] } } } }],
    ['a sidecar', { kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ image: 'web' }], initContainers: [{ ...container, restartPolicy: 'Always' }] } }],
    ['an image of its own with the data directory', { kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ image: 'registry.example.com/db:1', volumeMounts: [{ mountPath: '/var/lib/clickhouse' }] }] } }],
    ['an image of its own with settings', { kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ image: 'registry.example.com/db:1', env: [{ name: 'CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT', value: '1' }] }] } }],
    ['an image of its own by name and port', { kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ name: 'clickhouse', image: 'registry.example.com/db:1', ports: [{ containerPort: 9000 }] }] } }],
    ['Altinity’s installation', { apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'a' } }],
    ['Altinity’s Keeper', { apiVersion: 'clickhouse-keeper.altinity.com/v1', kind: 'ClickHouseKeeperInstallation', metadata: { name: 'a' } }],
    ['the official operator’s cluster', { apiVersion: 'clickhouse.com/v1alpha1', kind: 'ClickHouseCluster', metadata: { name: 'a' } }],
    ['the official operator’s Keeper', { apiVersion: 'clickhouse.com/v1alpha1', kind: 'KeeperCluster', metadata: { name: 'a' } }],
    ['an object in a List', { kind: 'List', items: [{ kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [container] } }] }],
  ])('%s', (_, object) => {
    expect(find({ App: manifest(object) })).toHaveLength(1);
  });

  test.each<[string, Json]>([
    ['a client of it', { kind: 'Deployment', metadata: { name: 'a' }, spec: { template: { spec: { containers: [{ image: 'web', env: [{ name: 'CLICKHOUSE_URL', value: 'http://clickhouse:8123' }] }] } } } }],
    ['a migration with its client', { kind: 'Job', metadata: { name: 'a' }, spec: { template: { spec: { containers: [{ ...container, command: ['clickhouse-client', '--queries-file', '/sql/1.sql'] }] } } } }],
    ['an init container that waits for it', { kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ image: 'web' }], initContainers: [container] } }],
    ['an exporter', { kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ image: 'f1yegor/clickhouse-exporter', ports: [{ containerPort: 9116 }] }] } }],
    ['a backup that mounts its data', { kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ image: 'altinity/clickhouse-backup', volumeMounts: [{ mountPath: '/var/lib/clickhouse' }] }] } }],
    ['the operator', { kind: 'Deployment', metadata: { name: 'a' }, spec: { template: { spec: { containers: [{ image: 'altinity/clickhouse-operator:0.25.6' }] } } } }],
    ['another KeeperCluster', { apiVersion: 'keeper.example.com/v1', kind: 'KeeperCluster', metadata: { name: 'a' } }],
    ['a load balancer of something else with the same ports', { kind: 'Service', metadata: { name: 'sonarqube' }, spec: { type: 'LoadBalancer', selector: { app: 'sonar' }, ports: [{ port: 9000 }] } }],
  ])('but not %s', (_, object) => {
    expect(find({ App: manifest(object) })).toEqual([]);
  });

  test('several in one manifest', () => {
    const other = { ...statefulSet(), metadata: meta('keeper') };
    expect(find({ App: manifest(statefulSet(), other, inside) }).map(({ name }) => name)).toEqual(['StatefulSet analytics/clickhouse', 'StatefulSet analytics/keeper']);
  });

  test('ports by command, by ConfigMap and by container', () => {
    const config = { kind: 'ConfigMap', metadata: meta('config'), data: { 'config.xml': '<clickhouse><tcp_port>19000</tcp_port></clickhouse>' } };
    const set = statefulSet({ args: ['--http_port=18123'] }, { volumes: [{ name: 'c', configMap: { name: 'config' } }] });
    expect(find({ App: manifest(set, config) })[0]?.ports).toEqual([8123, 18123, 19000]);
  });
});

describe('a Service of type LoadBalancer', () => {
  test('is open, with a detail and a fix that tell where', () => {
    expect(doorsOf({ App: manifest(statefulSet()), Front: manifest(service({ ports: [{ port: 80, targetPort: 'http' }, { port: 443, targetPort: 8443 }] })) })).toEqual([
      expect.objectContaining({ location: 'Properties.Manifest', open: 'yes', detail: 'Service analytics/clickhouse is an internet-facing load balancer on port 80 and 443', fix: expect.stringContaining('aws-load-balancer-internal to "true"') as string }),
    ]);
  });

  const installed = (properties: Json = {}, values: Json = { clusterName: 'x' }): Json => ({
    Controller: { Type: 'Custom::AWSCDK-EKS-HelmChart', Properties: { ClusterName: { Ref: 'Cluster' }, Chart: 'aws-load-balancer-controller', Repository: 'https://aws.github.io/eks-charts', Namespace: 'kube-system', Release: 'lbc', Values: JSON.stringify(values), ...properties } },
  });
  const autoMode: Json = { Cluster: { Type: 'AWS::EKS::Cluster', Properties: { ComputeConfig: { Enabled: true }, KubernetesNetworkConfig: { ElasticLoadBalancing: { Enabled: true } } } } };
  const ofClass = (loadBalancerClass: string): Json => ({ loadBalancerClass });

  test.each<[string, Json, Json, Json, string]>([
    ['says nothing', {}, {}, {}, 'yes'],
    ['is an NLB of the cloud provider', {}, { [`${LB}aws-load-balancer-type`]: 'nlb' }, {}, 'yes'],
    ['is internal', {}, { [`${LB}aws-load-balancer-internal`]: 'true' }, {}, 'no'],
    ['is internal as it was written of old', {}, { [`${LB}aws-load-balancer-internal`]: '0.0.0.0/0' }, {}, 'no'],
    ['is not internal', {}, { [`${LB}aws-load-balancer-internal`]: 'false' }, {}, 'yes'],
    ['says internet-facing', {}, { [`${LB}aws-load-balancer-scheme`]: 'internet-facing' }, {}, 'yes'],
    ['says internal to a controller that nobody sees', {}, { [`${LB}aws-load-balancer-scheme`]: 'internal' }, {}, 'maybe'],
    ['says internal, but to the cloud provider', {}, { [`${LB}aws-load-balancer-scheme`]: 'internal' }, installed({}, { enableServiceMutatorWebhook: false }), 'yes'],
    ['is handed to the controller', {}, { [`${LB}aws-load-balancer-type`]: 'external' }, {}, 'no'],
    ['is handed to the controller as of old', {}, { [`${LB}aws-load-balancer-type`]: 'nlb-ip' }, {}, 'no'],
    ['is handed to the controller and internet-facing', {}, { [`${LB}aws-load-balancer-type`]: 'external', [`${LB}aws-load-balancer-scheme`]: 'internet-facing' }, {}, 'yes'],
    ['has the controller’s class', ofClass('service.k8s.aws/nlb'), {}, {}, 'no'],
    ['has the controller’s class and is internet-facing', ofClass('service.k8s.aws/nlb'), { [`${LB}aws-load-balancer-scheme`]: 'internet-facing' }, {}, 'yes'],
    ['has the class and the deprecated annotation', ofClass('service.k8s.aws/nlb'), { [`${LB}aws-load-balancer-internal`]: 'false' }, {}, 'yes'],
    ['has the class of Auto Mode', ofClass('eks.amazonaws.com/nlb'), {}, {}, 'no'],
    ['has the class of Auto Mode and is internet-facing', ofClass('eks.amazonaws.com/nlb'), { [`${LB}aws-load-balancer-scheme`]: 'internet-facing' }, {}, 'yes'],
    ['has another class', ofClass('example.com/tunnel'), {}, {}, 'maybe'],
    ['has a scheme that is none', ofClass('service.k8s.aws/nlb'), { [`${LB}aws-load-balancer-scheme`]: 'public' }, {}, 'maybe'],
    ['is taken by the controller', {}, {}, installed(), 'no'],
    ['is taken by the controller and internet-facing', {}, { [`${LB}aws-load-balancer-scheme`]: 'internet-facing' }, installed(), 'yes'],
    ['is not taken by the controller, which is switched off', {}, {}, installed({}, { enableServiceMutatorWebhook: false }), 'yes'],
    ['is not taken by a controller that is too old', {}, {}, installed({ Version: '1.4.8' }), 'yes'],
    ['is taken by a controller that is not', {}, {}, installed({ Version: '1.13.0' }), 'no'],
    ['is taken by a controller with another default', {}, {}, installed({}, { defaultLoadBalancerScheme: 'internet-facing' }), 'yes'],
    ['is in Auto Mode', {}, {}, autoMode, 'no'],
    ['is in Auto Mode and internet-facing', {}, { [`${LB}aws-load-balancer-scheme`]: 'internet-facing' }, autoMode, 'yes'],
  ])('that %s', (_, spec, annotations, more, open) => {
    expect(widest({ App: manifest(statefulSet(), service(spec, annotations)), ...more })).toBe(open);
  });

  test.each<[string, Json, readonly Partial<KubernetesDoor>[]]>([
    ['by its field', service({ loadBalancerSourceRanges: ['10.0.0.0/8', '52.0.0.0/8'] }), [{ open: 'yes', sources: ['10.0.0.0/8', '52.0.0.0/8'] }]],
    ['by its annotation', service({}, { [`${LB}load-balancer-source-ranges`]: '10.0.0.0/8, 192.168.0.0/16' }), [{ open: 'yes', sources: ['10.0.0.0/8', '192.168.0.0/16'] }]],
    ['to what is no block', service({ loadBalancerSourceRanges: ['10.0.0.0/8', 'office'] }), [{ open: 'yes', sources: ['10.0.0.0/8'] }, { open: 'maybe', missing: `which addresses 'office' is` }]],
    ['by security groups', service({ loadBalancerSourceRanges: ['10.0.0.0/8'] }, { [`${LB}aws-load-balancer-security-groups`]: 'sg-1' }), [{ open: 'maybe', missing: 'what the security groups sg-1 admit' }]],
    ['by prefix lists', service({}, { [`${LB}aws-load-balancer-security-group-prefix-lists`]: 'pl-1' }), [{ open: 'maybe' }]],
  ])('is limited %s', (_, front, doors) => {
    expect(doorsOf({ App: manifest(statefulSet(), front) })).toEqual(doors.map((door) => expect.objectContaining(door) as unknown));
  });

  test.each<[string, Json, Json, string]>([
    ['a port that it does not have', statefulSet(), service({ ports: [{ port: 80, targetPort: 'web' }] }), 'none'],
    ['a sidecar', statefulSet({}, { containers: [{ image: 'clickhouse' }, { image: 'proxy', ports: [{ containerPort: 8080, name: 'proxy' }] }] }), service({ ports: [{ port: 80, targetPort: 8080 }] }), 'none'],
    ['a named port of a sidecar', statefulSet({}, { containers: [{ image: 'clickhouse' }, { image: 'proxy', ports: [{ containerPort: 8080, name: 'proxy' }] }] }), service({ ports: [{ port: 80, targetPort: 'proxy' }] }), 'none'],
    ['a port that nobody mentions', statefulSet(), service({ ports: [{ port: 80, targetPort: 8080 }] }), 'maybe'],
    ['a port that it is set to', statefulSet({ args: ['--http_port=8080'] }), service({ ports: [{ port: 80, targetPort: 8080 }] }), 'yes'],
    ['UDP', statefulSet(), service({ ports: [{ port: 8123, protocol: 'UDP' }] }), 'none'],
    ['the native port, which is there without being declared', statefulSet(), service({ ports: [{ port: 9000 }] }), 'yes'],
    ['other pods', statefulSet(), service({ selector: { app: 'web' } }), 'none'],
    ['pods with one label more', statefulSet(), service({ selector: { app: 'clickhouse', tier: 'db' } }), 'none'],
    ['nothing', statefulSet(), service({ selector: {} }), 'none'],
    ['another namespace', statefulSet(), { ...service(), metadata: { name: 'clickhouse' } }, 'none'],
  ])('leads to %s', (_, set, front, open) => {
    // called something else, or it is taken for a ClickHouse that is not here.
    expect(widest({ App: manifest(set, { ...front, metadata: { ...(front.metadata as Json), name: 'front' } }) })).toBe(open);
  });

  test('leads to a ClickHouse in another template, and not to one in another cluster', () => {
    const here = { path: 'a.json', body: { Resources: { Cluster: CLUSTER, App: manifest(statefulSet()) }, Outputs: { Name: { Value: { Ref: 'Cluster' }, Export: { Name: 'cluster' } } } } };
    const front = (ClusterName: unknown): unknown => ({ Resources: { Front: raw(JSON.stringify([service({}, {}, 'front')]), { ClusterName }) } });
    const openness = (ClusterName: unknown): readonly string[] => findKubernetes(new TemplateSet([here, { path: 'b.json', body: front(ClusterName) }])).flatMap(({ doors }) => doors.map(({ open }) => open));
    expect(openness({ 'Fn::ImportValue': 'cluster' })).toEqual(['yes']);
    expect(openness('another')).toEqual([]);
    // a parameter may be any cluster, and there is one.
    expect(openness({ Ref: 'Parameter' })).toEqual(['yes']);
  });

  test('that is called ClickHouse and leads to pods that are not here is worth asking', () => {
    expect(find({ Front: manifest(service()) })).toEqual([expect.objectContaining({ name: 'Service analytics/clickhouse', doors: [expect.objectContaining({ open: 'maybe' })] })]);
    expect(find({ Front: manifest(service({}, { [`${LB}aws-load-balancer-internal`]: 'true' })) })).toEqual([]);
    expect(find({ Front: manifest(service({ selector: { app: 'clickhouse' } }, {}, 'clickhouse-ui')) })).toEqual([]);
    const web = { kind: 'Pod', metadata: meta('web', {}, { labels: { app: 'clickhouse' } }), spec: { containers: [{ image: 'web' }] } };
    expect(find({ Front: manifest(service(), web) })).toEqual([]);
  });
});

describe('other Services', () => {
  test('within the cluster', () => {
    expect(doorsOf({ App: manifest(statefulSet(), inside) })).toEqual([expect.objectContaining({ open: 'no', detail: 'Service analytics/clickhouse is reachable from within the cluster only' })]);
    expect(widest({ App: manifest(statefulSet(), service({ type: undefined })) })).toBe('no');
    expect(widest({ App: manifest(statefulSet(), service({ type: 'ExternalName' })) })).toBe('none');
  });

  const nodes = (MapPublicIpOnLaunch: boolean): Json => ({
    Subnet: { Type: 'AWS::EC2::Subnet', Properties: { MapPublicIpOnLaunch } },
    Nodes: { Type: 'AWS::EKS::Nodegroup', Properties: { ClusterName: { Ref: 'Cluster' }, Subnets: [{ Ref: 'Subnet' }] } },
  });

  test('on the nodes', () => {
    const App = manifest(statefulSet(), service({ type: 'NodePort' }));
    expect(widest({ App })).toBe('no');
    expect(widest({ App, ...nodes(false) })).toBe('no');
    expect(doorsOf({ App, ...nodes(true) })).toEqual([expect.objectContaining({ open: 'maybe', detail: expect.stringContaining('Subnet') as string, missing: expect.stringContaining('security group of the nodes') as string })]);
  });

  test('pods on the nodes’ network', () => {
    expect(widest({ App: manifest(statefulSet({}, { hostNetwork: true })) })).toBe('no');
    expect(widest({ App: manifest(statefulSet({}, { hostNetwork: true })), ...nodes(true) })).toBe('maybe');
    expect(widest({ App: manifest(statefulSet({ ports: [{ containerPort: 8123, hostPort: 8123 }] })), ...nodes(true) })).toBe('maybe');
  });
});

describe('tokens', () => {
  const joined = (...parts: readonly unknown[]): Json => ({ 'Fn::Join': ['', parts] });
  const split = (object: Json, placeholder: string, token: unknown, quoted = true): Json => {
    const text = JSON.stringify([statefulSet(), object]);
    const [before = '', after = ''] = text.split(quoted ? placeholder : `"${placeholder}"`);
    return raw(joined(before, token, after));
  };
  const parameters = (Default?: string): Json => ({ Parameters: { P: { Type: 'String', Default } } });

  test.each<[string, Json, unknown, string | undefined, string]>([
    ['the type, without default', service({ type: '%' }), { Ref: 'P' }, undefined, 'maybe'],
    ['the type, a load balancer by default', service({ type: '%' }), { Ref: 'P' }, 'LoadBalancer', 'yes'],
    ['the type, within the cluster by default', service({ type: '%' }), { Ref: 'P' }, 'ClusterIP', 'no'],
    ['the type of what is internal anyway', service({ type: '%' }, { [`${LB}aws-load-balancer-internal`]: 'true' }), { Ref: 'P' }, undefined, 'no'],
    ['the scheme', service({ loadBalancerClass: 'service.k8s.aws/nlb' }, { [`${LB}aws-load-balancer-scheme`]: '%' }), { Ref: 'P' }, undefined, 'maybe'],
    ['the scheme, by default', service({ loadBalancerClass: 'service.k8s.aws/nlb' }, { [`${LB}aws-load-balancer-scheme`]: '%' }), { Ref: 'P' }, 'internet-facing', 'yes'],
    ['the annotation internal', service({}, { [`${LB}aws-load-balancer-internal`]: '%' }), { Ref: 'P' }, undefined, 'maybe'],
    ['the class', service({ loadBalancerClass: '%' }), { Ref: 'P' }, undefined, 'maybe'],
    ['who makes it', service({}, { [`${LB}aws-load-balancer-type`]: '%' }), { Ref: 'P' }, undefined, 'maybe'],
    ['the selector', service({ selector: { app: '%' } }), { Ref: 'P' }, undefined, 'maybe'],
    ['the selector of other ports', service({ selector: { app: '%' }, ports: [{ port: 443, targetPort: 3000 }] }), { Ref: 'P' }, undefined, 'none'],
    ['the namespace', { ...service(), metadata: { name: 'clickhouse', namespace: '%' } }, { Ref: 'P' }, undefined, 'maybe'],
    ['a label that decides nothing', { ...service(), metadata: { name: 'clickhouse', namespace: 'analytics', labels: { a: '%' } } }, { Ref: 'P' }, undefined, 'yes'],
  ])('%s', (_, object, token, fallback, open) => {
    expect(widest({ App: split(object, '%', token) }, parameters(fallback))).toBe(open);
  });

  test('that stand for numbers have no quotes', () => {
    expect(widest({ App: split(service({ ports: [{ port: 8123, targetPort: '%' }] }), '%', { Ref: 'P' }, false) }, parameters())).toBe('maybe');
    expect(widest({ App: split(service({ ports: [{ port: 8123, targetPort: '%' }] }), '%', { Ref: 'P' }, false) }, parameters('8123'))).toBe('yes');
  });

  test.each<[string, Json]>([
    ['annotations', { ...service(), metadata: { ...meta('front'), annotations: '%' } }],
    ['selectors', service({ selector: '%' }, {}, 'front')],
    ['ports', service({ ports: '%' }, {}, 'front')],
  ])('that stand for %s as a whole', (_, object) => {
    // as CDK passes on what is not a text.
    expect(widest({ App: split(object, '%', { 'Fn::GetAtt': ['Stringify', 'Value'] }, false) })).toBe('maybe');
  });

  test('that stand for a part of the values as a whole', () => {
    const whole = (text: string): Json => ({ 'Fn::Join': ['', text.split('"%"').flatMap((part, index) => (index === 0 ? [part] : [{ 'Fn::GetAtt': ['Stringify', 'Value'] }, part]))] });
    for (const text of ['{"service":"%"}', '{"clickhouse":"%"}', '{"service":{"type":"LoadBalancer","annotations":"%"}}', '{"ingress":"%"}']) expect([text, widest({ App: chart(undefined, { Values: whole(text) }) })]).toEqual([text, 'maybe']);
  });

  test('that are blocks let in those that are known, and perhaps others', () => {
    const doors = doorsOf({ App: split(service({ loadBalancerSourceRanges: ['52.0.0.0/8', '%'] }), '%', { Ref: 'P' }) }, parameters());
    expect(doors).toEqual([expect.objectContaining({ open: 'yes', sources: ['52.0.0.0/8'] }), expect.objectContaining({ open: 'maybe', missing: expect.stringContaining('parameter P has no default') as string })]);
  });

  test('that are the same on both sides match', () => {
    const text = JSON.stringify([statefulSet(), service()]).replaceAll('"app":"clickhouse"', '"app":"%"').split('%');
    const parts = text.flatMap((part, index) => (index === 0 ? [part] : [{ Ref: 'P' }, part]));
    expect(widest({ App: raw(joined(...parts)) }, parameters())).toBe('yes');
  });

  test('in Fn::Sub, and images by account', () => {
    const text = JSON.stringify([statefulSet({ image: '${AWS::AccountId}.dkr.ecr.eu-west-1.amazonaws.com/clickhouse-server:1' }), service()]);
    expect(doorsOf({ App: raw({ 'Fn::Sub': text }) })[0]?.open).toBe('yes');
    expect(find({ App: raw({ 'Fn::Sub': text }) })[0]?.evidence).toContain('clickhouse-server:1');
  });

  test('that choose between manifests', () => {
    const choice = raw({ 'Fn::If': ['Public', JSON.stringify([service()]), JSON.stringify([service({ type: 'ClusterIP' })])] });
    const more = (Default?: string): Json => ({ ...parameters(Default), Conditions: { Public: { 'Fn::Equals': [{ Ref: 'P' }, 'yes'] } } });
    expect(widest({ App: manifest(statefulSet()), Front: choice }, more())).toBe('maybe');
    expect(widest({ App: manifest(statefulSet()), Front: choice }, more('yes'))).toBe('yes');
    expect(widest({ App: manifest(statefulSet()), Front: choice }, more('no'))).toBe('no');
  });

  test('that choose whether there is a Service at all', () => {
    const more = (Default?: string): Json => ({ ...parameters(Default), Conditions: { Public: { 'Fn::Equals': [{ Ref: 'P' }, 'yes'] } } });
    const front: Json = { ...manifest(service({}, {}, 'front')), Condition: 'Public' };
    expect(widest({ App: manifest(statefulSet()), Front: front }, more())).toBe('maybe');
    expect(widest({ App: manifest(statefulSet()), Front: front }, more('yes'))).toBe('yes');
    expect(widest({ App: manifest(statefulSet()), Front: front }, more('no'))).toBe('none');
  });

  test('that choose between manifests which both have it make one workload', () => {
    const choice = raw({ 'Fn::If': ['Public', JSON.stringify([statefulSet(), service()]), JSON.stringify([statefulSet(), inside])] });
    expect(widest({ App: choice }, { ...parameters(), Conditions: { Public: { 'Fn::Equals': [{ Ref: 'P' }, 'yes'] } } })).toBe('maybe');
  });

  // every text and number in a document, by its path; what an object is has to be known.
  function leavesOf(node: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
    if (typeof node !== 'object' || node === null) return ['kind', 'apiVersion', 'image'].includes(path[path.length - 1] ?? '') ? [] : [path];
    return Object.entries(node).flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
  }
  function replaced(node: unknown, [key, ...rest]: readonly string[]): unknown {
    if (key === undefined) return '%';
    if (Array.isArray(node)) return node.map((each: unknown, index) => (String(index) === key ? replaced(each, rest) : each));
    return { ...(node as Json), [key]: replaced((node as Json)[key], rest) };
  }
  const open: ReadonlyArray<readonly [string, unknown, (text: unknown) => Json]> = [
    ['a manifest', [statefulSet(), service({ loadBalancerClass: 'service.k8s.aws/nlb', ports: [{ port: 80, targetPort: 'http' }] }, { [`${LB}aws-load-balancer-scheme`]: 'internet-facing' }, 'front')], (text) => ({ App: raw(text) })],
    ['a Service that says nothing', [statefulSet(), service({ ports: [{ port: 80, targetPort: 8123 }] }, {}, 'front')], (text) => ({ App: raw(text) })],
    ['an Ingress', [statefulSet(), inside, ingress({ [`${ALB}scheme`]: 'internet-facing' })], (text) => ({ App: raw(text) })],
    ['an installation', [{ kind: 'ClickHouseInstallation', metadata: meta('a'), spec: { defaults: { templates: { serviceTemplate: 'out' } }, templates: { serviceTemplates: [{ name: 'out', spec: { type: 'LoadBalancer' } }] } } }], (text) => ({ App: raw(text) })],
    ['values', { service: { type: 'LoadBalancer' } }, (text) => ({ App: chart(undefined, { Values: text }) })],
    ['other values', { clickhouse: { lbService: { enabled: true, serviceAnnotations: { [`${LB}aws-load-balancer-internal`]: 'false' } } } }, (text) => ({ App: chart(undefined, { Values: text }) })],
    ['values of another chart', { clickhouse: { enabled: true, service: { type: 'LoadBalancer' } } }, (text) => ({ App: chart(undefined, { Values: text, Chart: 'shop' }) })],
  ];
  test.each(open)('never close %s', (_, document, put) => {
    expect(widest(put(JSON.stringify(document)))).toBe('yes');
    for (const path of leavesOf(document)) {
      const [before = '', after = ''] = JSON.stringify(replaced(document, path)).split('%');
      const doors = find(put(joined(before, { Ref: 'P' }, after)), parameters()).flatMap((each) => each.doors);
      expect([path.join('.'), doors.some((door) => door.open !== 'no')]).toEqual([path.join('.'), true]);
    }
  });

  test('text that nobody can read is not taken for closed when it speaks of ClickHouse', () => {
    expect(find({ App: raw('- image: clickhouse/clickhouse-server') })).toEqual([expect.objectContaining({ name: 'manifest', doors: [expect.objectContaining({ open: 'maybe', missing: 'what its manifest says: it is not JSON' })] })]);
    expect(find({ App: raw('- image: nginx') })).toEqual([]);
    expect(find({ App: raw({ Ref: 'P' }) }, parameters())).toEqual([]);
  });

  test('manifests as objects, and of the AWS Quick Starts', () => {
    expect(widest({ App: raw([statefulSet(), { ...service(), spec: { type: { Ref: 'P' }, selector: { app: 'clickhouse' }, ports: [{ port: 8123 }] } }]) }, parameters('LoadBalancer'))).toBe('yes');
    const quick = (object: Json): Json => ({ Type: 'AWSQS::Kubernetes::Resource', Properties: { ClusterName: { Ref: 'Cluster' }, Namespace: 'analytics', Manifest: JSON.stringify(object) } });
    expect(widest({ App: quick(statefulSet()), Front: quick({ ...service(), metadata: { name: 'front' } }) })).toBe('yes');
  });
});

describe('patches', () => {
  const patch = (ApplyPatchJson: unknown, more: Json = {}): Json => ({
    Type: 'Custom::AWSCDK-EKS-KubernetesPatch',
    Properties: { ClusterName: { Ref: 'Cluster' }, ResourceName: 'service/clickhouse', ResourceNamespace: 'analytics', PatchType: 'strategic', ApplyPatchJson: typeof ApplyPatchJson === 'string' ? ApplyPatchJson : JSON.stringify(ApplyPatchJson), ...more },
  });

  test.each<[string, Json, string]>([
    ['opens by type', patch({ spec: { type: 'LoadBalancer' } }), 'yes'],
    ['opens by a JSON patch', patch([{ op: 'replace', path: '/spec/type', value: 'LoadBalancer' }], { PatchType: 'json' }), 'yes'],
    ['says that it is internal', patch({ metadata: { annotations: { [`${LB}aws-load-balancer-internal`]: 'true' } }, spec: { type: 'LoadBalancer' } }), 'no'],
    ['is about another Service', patch({ spec: { type: 'LoadBalancer' } }, { ResourceName: 'svc/web' }), 'no'],
    ['is about another namespace', patch({ spec: { type: 'LoadBalancer' } }, { ResourceNamespace: 'default' }), 'no'],
    ['nobody can read', patch('spec: {type: LoadBalancer}'), 'maybe'],
    ['replaces ports', patch({ spec: { type: 'LoadBalancer', ports: [{ port: 8123, name: 'h' }] } }, { PatchType: 'merge' }), 'yes'],
  ])('that %s', (_, change, open) => {
    expect(widest({ App: manifest(statefulSet(), inside), Change: change })).toBe(open);
  });

  test('that closes what was made open may come too late', () => {
    expect(widest({ App: manifest(statefulSet(), service()), Change: patch({ spec: { type: 'ClusterIP' } }) })).toBe('maybe');
  });

  test('of a chart’s Service', () => {
    expect(widest({ App: chart({}, { Release: 'clickhouse' }), Change: patch({ spec: { type: 'LoadBalancer' } }) })).toBe('yes');
    expect(widest({ App: chart({}), Change: patch({ spec: { type: 'LoadBalancer' } }) })).toBe('maybe');
    expect(widest({ App: chart({}), Change: patch({ metadata: { labels: { a: 'b' } } }) })).toBe('no');
  });

  test('of an Ingress', () => {
    const change = patch({ metadata: { annotations: { [`${ALB}scheme`]: 'internet-facing' } } }, { ResourceName: 'ingress/web' });
    expect(widest({ App: manifest(statefulSet(), inside, ingress()), Change: change })).toBe('yes');
  });
});

describe('an Ingress', () => {
  const open = (annotations: Json, spec: Json = {}, ...more: readonly Json[]): string => widest({ App: manifest(statefulSet(), inside, ingress(annotations, spec), ...more) });

  test('leads through a load balancer', () => {
    expect(doorsOf({ App: manifest(statefulSet(), inside, ingress({ [`${ALB}scheme`]: 'internet-facing', [`${ALB}inbound-cidrs`]: '52.0.0.0/8' })) })).toEqual([
      expect.objectContaining({ open: 'no' }),
      expect.objectContaining({ open: 'yes', detail: 'Ingress analytics/web leads to it through an internet-facing load balancer', sources: ['52.0.0.0/8'], fix: expect.stringContaining('scheme of Ingress analytics/web to internal') as string }),
    ]);
  });

  const params = { kind: 'IngressClassParams', metadata: { name: 'shared' }, spec: { scheme: 'internet-facing' } };
  const classOf = (controller: string, annotations: Json = {}): Json => ({ kind: 'IngressClass', metadata: { name: 'outside', annotations }, spec: { controller, parameters: { kind: 'IngressClassParams', name: 'shared' } } });
  const grouped = (name: string, annotations: Json): Json => ({ kind: 'Ingress', metadata: meta(name, { [`${ALB}group.name`]: 'g', ...annotations }), spec: { ingressClassName: 'alb' } });

  test.each<[string, Json, Json, readonly Json[], string]>([
    ['internal by default', {}, {}, [], 'no'],
    ['internal', { [`${ALB}scheme`]: 'internal' }, {}, [], 'no'],
    ['internet-facing', { [`${ALB}scheme`]: 'internet-facing' }, {}, [], 'yes'],
    ['by the deprecated annotation', { [`${ALB}scheme`]: 'internet-facing', 'kubernetes.io/ingress.class': 'alb' }, { ingressClassName: undefined }, [], 'yes'],
    ['by annotations only', { [`${ALB}scheme`]: 'internet-facing' }, { ingressClassName: undefined }, [], 'yes'],
    ['of no class at all', {}, { ingressClassName: undefined }, [], 'maybe'],
    ['of a class whose parameters face the internet', { [`${ALB}scheme`]: 'internal' }, { ingressClassName: 'outside' }, [params, classOf('ingress.k8s.aws/alb')], 'yes'],
    ['of a class of Auto Mode', {}, { ingressClassName: 'outside' }, [params, classOf('eks.amazonaws.com/alb')], 'yes'],
    ['of the default class', {}, { ingressClassName: undefined }, [params, classOf('eks.amazonaws.com/alb', { 'ingressclass.kubernetes.io/is-default-class': 'true' })], 'yes'],
    ['of another controller', {}, { ingressClassName: 'outside' }, [params, classOf('example.com/proxy')], 'maybe'],
    ['of nginx', {}, { ingressClassName: 'nginx' }, [], 'maybe'],
    ['in a group that faces the internet', { [`${ALB}group.name`]: 'g' }, {}, [grouped('a', { [`${ALB}scheme`]: 'internet-facing' })], 'yes'],
    ['in a group that is internal', { [`${ALB}group.name`]: 'g' }, {}, [grouped('a', { [`${ALB}scheme`]: 'internal' })], 'no'],
    ['in a group of which nobody says anything', { [`${ALB}group.name`]: 'g' }, {}, [], 'maybe'],
    ['with groups of its own', { [`${ALB}scheme`]: 'internet-facing', [`${ALB}security-groups`]: 'sg-1' }, {}, [], 'maybe'],
  ])('%s', (_, annotations, spec, more, expected) => {
    expect(open(annotations, spec, ...more)).toBe(expected);
  });

  const port = (number: number): Json => ({ service: { name: 'clickhouse', port: { number } } });
  test.each<[string, Json, string]>([
    ['the default backend', { rules: undefined, defaultBackend: port(8123) }, 'yes'],
    ['the old default backend', { rules: undefined, backend: { serviceName: 'clickhouse', servicePort: 8123 } }, 'yes'],
    ['another Service', { rules: undefined, defaultBackend: { service: { name: 'web', port: { number: 80 } } } }, 'no'],
    ['a port that the Service does not have', { rules: undefined, defaultBackend: port(9363) }, 'no'],
  ])('leads to %s', (_, spec, expected) => {
    expect(open({ [`${ALB}scheme`]: 'internet-facing' }, spec)).toBe(expected);
  });

  test('leads on by an action', () => {
    const action = { type: 'forward', forwardConfig: { targetGroups: [{ serviceName: 'clickhouse', servicePort: 8123, weight: 1 }] } };
    const annotations = { [`${ALB}scheme`]: 'internet-facing', [`${ALB}actions.split`]: JSON.stringify(action) };
    expect(widest({ App: manifest(statefulSet(), inside, ingress(annotations, {}, { service: { name: 'split', port: { name: 'use-annotation' } } })) })).toBe('yes');
  });

  const cognito = { [`${ALB}scheme`]: 'internet-facing', [`${ALB}auth-type`]: 'cognito' };
  test.each<[string, Json, string | undefined]>([
    ['at its HTTPS listener', { ...cognito, [`${ALB}certificate-arn`]: 'arn:aws:acm:eu-west-1:111111111111:certificate/1' }, 'a login by Cognito'],
    ['at listeners that are all HTTPS', { ...cognito, [`${ALB}auth-type`]: 'oidc', [`${ALB}listen-ports`]: '[{"HTTPS": 443}]' }, 'a login by OpenID Connect'],
    ['behind a redirect', { ...cognito, [`${ALB}listen-ports`]: '[{"HTTP": 80}, {"HTTPS": 443}]', [`${ALB}ssl-redirect`]: '443' }, 'a login by Cognito'],
    ['but not at its HTTP listener', { ...cognito, [`${ALB}listen-ports`]: '[{"HTTP": 80}, {"HTTPS": 443}]' }, undefined],
    ['but not without a certificate', cognito, undefined],
    ['but lets others pass', { ...cognito, [`${ALB}certificate-arn`]: 'arn', [`${ALB}auth-on-unauthenticated-request`]: 'allow' }, undefined],
  ])('demands a login %s', (_, annotations, login) => {
    const door = doorsOf({ App: manifest(statefulSet(), inside, ingress(annotations)) })[1];
    expect([door?.open, door?.login]).toEqual(['yes', login]);
  });

  const nginx = (values: Json): Json => ({ Nginx: { Type: 'Custom::AWSCDK-EKS-HelmChart', Properties: { ClusterName: { Ref: 'Cluster' }, Chart: 'ingress-nginx', Release: 'nginx', Namespace: 'nginx', Values: JSON.stringify(values) } } });
  test('of nginx is as open as the controller’s Service', () => {
    const App = manifest(statefulSet(), inside, ingress({}, { ingressClassName: 'nginx' }));
    expect(widest({ App, ...nginx({}) })).toBe('yes');
    expect(widest({ App, ...nginx({ controller: { service: { annotations: { [`${LB}aws-load-balancer-internal`]: 'true' } } } }) })).toBe('no');
    expect(widest({ App, ...nginx({ controller: { service: { type: 'NodePort' } } }) })).toBe('maybe');
    expect(widest({ App: manifest(statefulSet(), inside), ...nginx({ tcp: { 9000: 'analytics/clickhouse:8123' } }) })).toBe('yes');
    expect(widest({ App: manifest(statefulSet(), inside), ...nginx({ tcp: { 9000: 'analytics/other:8123' } }) })).toBe('no');
  });

  test.each<[string, Json]>([
    ['HTTPRoute', { rules: [{ backendRefs: [{ name: 'clickhouse', port: 8123 }] }] }],
    ['VirtualService', { http: [{ route: [{ destination: { host: 'clickhouse.analytics.svc.cluster.local', port: { number: 8123 } } }] }] }],
    ['IngressRouteTCP', { routes: [{ services: [{ name: 'clickhouse', port: 8123 }] }] }],
  ])('or an %s, which is as open as its gateway', (kind, spec) => {
    expect(widest({ App: manifest(statefulSet(), inside, { kind, metadata: meta('r'), spec }) })).toBe('maybe');
  });

  test('or a target group, which is as open as what is in front of it', () => {
    const binding = JSON.stringify([statefulSet(), inside, { kind: 'TargetGroupBinding', metadata: meta('b'), spec: { serviceRef: { name: 'clickhouse', port: 8123 }, targetGroupARN: '%' } }]).split('%');
    const behind = (Scheme?: string): Json => ({
      App: raw({ 'Fn::Join': ['', [binding[0], { Ref: 'Group' }, binding[1]]] }),
      Group: { Type: 'AWS::ElasticLoadBalancingV2::TargetGroup', Properties: {} },
      Front: { Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: { Scheme } },
      Listener: { Type: 'AWS::ElasticLoadBalancingV2::Listener', Properties: { LoadBalancerArn: { Ref: 'Front' }, DefaultActions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Group' } }] } },
    });
    expect(widest(behind())).toBe('maybe');
    expect(widest(behind('internal'))).toBe('no');
  });
});

describe('operators', () => {
  const installation = (spec: Json = {}): Json => ({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: meta('events'), spec });
  const template = (name: string, type: string, annotations: Json = {}): Json => ({ name, metadata: { annotations }, spec: { type, ports: [{ name: 'http', port: 8123 }] } });
  const using = (name: string, ...serviceTemplates: readonly Json[]): Json => installation({ defaults: { templates: { serviceTemplate: name } }, templates: { serviceTemplates } });

  test.each<[string, Json, string]>([
    ['without templates', installation(), 'no'],
    ['with a load balancer', using('out', template('out', 'LoadBalancer')), 'yes'],
    ['with an internal one', using('out', template('out', 'LoadBalancer', { [`${LB}aws-load-balancer-internal`]: 'true' })), 'no'],
    ['with a ClusterIP', using('in', template('in', 'ClusterIP')), 'no'],
    ['with a template that is not used', using('in', template('in', 'ClusterIP'), template('out', 'LoadBalancer')), 'no'],
    ['with one that is somewhere else', using('out'), 'maybe'],
    ['with one for replicas', installation({ configuration: { clusters: [{ layout: { shards: [{ replicas: [{ templates: { replicaServiceTemplate: 'out' } }] }] } }] }, templates: { serviceTemplates: [template('out', 'LoadBalancer')] } }), 'yes'],
    ['with templates from elsewhere', installation({ useTemplates: [{ name: 'shared' }] }), 'maybe'],
  ])('an installation %s', (_, object, open) => {
    expect(widest({ App: manifest(object) })).toBe(open);
  });

  test('an installation with a ClickHouseInstallationTemplate', () => {
    const shared = (templating: Json): Json => ({ kind: 'ClickHouseInstallationTemplate', metadata: meta('shared'), spec: { ...templating, defaults: { templates: { serviceTemplate: 'out' } }, templates: { serviceTemplates: [template('out', 'LoadBalancer')] } } });
    expect(widest({ App: manifest(installation(), shared({})) })).toBe('no');
    expect(widest({ App: manifest(installation(), shared({ templating: { policy: 'auto' } })) })).toBe('yes');
    expect(widest({ App: manifest(installation({ useTemplates: [{ name: 'shared' }] }), shared({})) })).toBe('yes');
  });

  test('an installation of an old operator gets a load balancer', () => {
    const operator = (Version: string): Json => ({ Operator: chart({}, { Chart: 'altinity-clickhouse-operator', Version }) });
    expect(widest({ App: manifest(installation()), ...operator('0.23.3') })).toBe('yes');
    expect(widest({ App: manifest(installation()), ...operator('0.23.4') })).toBe('no');
  });

  test.each<[string, Json, Json, string]>([
    ['Altinity’s by name', installation(), { 'clickhouse.altinity.com/chi': 'events' }, 'yes'],
    ['Altinity’s by another name', installation(), { 'clickhouse.altinity.com/chi': 'other' }, 'no'],
    ['Altinity’s by cluster', installation(), { 'clickhouse.altinity.com/chi': 'events', 'clickhouse.altinity.com/cluster': 'main' }, 'maybe'],
    ['Altinity’s by a label of its pod template', installation({ templates: { podTemplates: [{ metadata: { labels: { app: 'db' } } }] } }), { app: 'db' }, 'yes'],
    ['Altinity’s Keeper', { kind: 'ClickHouseKeeperInstallation', metadata: meta('events') }, { 'clickhouse-keeper.altinity.com/chk': 'events' }, 'yes'],
    ['the official', { apiVersion: 'clickhouse.com/v1alpha1', kind: 'ClickHouseCluster', metadata: meta('events') }, { app: 'events-clickhouse' }, 'yes'],
    ['the official of another name', { apiVersion: 'clickhouse.com/v1alpha1', kind: 'ClickHouseCluster', metadata: meta('events') }, { app: 'other-clickhouse' }, 'none'],
  ])('a Service for %s', (_, object, selector, open) => {
    expect(widest({ App: manifest(object, service({ selector, ports: [{ port: 8123 }, { port: 2181 }] }, {}, 'front')) })).toBe(open);
  });

  test('an Ingress to the operator’s own Service', () => {
    const to = (name: string): Json => ingress({ [`${ALB}scheme`]: 'internet-facing' }, {}, { service: { name, port: { number: 8123 } } });
    expect(widest({ App: manifest(installation(), to('clickhouse-events')) })).toBe('yes');
    expect(widest({ App: manifest(installation(), to('chi-events-main-0-0')) })).toBe('yes');
    expect(widest({ App: manifest(installation(), to('clickhouse-other')) })).toBe('maybe');
    expect(widest({ App: manifest(installation(), to('web')) })).toBe('no');
  });

  test('ports of settings and files', () => {
    const object = installation({ configuration: { settings: { http_port: 18123 }, files: { 'config.d/a.xml': '<clickhouse><tcp_port_secure>19440</tcp_port_secure></clickhouse>' } } });
    expect([...(find({ App: manifest(object) })[0]?.ports ?? [])].sort()).toEqual([18123, 19440]);
  });
});

describe('charts', () => {
  const altinity = { Repository: 'https://helm.altinity.com' };
  const umbrella = (Chart: string, Repository = 'https://langfuse.github.io/langfuse-k8s'): Json => ({ Chart, Repository });
  const internal = { [`${LB}aws-load-balancer-internal`]: 'true' };

  test.each<[string, unknown, Json, string]>([
    ['no values', undefined, {}, 'no'],
    ['no values, of somebody else', undefined, { Repository: 'https://charts.example.com' }, 'maybe'],
    ['a ClusterIP, of somebody else', { service: { type: 'ClusterIP' } }, { Repository: 'https://charts.example.com' }, 'no'],
    ['a load balancer', { service: { type: 'LoadBalancer' } }, {}, 'yes'],
    ['a load balancer, from an OCI registry', { service: { type: 'LoadBalancer' } }, { Chart: undefined, Repository: 'oci://registry-1.docker.io/bitnamicharts/clickhouse' }, 'yes'],
    ['a load balancer, by a URL', { service: { type: 'LoadBalancer' } }, { Chart: 'https://charts.example.com/clickhouse-1.2.3.tgz', Repository: undefined }, 'yes'],
    ['an internal load balancer', { service: { type: 'LoadBalancer', annotations: internal } }, {}, 'no'],
    ['annotations for everything', { commonAnnotations: internal, service: { type: 'LoadBalancer' } }, {}, 'no'],
    ['a node port', { service: { type: 'NodePort' } }, {}, 'no'],
    ['external access, which is off', { externalAccess: { enabled: false, service: { type: 'LoadBalancer' } } }, {}, 'no'],
    ['external access that nobody switched on', { externalAccess: { service: { type: 'LoadBalancer' } } }, {}, 'no'],
    ['external access', { externalAccess: { enabled: true } }, {}, 'yes'],
    ['external access, internal', { externalAccess: { enabled: true, service: { annotations: internal } } }, {}, 'no'],
    ['external access on nodes', { externalAccess: { enabled: true, service: { type: 'NodePort' } } }, {}, 'no'],
    ['annotations for each replica', { shards: 1, replicaCount: 2, externalAccess: { enabled: true, service: { type: 'LoadBalancer', loadBalancerAnnotations: [internal, internal] } } }, {}, 'no'],
    ['annotations for some replicas', { shards: 1, replicaCount: 2, externalAccess: { enabled: true, service: { loadBalancerAnnotations: [internal, {}] } } }, {}, 'yes'],
    ['annotations for as many replicas as nobody knows', { externalAccess: { enabled: true, service: { loadBalancerAnnotations: [internal, internal] } } }, {}, 'maybe'],
    ['Altinity’s load balancer', { clickhouse: { lbService: { enabled: true } } }, altinity, 'yes'],
    ['Altinity’s load balancer, internal', { clickhouse: { lbService: { enabled: true, serviceAnnotations: internal } } }, altinity, 'no'],
    ['Altinity’s load balancer, off', { clickhouse: { lbService: { enabled: false } } }, altinity, 'no'],
    ['Altinity’s Service', { clickhouse: { service: { type: 'LoadBalancer' } } }, altinity, 'yes'],
    ['Altinity’s chart for EKS', { clickhouse: { service_type: 'loadbalancer-external' } }, { ...altinity, Chart: 'clickhouse-eks' }, 'yes'],
    ['Altinity’s chart for EKS, internal', { clickhouse: { service_type: 'loadbalancer-internal' } }, { ...altinity, Chart: 'clickhouse-eks' }, 'no'],
    ['Altinity’s chart for EKS, in the cluster', { clickhouse: { service_type: 'cluster-ip' } }, { ...altinity, Chart: 'clickhouse-eks' }, 'no'],
    ['a load balancer for the operator’s metrics only', { operator: { service: { type: 'LoadBalancer' } }, metrics: { service: { type: 'LoadBalancer' } } }, {}, 'no'],
    ['an Ingress', { ingress: { enabled: true, ingressClassName: 'alb', annotations: { [`${ALB}scheme`]: 'internet-facing' } } }, {}, 'yes'],
    ['an internal Ingress', { ingress: { enabled: true, ingressClassName: 'alb' } }, {}, 'no'],
    ['an Ingress, off', { ingress: { enabled: false, ingressClassName: 'alb', annotations: { [`${ALB}scheme`]: 'internet-facing' } } }, {}, 'no'],
    ['a Service beside it', { extraDeploy: [service({ selector: { 'app.kubernetes.io/instance': 'events' } }, {}, 'front')] }, {}, 'yes'],
    ['values that nobody can read', 'service: {type: LoadBalancer}', {}, 'maybe'],
    ['Langfuse', { langfuse: {} }, umbrella('langfuse'), 'no'],
    ['Langfuse with a load balancer', { clickhouse: { service: { type: 'LoadBalancer' } } }, umbrella('langfuse'), 'yes'],
    ['SigNoz with a load balancer', { clickhouse: { service: { type: 'LoadBalancer' } } }, umbrella('signoz', 'https://charts.signoz.io'), 'yes'],
    ['a front end with a load balancer', { web: { service: { type: 'LoadBalancer' } }, clickhouse: { deploy: true } }, umbrella('langfuse'), 'no'],
    ['a chart of one’s own', { clickhouse: { enabled: true, service: { type: 'LoadBalancer' } } }, umbrella('shop', 'https://charts.example.com'), 'yes'],
    ['a chart of one’s own without a name', { image: { repository: 'clickhouse/clickhouse-server' }, service: { type: 'LoadBalancer' } }, { Chart: undefined, Repository: undefined, ChartAssetURL: 's3://assets/1.zip' }, 'yes'],
  ])('with %s', (_, values, more, open) => {
    expect(widest({ App: chart(values, more) })).toBe(open);
  });

  test.each<[string, unknown, Json]>([
    ['the operator', {}, { Chart: 'altinity-clickhouse-operator' }],
    ['the official operator', {}, { Chart: undefined, Repository: 'oci://ghcr.io/clickhouse/clickhouse-operator-helm' }],
    ['an exporter', {}, { Chart: 'prometheus-clickhouse-exporter' }],
    ['Langfuse with a ClickHouse elsewhere', { clickhouse: { deploy: false, host: 'db.example.com' } }, umbrella('langfuse')],
    ['SigNoz with a ClickHouse elsewhere', { clickhouse: { enabled: 'false' } }, umbrella('signoz')],
    ['an application that is told where it is', { clickhouse: { host: 'db.example.com', image: { repository: 'x' } } }, umbrella('shop')],
    ['something else', { service: { type: 'LoadBalancer' } }, umbrella('nginx')],
  ])('but not %s', (_, values, more) => {
    expect(find({ App: chart(values, more) })).toEqual([]);
  });

  test('tells release, evidence, location and fix', () => {
    const [found] = find({ App: chart({ containerPorts: { http: 18123 }, service: { type: 'LoadBalancer', loadBalancerSourceRanges: ['52.0.0.0/8'] } }) });
    expect(found).toMatchObject({
      name: 'Helm release analytics/events',
      evidence: 'its chart is clickhouse',
      ports: [18123],
      doors: [{ location: 'Properties.Values', open: 'yes', sources: ['52.0.0.0/8'], detail: 'Service of Helm release analytics/events (service) is an internet-facing load balancer', fix: expect.stringContaining('set service.type to ClusterIP') as string }],
    });
  });

  test('tokens in values', () => {
    const [before = '', after = ''] = JSON.stringify({ service: { type: '%' } }).split('%');
    const values = chart(undefined, { Values: { 'Fn::Join': ['', [before, { Ref: 'P' }, after]] } });
    expect(widest({ App: values }, { Parameters: { P: { Type: 'String' } } })).toBe('maybe');
    expect(widest({ App: values }, { Parameters: { P: { Type: 'String', Default: 'LoadBalancer' } } })).toBe('yes');
    expect(widest({ App: values }, { Parameters: { P: { Type: 'String', Default: 'ClusterIP' } } })).toBe('no');
  });

  test('a Service in a manifest for the pods of a chart', () => {
    const front = (selector: Json): Json => manifest(service({ selector }, {}, 'front'));
    const labels = { 'app.kubernetes.io/name': 'clickhouse', 'app.kubernetes.io/instance': 'events' };
    expect(widest({ App: chart({}), Front: front(labels) })).toBe('yes');
    expect(widest({ App: chart({}), Front: front({ ...labels, 'app.kubernetes.io/instance': 'other' }) })).toBe('no');
    expect(widest({ App: chart({}), Front: front({ app: 'clickhouse' }) })).toBe('maybe');
    expect(widest({ App: chart({}), Front: front({ app: 'web' }) })).toBe('no');
  });

  test('of the AWS Quick Starts', () => {
    const quick = (properties: Json): Json => ({ Type: 'AWSQS::Kubernetes::Helm', Properties: { ClusterID: { Ref: 'Cluster' }, Chart: 'bitnami/clickhouse', Name: 'events', Repository: 'https://charts.bitnami.com/bitnami', ...properties } });
    expect(widest({ App: quick({ Values: { 'service.type': 'LoadBalancer' } }) })).toBe('yes');
    expect(widest({ App: quick({ Values: ['service.type=LoadBalancer'] }) })).toBe('yes');
    expect(widest({ App: quick({ ValueYaml: 'service:\n  type: LoadBalancer\n' }) })).toBe('maybe');
    expect(widest({ App: quick({ ValueOverrideURL: 's3://bucket/values.yaml' }) })).toBe('maybe');
    expect(widest({ App: quick({}) })).toBe('no');
  });

  test('that Flux or Argo CD install', () => {
    const release = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', metadata: meta('events'), spec: { chart: { spec: { chart: 'clickhouse' } }, values: { service: { type: 'LoadBalancer' } } } };
    const helm = { parameters: [{ name: 'service.type', value: 'LoadBalancer' }] };
    const application = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: meta('events'), spec: { source: { chart: 'clickhouse', repoURL: 'registry-1.docker.io/bitnamicharts', helm } } };
    expect(widest({ App: manifest(release) })).toBe('yes');
    expect(widest({ App: manifest(application) })).toBe('yes');
  });
});

describe('what aws-cdk-lib renders', () => {
  function rendered(build: (stack: Stack) => void): readonly KubernetesWorkload[] {
    const stack = new Stack(new App(), 'Stack');
    build(stack);
    return findKubernetes(new TemplateSet([{ path: 'Stack.template.json', body: Template.fromStack(stack).toJSON() }]));
  }
  const layerOf = (stack: Stack): lambda.ILayerVersion => lambda.LayerVersion.fromLayerVersionArn(stack, 'Kubectl', 'arn:aws:lambda:eu-west-1:111111111111:layer:kubectl:1');
  const classic = (stack: Stack): eks.Cluster => new eks.Cluster(stack, 'Cluster', { version: eks.KubernetesVersion.V1_32, kubectlLayer: layerOf(stack), defaultCapacity: 0, vpc: new ec2.Vpc(stack, 'Vpc') });

  test('manifests with tokens, across two constructs', () => {
    const [found, ...others] = rendered((stack) => {
      const cluster = classic(stack);
      const type = new CfnParameter(stack, 'Type', { default: 'LoadBalancer' });
      cluster.addManifest('Db', statefulSet({ env: [{ name: 'VPC', value: cluster.vpc.vpcId }] }));
      cluster.addManifest('Front', service({ type: type.valueAsString }));
    });
    expect(others).toEqual([]);
    expect(found).toMatchObject({ name: 'StatefulSet analytics/clickhouse', doors: [{ open: 'yes' }] });
  });

  test('a chart, and the controller that takes its Service', () => {
    const build = (withController: boolean) => (stack: Stack): void => {
      const cluster = classic(stack);
      cluster.addHelmChart('Db', { chart: 'clickhouse', repository: 'https://charts.bitnami.com/bitnami', release: 'events', values: { service: { type: 'LoadBalancer' }, tag: cluster.vpc.vpcId } });
      if (withController) new eks.AlbController(stack, 'Controller', { cluster, version: eks.AlbControllerVersion.V2_8_2 });
    };
    expect(rendered(build(false))).toEqual([expect.objectContaining({ name: 'Helm release default/events', doors: [expect.objectContaining({ open: 'yes' })] })]);
    expect(rendered(build(true))).toEqual([expect.objectContaining({ doors: [expect.objectContaining({ open: 'no' })] })]);
  });

  test('clusters of the second version, which are in Auto Mode', () => {
    const build = (annotations: Json) => (stack: Stack): void => {
      const cluster = new eksV2.Cluster(stack, 'Cluster', { version: eksV2.KubernetesVersion.V1_32, kubectlProviderOptions: { kubectlLayer: layerOf(stack) } });
      cluster.addManifest('Db', statefulSet(), service({}, annotations));
    };
    expect(rendered(build({}))[0]?.doors).toEqual([expect.objectContaining({ open: 'no' })]);
    expect(rendered(build({ [`${LB}aws-load-balancer-scheme`]: 'internet-facing' }))[0]?.doors).toEqual([expect.objectContaining({ open: 'yes' })]);
  });

  test('an Ingress with the scheme that CDK adds, a patch, and an override', () => {
    const build = (scheme: eks.AlbScheme) => (stack: Stack): void => {
      const cluster = classic(stack);
      new eks.KubernetesManifest(stack, 'Db', { cluster, ingressAlb: true, ingressAlbScheme: scheme, manifest: [statefulSet(), inside, { ...ingress({}, { ingressClassName: undefined }) }] });
    };
    const openness = (found: readonly KubernetesWorkload[]): readonly string[] => found.flatMap(({ doors }) => doors.map(({ open }) => open));
    expect(openness(rendered(build(eks.AlbScheme.INTERNAL)))).toEqual(['no', 'no']);
    expect(openness(rendered(build(eks.AlbScheme.INTERNET_FACING)))).toEqual(['no', 'yes']);
    const patched = rendered((stack) => {
      build(eks.AlbScheme.INTERNAL)(stack);
      const cluster = stack.node.findChild('Cluster') as eks.Cluster;
      new eks.KubernetesPatch(stack, 'Open', { cluster, resourceName: 'service/clickhouse', resourceNamespace: 'analytics', applyPatch: { spec: { type: 'LoadBalancer' } }, restorePatch: {} });
    });
    expect(openness(patched)).toContain('yes');
    const overridden = rendered((stack) => {
      const cluster = classic(stack);
      const made = cluster.addManifest('Db', statefulSet(), inside);
      (made.node.defaultChild as CfnResource).addPropertyOverride('Manifest', JSON.stringify([statefulSet(), service()]));
    });
    expect(openness(overridden)).toEqual(['yes']);
  });
});

describe('hostile input', () => {
  const shapes = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>(null, true, 0, -1, 8123, '', 'clickhouse', 'Service', 'LoadBalancer', '\uE000a\uE001b\uE002', '\uE000', '__proto__', '${', '{"a":'),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('kind', 'apiVersion', 'metadata', 'spec', 'template', 'containers', 'image', 'ports', 'selector', 'type', 'annotations', 'clickhouse', 'service', 'enabled', '__proto__', 'constructor', 'rules', 'Ref', 'Fn::Join', 'Fn::Sub'), tie('node'), { maxKeys: 6 }),
    ),
  })).node;

  test('any shape is read without a crash', () => {
    const types = ['Custom::AWSCDK-EKS-KubernetesResource', 'Custom::AWSCDK-EKS-HelmChart', 'Custom::AWSCDK-EKS-KubernetesPatch', 'AWSQS::Kubernetes::Helm', 'AWSQS::Kubernetes::Resource'];
    const resource = fc.record({ Type: fc.constantFrom(...types), name: fc.constantFrom('Manifest', 'Values', 'Chart', 'ApplyPatchJson', 'ClusterName', 'ResourceName', 'Release'), node: shapes, asText: fc.boolean() });
    fc.assert(
      fc.property(fc.array(resource, { minLength: 1, maxLength: 5 }), (resources) => {
        const entries = resources.map(({ Type, name, node, asText }, index) => [`R${index}`, { Type, Properties: { Chart: 'clickhouse', Values: '{}', Manifest: '[]', [name]: asText ? JSON.stringify(node) : node } }] as const);
        find({ Db: manifest(statefulSet(), service(), ingress()), Change: { Type: types[2], Properties: { ResourceName: 'service/clickhouse', ResourceNamespace: 'analytics', ApplyPatchJson: '[]' } }, ...Object.fromEntries(entries) });
      }),
      { numRuns: 1000 },
    );
  });

  test('objects with any field replaced are read without a crash', () => {
    const objects: readonly Json[] = [statefulSet(), service(), ingress(), { kind: 'ClickHouseInstallation', metadata: meta('a'), spec: { defaults: { templates: { serviceTemplate: 'a' } }, templates: { serviceTemplates: [{ name: 'a', spec: {} }] } } }];
    const paths = objects.map((object) => {
      const all: (readonly string[])[] = [];
      const walk = (node: unknown, path: readonly string[]): void => {
        all.push(path);
        if (typeof node === 'object' && node !== null) for (const [key, inner] of Object.entries(node)) walk(inner, [...path, key]);
      };
      walk(object, []);
      return all.slice(1);
    });
    const choice = fc.nat(objects.length - 1).chain((index) => fc.tuple(fc.constant(index), fc.constantFrom(...(paths[index] ?? [])), shapes));
    fc.assert(
      fc.property(fc.array(choice, { minLength: 1, maxLength: 3 }), (changes) => {
        const copies = structuredClone(objects) as Record<string, unknown>[];
        for (const [index, path, node] of changes) {
          const parent = path.slice(0, -1).reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined), copies[index]);
          if (typeof parent === 'object' && parent !== null) (parent as Record<string, unknown>)[path[path.length - 1] ?? ''] = node;
        }
        find({ App: manifest(...copies) });
      }),
      { numRuns: 1000 },
    );
  });

  const timed = (resources: Json): number => {
    const start = performance.now();
    find(resources);
    return performance.now() - start;
  };

  test.each<[string, () => Json]>([
    ['many Services and many ClickHouses', () => ({ App: manifest(...Array.from({ length: 5000 }, (_, index) => ({ ...statefulSet(), metadata: meta(`c${index}`) })), ...Array.from({ length: 5000 }, (_, index) => service({}, {}, `s${index}`))) })],
    ['many clusters', () => Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`R${index}`, raw(JSON.stringify([statefulSet(), service()]), { ClusterName: `c${index}` })]))],
    ['many charts', () => Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`R${index}`, chart({ service: { type: 'LoadBalancer' } }, { Release: `r${index}` })]))],
    ['ten megabytes of text', () => ({ App: manifest(statefulSet({ args: ['x'.repeat(10_000_000)] }), service()) })],
    ['ten megabytes of one option', () => ({ App: manifest(statefulSet({ args: [` -${'p'.repeat(10_000_000)}`, '--http_port '.repeat(1000)], image: `${'a:'.repeat(1_000_000)}clickhouse` }), service()) })],
    ['ten megabytes of anything anywhere', () => {
      const long = 'a'.repeat(10_000_000);
      const set = { ...statefulSet({ image: `clickhouse:${long}`, name: long, command: [`<a_port ${long}`, `\uE000${long}`] }) };
      return { App: manifest(set, service({ selector: { app: `\uE000${long}` }, ports: [{ port: 1, targetPort: '1'.repeat(10_000_000) }], loadBalancerSourceRanges: [long] })), Chart: chart({ nameOverride: long }, { Chart: long, Version: '1'.repeat(10_000_000), Repository: `oci://${long}/clickhouse` }) };
    }],
    ['ten megabytes of unfinished variables', () => ({ App: raw({ 'Fn::Join': ['', ['clickhouse', '${'.repeat(5_000_000)]] }) })],
    ['deep nesting', () => ({ App: raw(`[{"kind":"Pod","spec":${'['.repeat(200_000)}${']'.repeat(200_000)}}]`), Values: chart(`{"a":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`) })],
    ['many tokens', () => ({ App: raw({ 'Fn::Join': [',', ['[{"kind":"Pod"}', ...Array.from({ length: 50_000 }, () => ({ Ref: 'AWS::Region' })), '{}]']] }) })],
    ['an Ingress to everywhere', () => ({ App: manifest(statefulSet(), inside, ingress({}, { rules: [{ http: { paths: Array.from({ length: 50_000 }, (_, index) => ({ backend: { service: { name: `s${index}`, port: { number: 8123 } } } })) } }] })) })],
    ['a group of many Ingresses', () => ({ App: manifest(statefulSet(), inside, ...Array.from({ length: 5000 }, (_, index) => ({ ...ingress({ [`${ALB}group.name`]: 'g' }), metadata: meta(`i${index}`, { [`${ALB}group.name`]: 'g' }) }))) })],
  ])('%s take no time', (_, build) => {
    expect(timed(build())).toBeLessThan(10_000);
  });

  test('more than can be compared is not taken for closed', () => {
    const found = find({ App: manifest(...Array.from({ length: 1000 }, (_, index) => ({ ...statefulSet(), metadata: meta(`c${index}`) })), ...Array.from({ length: 1000 }, (_, index) => service({ type: 'ClusterIP' }, {}, `s${index}`))) });
    expect(found.every(({ doors }) => doors.some(({ open }) => open === 'maybe'))).toBe(true);
  });

  test('the same input gives the same output', () => {
    const resources = { App: manifest(statefulSet(), service(), ingress()), Chart: chart({ service: { type: 'LoadBalancer' } }) };
    const told = (): string => JSON.stringify(find(resources).map(({ name, doors }) => [name, doors.map(({ resource, ...door }) => [resource.logicalId, door])]));
    expect(told()).toBe(told());
  });
});
