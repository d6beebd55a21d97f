// ClickHouse in a Kubernetes cluster of EKS, behind services.
import { FILE, ref, resource, tcp } from '../build';
import type { Case, Json, Layer } from '../case';
import { applied, chart, cluster, external, INSIDE, INTERNAL, MANIFEST, objects, RESOURCES, scheme, SERVER, service, text } from './kubernetes-parts';

// what the controller makes is internal unless asked otherwise: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/nlb/
// what the cloud provider makes itself is internet-facing unless asked otherwise: https://cloud-provider-aws.sigs.k8s.io/service_controller/
const SERVICES: readonly Case[] = [
  {
    name: 'service with an internet-facing load balancer',
    why: 'the annotation asks for it',
    templates: objects(SERVER, service(external('internet-facing'))),
    verdict: 'exposed',
    twin: { at: MANIFEST, to: text(SERVER, service(external('internal'))), verdict: 'private', why: 'the annotation asks for an internal one' },
  },
  {
    name: 'service with a load balancer and no more',
    why: 'the cloud provider makes a classic load balancer for the internet',
    templates: objects(SERVER, service()),
    verdict: 'exposed',
    twin: { at: MANIFEST, to: text(SERVER, service(INTERNAL)), verdict: 'private', why: 'the annotation asks for an internal one' },
  },
  {
    name: 'service with a network load balancer of the cloud provider',
    why: 'it is for the internet as well',
    templates: objects(SERVER, service({ 'service.beta.kubernetes.io/aws-load-balancer-type': 'nlb' })),
    verdict: 'exposed',
    twin: {
      at: MANIFEST,
      to: text(SERVER, service({ 'service.beta.kubernetes.io/aws-load-balancer-type': 'nlb', ...INTERNAL })),
      verdict: 'private',
      why: 'the annotation asks for an internal one',
    },
  },
  {
    name: 'service with a load balancer for some addresses',
    why: 'a part of the internet is among the sources',
    templates: objects(SERVER, service(external('internet-facing'), { loadBalancerSourceRanges: ['10.0.0.0/8', '8.8.4.0/24'] })),
    verdict: 'exposed',
    twin: {
      at: MANIFEST,
      to: text(SERVER, service(external('internet-facing'), { loadBalancerSourceRanges: ['10.0.0.0/8'] })),
      verdict: 'private',
      why: 'all sources are private addresses',
    },
  },
  {
    name: 'service with a load balancer for private addresses by annotation',
    why: 'the sources can be given by annotation',
    templates: objects(
      SERVER,
      service({ ...external('internet-facing'), 'service.beta.kubernetes.io/load-balancer-source-ranges': '10.0.0.0/8,172.16.0.0/12' }),
    ),
    verdict: 'private',
  },
  {
    name: 'service of the class of the controller',
    why: 'without a scheme the controller makes an internal load balancer',
    templates: objects(SERVER, service(undefined, { loadBalancerClass: 'service.k8s.aws/nlb' })),
    verdict: 'private',
    twin: {
      at: MANIFEST,
      to: text(SERVER, service(scheme('internet-facing'), { loadBalancerClass: 'service.k8s.aws/nlb' })),
      verdict: 'exposed',
      why: 'the scheme is for the internet',
    },
  },
  {
    name: 'service of the class of EKS Auto Mode',
    // https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-nlb.html
    why: 'without a scheme Auto Mode makes an internal load balancer',
    templates: objects(SERVER, service(undefined, { loadBalancerClass: 'eks.amazonaws.com/nlb' })),
    verdict: 'private',
    twin: {
      at: MANIFEST,
      to: text(SERVER, service(scheme('internet-facing'), { loadBalancerClass: 'eks.amazonaws.com/nlb' })),
      verdict: 'exposed',
      why: 'the scheme is for the internet',
    },
  },
  {
    name: 'service with a load balancer in a cluster with the controller',
    // since 2.5 the controller sets its class on every new service; https://docs.aws.amazon.com/eks/latest/userguide/aws-load-balancer-controller.html
    why: 'the controller takes every service, and makes internal load balancers',
    templates: cluster({
      Controller: chart({
        Chart: 'aws-load-balancer-controller',
        Repository: 'https://aws.github.io/eks-charts',
        Version: '1.13.4',
        Values: JSON.stringify({ clusterName: 'analytics' }),
      }),
      Objects: applied(text(SERVER, service()), { DependsOn: 'Controller' }),
    }),
    verdict: 'private',
    twin: {
      at: [...RESOURCES, 'Controller', 'Properties', 'Values'],
      to: JSON.stringify({ clusterName: 'analytics', enableServiceMutatorWebhook: false }),
      verdict: 'exposed',
      why: 'the controller leaves the service to the cloud provider',
    },
  },
  {
    name: 'service with an internet-facing load balancer in a public subnet',
    why: 'the load balancer finds the subnet that leads to the internet gateway',
    templates: objects(SERVER, service(external('internet-facing'))),
    verdict: 'exposed',
    twin: { at: MANIFEST, to: text(SERVER, service(external('internal'))), verdict: 'private', why: 'the annotation asks for an internal one' },
  },
  {
    name: 'service inside the cluster',
    why: 'an address of the cluster is reached from the cluster only',
    templates: objects(SERVER, INSIDE),
    verdict: 'private',
  },
  {
    name: 'service without an address',
    why: 'a headless service is a name for the pods',
    templates: objects(SERVER, service(undefined, { type: undefined, clusterIP: 'None' })),
    verdict: 'private',
  },
  {
    name: 'service on the ports of private nodes',
    why: 'the nodes have no public address',
    templates: objects(SERVER, service(undefined, { type: 'NodePort', ports: [{ port: 8123, nodePort: 30123 }] })),
    verdict: 'private',
  },
  {
    name: 'service on the ports of public nodes',
    why: 'the nodes have public addresses; which groups EKS gives them is only known at deployment',
    templates: cluster(
      {
        Objects: applied(text(SERVER, service(undefined, { type: 'NodePort', ports: [{ port: 8123, nodePort: 30123 }] }))),
        NodePorts: resource('AWS::EC2::SecurityGroupIngress', {
          GroupId: { 'Fn::GetAtt': ['Cluster', 'ClusterSecurityGroupId'] },
          ...tcp(30000, '0.0.0.0/0', 32767),
        }),
      },
      { Subnets: [ref('Public')] },
    ),
    verdict: 'unknown',
    twin: { at: [...RESOURCES, 'Nodes', 'Properties', 'Subnets', 0], to: ref('Private'), verdict: 'private', why: 'the nodes have none' },
  },
  {
    name: 'service for another app',
    why: 'the public service selects other pods',
    templates: objects(SERVER, service(external('internet-facing'), { selector: { app: 'web' } }, { name: 'web' })),
    verdict: 'private',
  },
  {
    name: 'service for a label that ClickHouse lacks',
    why: 'all labels of the selector have to match; whether the pods that it selects are of ClickHouse is not in the templates',
    templates: objects(SERVER, service(external('internet-facing'), { selector: { app: 'clickhouse', tier: 'proxy' } })),
    verdict: 'unknown',
  },
  {
    name: 'service of another namespace',
    why: 'a service selects pods of its own namespace; whether those are of ClickHouse is not in the templates',
    templates: objects(SERVER, service(external('internet-facing'), {}, { namespace: 'web' })),
    verdict: 'unknown',
  },
  {
    name: 'second service in a second resource',
    why: 'one service is inside the cluster, another, deployed apart, is for the internet',
    templates: cluster({ Server: applied(text(SERVER, INSIDE)), Objects: applied(text(service(external('internet-facing'), {}, { name: 'public' }))) }),
    verdict: 'exposed',
    twin: { at: MANIFEST, to: text(service(external('internal'), {}, { name: 'public' })), verdict: 'private', why: 'the second is internal' },
  },
];

