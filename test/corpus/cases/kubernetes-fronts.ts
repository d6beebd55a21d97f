// ClickHouse in a Kubernetes cluster of EKS, behind ingresses and as operators and charts deploy it.
import { ref } from '../build';
import type { Case, Json, Layer } from '../case';
import { chart, cluster, INSIDE, INTERNAL, MANIFEST, meta, objects, RESOURCES, scheme, SERVER, text } from './kubernetes-parts';

const ingress = (annotations: Json, spec: Json = {}): Json => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: meta(annotations),
  spec: {
    ingressClassName: 'alb',
    rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'clickhouse', port: { number: 8123 } } } }] } }],
    ...spec,
  },
});
const alb = (annotations: Json): Json => ({ 'alb.ingress.kubernetes.io/target-type': 'ip', ...annotations });
const ALB_PUBLIC = alb({ 'alb.ingress.kubernetes.io/scheme': 'internet-facing' });
const COGNITO = {
  userPoolARN: 'arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_example',
  userPoolClientID: 'example',
  userPoolDomain: 'example',
};

// https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
const INGRESSES: readonly Case[] = [
  {
    name: 'ingress with an internet-facing load balancer',
    why: 'the annotation asks for it, and the rule leads to the service of ClickHouse',
    templates: objects(SERVER, INSIDE, ingress(ALB_PUBLIC)),
    verdict: 'exposed',
    twin: {
      at: MANIFEST,
      to: text(SERVER, INSIDE, ingress(alb({ 'alb.ingress.kubernetes.io/scheme': 'internal' }))),
      verdict: 'private',
      why: 'the annotation asks for an internal one',
    },
  },
  {
    name: 'ingress with ClickHouse by default',
    why: 'what no rule takes goes to the service of ClickHouse',
    templates: objects(SERVER, INSIDE, ingress(ALB_PUBLIC, { rules: [], defaultBackend: { service: { name: 'clickhouse', port: { name: 'http' } } } })),
    verdict: 'exposed',
    twin: {
      at: MANIFEST,
      to: text(SERVER, INSIDE, ingress(ALB_PUBLIC, { rules: [], defaultBackend: { service: { name: 'web', port: { name: 'http' } } } })),
      verdict: 'private',
      why: 'it goes to another service',
    },
  },
  {
    name: 'ingress without a scheme',
    why: 'the controller makes an internal load balancer',
    templates: objects(SERVER, INSIDE, ingress(alb({}))),
    verdict: 'private',
  },
  {
    name: 'ingress for private addresses',
    why: 'the load balancer admits private addresses only',
    templates: objects(SERVER, INSIDE, ingress({ ...ALB_PUBLIC, 'alb.ingress.kubernetes.io/inbound-cidrs': '10.0.0.0/8, 192.168.0.0/16' })),
    verdict: 'private',
  },
  {
    name: 'ingress with a login',
    why: 'the load balancer asks for a login before it forwards',
    templates: objects(
      SERVER,
      INSIDE,
      ingress({
        ...ALB_PUBLIC,
        'alb.ingress.kubernetes.io/listen-ports': '[{"HTTPS":443}]',
        'alb.ingress.kubernetes.io/auth-type': 'cognito',
        'alb.ingress.kubernetes.io/auth-idp-cognito': JSON.stringify(COGNITO),
      }),
    ),
    verdict: 'private',
    levels: ['login'],
  },
  {
    name: 'ingress of a controller that is not seen',
    why: 'what serves the class, and to whom, is not among the templates',
    templates: objects(SERVER, INSIDE, ingress({}, { ingressClassName: 'nginx' })),
    verdict: 'unknown',
  },
];

const installation = (type: string, annotations: Json = {}): Json => ({
  apiVersion: 'clickhouse.altinity.com/v1',
  kind: 'ClickHouseInstallation',
  metadata: { name: 'events', namespace: 'analytics' },
  spec: {
    defaults: { templates: { serviceTemplate: 'front' } },
    configuration: { clusters: [{ name: 'main', layout: { shardsCount: 1, replicasCount: 2 } }] },
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
// it makes headless services only: https://github.com/ClickHouse/clickhouse-operator
const CLUSTER = {
  apiVersion: 'clickhouse.com/v1alpha1',
  kind: 'ClickHouseCluster',
  metadata: { name: 'events', namespace: 'analytics' },
  spec: { replicas: 3, shards: 1, keeperClusterRef: { name: 'keeper' } },
};
const VALUES = [...RESOURCES, 'Chart', 'Properties', 'Values'];
const charted = (values: unknown, template: Json = {}): Case['templates'] =>
  cluster(
    { Chart: chart({ Chart: 'clickhouse', Repository: 'https://charts.example.com', Version: '9.4.4', ...(values === undefined ? {} : { Values: values }) }) },
    {},
    template,
  );

const OPERATORS_AND_CHARTS: readonly Case[] = [
  {
    name: 'installation with a load balancer',
    why: 'the template of its service asks for a load balancer for the internet',
    templates: objects(installation('LoadBalancer', scheme('internet-facing'))),
    verdict: 'exposed',
    twin: { at: MANIFEST, to: text(installation('ClusterIP', scheme('internet-facing'))), verdict: 'private', why: 'the service is inside the cluster' },
  },
  {
    name: 'installation with an internal load balancer',
    why: 'the template of its service asks for an internal one',
    templates: objects(installation('LoadBalancer', INTERNAL)),
    verdict: 'private',
  },
  {
    name: 'cluster of an operator without load balancers',
    why: 'the operator makes no service that is reached from outside',
    templates: objects(CLUSTER),
    verdict: 'private',
  },
  {
    name: 'chart with a load balancer',
    why: 'the values ask for a load balancer for the internet',
    templates: charted(JSON.stringify({ service: { type: 'LoadBalancer', annotations: scheme('internet-facing') } })),
    verdict: 'exposed',
    twin: { at: VALUES, to: JSON.stringify({ service: { type: 'ClusterIP' } }), verdict: 'private', why: 'the service is inside the cluster' },
  },
  {
    name: 'chart with a load balancer and no more',
    why: 'the cloud provider makes a load balancer for the internet',
    templates: charted(JSON.stringify({ service: { type: 'LoadBalancer' } })),
    verdict: 'exposed',
    twin: {
      at: VALUES,
      to: JSON.stringify({ service: { type: 'LoadBalancer', annotations: INTERNAL } }),
      verdict: 'private',
      why: 'the annotation asks for an internal one',
    },
  },
  {
    name: 'chart with a load balancer for private addresses',
    why: 'the sources are private addresses',
    templates: charted(JSON.stringify({ service: { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8'] } })),
    verdict: 'private',
  },
  {
    name: 'chart whose type of service is not known',
    why: 'a parameter without a default is the type of the service',
    templates: charted({ 'Fn::Join': ['', ['{"service":{"type":"', ref('ServiceType'), '"}}']] }, { Parameters: { ServiceType: { Type: 'String' } } }),
    verdict: 'unknown',
  },
];

export const KUBERNETES_FRONTS: Layer = { layer: 'Kubernetes ingresses, operators and charts', cases: [...INGRESSES, ...OPERATORS_AND_CHARTS] };
