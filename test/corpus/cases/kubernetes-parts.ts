// What the cases of Kubernetes share: a cluster of EKS, and how the CDK deploys manifests and charts, as JSON in a text.
import { FILE, network, ref, resource, single } from '../build';
import type { Case, Json } from '../case';

export const RESOURCES = [FILE, 'Resources'];
export const MANIFEST = [...RESOURCES, 'Objects', 'Properties', 'Manifest'];
const HANDLER = 'arn:aws:lambda:eu-west-1:111122223333:function:kubectl';

/** A manifest as it stands in the template. */
export const text = (...objects: readonly Json[]): string => JSON.stringify(objects);
export const applied = (manifest: unknown, more: Json = {}): Json =>
  resource('Custom::AWSCDK-EKS-KubernetesResource', { ServiceToken: HANDLER, ClusterName: ref('Cluster'), Manifest: manifest }, more);
export const chart = (properties: Json): Json =>
  resource('Custom::AWSCDK-EKS-HelmChart', { ServiceToken: HANDLER, ClusterName: ref('Cluster'), Release: 'analytics', Namespace: 'analytics', ...properties });

/** A cluster with private nodes. The subnets carry the tags by which load balancers find theirs. */
export const cluster = (more: Json, nodes: Json = {}, template: Json = {}): Case['templates'] => {
  const subnet = (CidrBlock: string, tag: string, properties: Json = {}): Json =>
    resource('AWS::EC2::Subnet', { VpcId: ref('Vpc'), CidrBlock, Tags: [{ Key: `kubernetes.io/role/${tag}`, Value: '1' }], ...properties });
  return single(
    {
      ...network({ Public: subnet('10.0.0.0/24', 'elb', { MapPublicIpOnLaunch: true }), Private: subnet('10.0.1.0/24', 'internal-elb') }),
      Cluster: resource('AWS::EKS::Cluster', {
        RoleArn: 'arn:aws:iam::111122223333:role/cluster',
        ResourcesVpcConfig: { SubnetIds: [ref('Public'), ref('Private')], EndpointPublicAccess: false, EndpointPrivateAccess: true },
      }),
      Nodes: resource('AWS::EKS::Nodegroup', {
        ClusterName: ref('Cluster'),
        NodeRole: 'arn:aws:iam::111122223333:role/node',
        Subnets: [ref('Private')],
        ...nodes,
      }),
      ...more,
    },
    template,
  );
};
export const objects = (...all: readonly Json[]): Case['templates'] => cluster({ Objects: applied(text(...all)) });

export const meta = (annotations?: Json, more: Json = {}): Json => ({
  name: 'clickhouse',
  namespace: 'analytics',
  ...(annotations === undefined ? {} : { annotations }),
  ...more,
});
export const SERVER: Json = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: meta(),
  spec: {
    serviceName: 'clickhouse',
    replicas: 1,
    selector: { matchLabels: { app: 'clickhouse' } },
    template: {
      metadata: { labels: { app: 'clickhouse', tier: 'database' } },
      spec: {
        containers: [
          {
            name: 'server',
            image: 'clickhouse/clickhouse-server:26.8.36.3',
            ports: [
              { name: 'http', containerPort: 8123 },
              { name: 'native', containerPort: 9000 },
            ],
          },
        ],
      },
    },
  },
};
const PORTS = [{ name: 'http', port: 8123, targetPort: 'http' }];
export const service = (annotations?: Json, spec: Json = {}, metadata: Json = {}): Json => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(annotations, metadata),
  spec: { type: 'LoadBalancer', selector: { app: 'clickhouse' }, ports: PORTS, ...spec },
});
export const INSIDE = service(undefined, { type: 'ClusterIP' });

export const scheme = (value: string): Json => ({ 'service.beta.kubernetes.io/aws-load-balancer-scheme': value });
export const external = (value: string): Json => ({
  'service.beta.kubernetes.io/aws-load-balancer-type': 'external',
  'service.beta.kubernetes.io/aws-load-balancer-nlb-target-type': 'ip',
  ...scheme(value),
});
export const INTERNAL = { 'service.beta.kubernetes.io/aws-load-balancer-internal': 'true' };