/** A manifest that is joined around a value of the deployment, in place of one of its texts. */
const joined = (written: string, value: unknown, ...all: readonly Json[]): Json => {
  const [before = '', after = ''] = text(...all).split(written);
  return { 'Fn::Join': ['', [before, value, after]] };
};
const TAG = '26.8.36.3';
const tagged = (...all: readonly Json[]): Json => joined(TAG, ref('Tag'), ...all);
const asked = (): Json => joined('SCHEME', ref('Scheme'), SERVER, service(external('SCHEME')));

const TEXTS: readonly Case[] = [
  {
    name: 'manifest with a value of the deployment',
    why: 'the tag of the image is not known, the rest is',
    templates: cluster({ Objects: applied(tagged(SERVER, service(external('internet-facing')))) }, {}, { Parameters: { Tag: { Type: 'String' } } }),
    verdict: 'exposed',
    twin: { at: MANIFEST, to: tagged(SERVER, service(external('internal'))), verdict: 'private', why: 'the annotation asks for an internal one' },
  },
  {
    name: 'manifest whose scheme is not known',
    why: 'a parameter without a default is the scheme',
    templates: cluster({ Objects: applied(asked()) }, {}, { Parameters: { Scheme: { Type: 'String' } } }),
    verdict: 'unknown',
  },
  {
    name: 'manifest whose scheme is a default',
    why: 'the default of the parameter is the scheme',
    templates: cluster({ Objects: applied(asked()) }, {}, { Parameters: { Scheme: { Type: 'String', Default: 'internet-facing' } } }),
    verdict: 'exposed',
    twin: { at: [FILE, 'Parameters', 'Scheme', 'Default'], to: 'internal', verdict: 'private', why: 'the default is internal' },
  },
];

export const KUBERNETES: Layer = { layer: 'Kubernetes services', cases: [...SERVICES, ...TEXTS] };
