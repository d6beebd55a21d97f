// What Terraform configurations that deploy ClickHouse to a cluster of EKS would be as CloudFormation of the CDK.
import { ref, resource } from '../build';
import type { Json, Layer } from '../case';
import { applied, chart, cluster, MANIFEST, text } from '../cases/kubernetes-parts';

const installation = (type: string, annotations: Json): string =>
  text({
    apiVersion: 'clickhouse.altinity.com/v1',
    kind: 'ClickHouseInstallation',
    metadata: { name: 'main', namespace: 'data' },
    spec: {
      configuration: { clusters: [{ name: 'main', layout: { shardsCount: 1, replicasCount: 1 }, templates: { serviceTemplate: 'front' } }] },
      defaults: { templates: { serviceTemplate: 'front' } },
      templates: {
        serviceTemplates: [
          {
            name: 'front',
            metadata: { annotations },
            spec: {
              type,
              ports: [
                { name: 'http', port: 8123 },
                { name: 'tcp', port: 9000 },
              ],
            },
          },
        ],
      },
    },
  });
const LABELS = { app: 'clickhouse' };
const POD = {
  metadata: { labels: LABELS },
  spec: {
    containers: [
      { name: 'clickhouse', image: 'clickhouse/clickhouse-server:26.8.36.3', ports: [{ containerPort: 8123 }, { containerPort: 9000 }] },
      { name: 'backup', image: 'altinity/clickhouse-backup:2.6.36', args: ['server'] },
    ],
  },
};
const SERVING = text(
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'clickhouse', namespace: 'data' },
    spec: { serviceName: 'clickhouse', replicas: 2, selector: { matchLabels: LABELS }, template: POD },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'clickhouse', namespace: 'data' },
    spec: {
      type: 'ClusterIP',
      selector: LABELS,
      ports: [
        { name: 'http', port: 8123 },
        { name: 'native', port: 9000 },
      ],
    },
  },
);

export const KUBERNETES_DEPLOYMENTS: Layer = {
  layer: 'deployments with Terraform in Kubernetes',
  cases: [
    {
      name: 'deployment 22',
      why: 'an operator in EKS whose load balancer is off by default',
      templates: cluster({ Objects: applied(installation('ClusterIP', {})) }),
      verdict: 'private',
      twin: {
        at: MANIFEST,
        to: installation('LoadBalancer', {
          'service.beta.kubernetes.io/aws-load-balancer-type': 'external',
          'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internet-facing',
        }),
        verdict: 'exposed',
        why: 'the only load balancer that can be switched on is for the internet',
      },
    },
    {
      name: 'deployment 23',
      why: 'a chart on Fargate in EKS with a file system, reached from the cluster only',
      templates: cluster({
        Profile: resource('AWS::EKS::FargateProfile', {
          ClusterName: ref('Cluster'),
          PodExecutionRoleArn: 'arn:aws:iam::111122223333:role/pods',
          Selectors: [{ Namespace: 'data' }],
          Subnets: [ref('Private')],
        }),
        Chart: chart({
          Release: 'data',
          Namespace: 'data',
          Chart: 'clickhouse',
          Repository: 'https://charts.example.com',
          Values: JSON.stringify({ auth: { existingSecret: 'clickhouse' }, persistence: { storageClass: 'efs' }, service: { type: 'ClusterIP' } }),
        }),
      }),
      verdict: 'private',
    },
    {
      name: 'deployment 27',
      why: 'a set of pods in EKS with a service inside the cluster and a container that makes backups',
      templates: cluster({ Objects: applied(SERVING) }),
      verdict: 'private',
    },
  ],
};
