import type { Dictionary, Located, Resource, TemplateSet } from '../templates/templates';
import { inside, items, literalText, property, referenceOf, truths } from '../templates/values';
import type { Chart } from './charts';
import { unreadMark } from './charts';
import { at, dictionaryAt, listAt, switchAt, textAt } from './documents';
import type { Inventory } from './inventory';
import { clusterOf } from './inventory';
import { ALB_SCHEME, annotationsIn } from './load-balancer';
import { told } from './marks';
import type { KubernetesObject } from './objects';

/** An AWS Load Balancer Controller that the templates install. */
export interface Controller {
  /** whether Services that do not say who makes their load balancer are its own; why that is not known. */
  readonly takesAll: true | false | string;
  /** the scheme of load balancers that do not say. */
  readonly scheme: string;
  readonly loadBalancerClass: string;
  readonly ingressClass: string;
  /** what the chart's IngressClassParams say for the class. */
  readonly classParams: Dictionary;
}

/** The class of an Ingress. */
export interface IngressClass {
  readonly controller: string;
  readonly params: Dictionary;
  readonly isDefault: boolean;
}

/** What decides in a cluster about load balancers that a Service or an Ingress asks for. */
export interface Environment {
  readonly controller?: Controller;
  /** whether EKS Auto Mode makes the load balancers, or why that is not known. */
  readonly autoMode: true | false | string;
  readonly ingressClasses: ReadonlyMap<string, IngressClass>;
  /** the name of the class that Ingresses without one have. */
  readonly defaultClass?: string;
  /** the schemes that members of a group of Ingresses ask for, which is one load balancer: the first that is not plainly internal, if there is one. */
  readonly ingressGroups: ReadonlyMap<string, unknown>;
  /** charts of the Ingress controllers that forward to Services. */
  readonly nginx: readonly Chart[];
  /** the subnet with public addresses that nodes are in. */
  readonly publicNodes?: string;
  /** whether Altinity's operator is so old that it makes a load balancer unasked. */
  readonly oldOperator: boolean;
}

export function environmentOf({ objects, charts, cluster }: Inventory, nodes: PublicNodes): Environment {
  const ingressClasses = ingressClassesOf(objects);
  return {
    controller: charts.filter(({ names }) => names.includes('aws-load-balancer-controller')).map(controllerOf)[0],
    autoMode: autoModeOf(cluster),
    ingressClasses,
    defaultClass: [...ingressClasses].find(([, { isDefault }]) => isDefault)?.[0],
    ingressGroups: ingressGroupsOf(objects),
    nginx: charts.filter(({ names }) => names.includes('ingress-nginx')),
    publicNodes: nodes.get(cluster) ?? nodes.get(undefined),
    oldOperator: hasOldOperator(objects, charts),
  };
}

/**
 * From chart 1.5, which brings controller 2.5, a webhook gives every new Service of type LoadBalancer the class of the controller, unless it is switched off.
 *
 * @see https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/installation/
 */
function controllerOf(chart: Chart): Controller {
  const { values, version, unread, doubt } = chart;
  const webhook = switchAt(values, 'enableServiceMutatorWebhook') ?? true;
  const isOld = isBefore(version, [1, 5]);
  const unsure = doubt ?? unread;
  return {
    takesAll: isOld === true || webhook === false ? false : (unsure ?? (typeof isOld === 'string' ? isOld : webhook)),
    scheme: textAt(values, 'defaultLoadBalancerScheme') || (unreadMark(chart) ?? 'internal'),
    loadBalancerClass: textAt(values, 'loadBalancerClass') || 'service.k8s.aws/nlb',
    ingressClass: textAt(values, 'ingressClass') || 'alb',
    classParams: dictionaryAt(values, 'ingressClassParams', 'spec'),
  };
}

/** Whether a version is an older one; the latest is installed where none is written. */
function isBefore(version: string, [major, minor]: readonly [number, number]): boolean | string {
  const value = told(version);
  if (value?.known === false) return value.reason;
  const [, first, second] = /^[v^~=\s]{0,9}(\d{1,9})\.(\d{1,9})/.exec(version) ?? [];
  if (first === undefined || second === undefined) return false;
  return Number(first) < major || (Number(first) === major && Number(second) < minor);
}

// in Auto Mode every Service of type LoadBalancer gets the class eks.amazonaws.com/nlb.
// https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-nlb.html
function autoModeOf(cluster: Resource | undefined): true | false | string {
  if (cluster === undefined) return false;
  const switches = [
    ...property(cluster, 'KubernetesNetworkConfig', 'ElasticLoadBalancing', 'Enabled'),
    ...property(cluster, 'Config', 'kubernetesNetworkConfig', 'elasticLoadBalancing', 'enabled'),
  ].flatMap((each) => truths(each).map((truth) => (each.doubt !== undefined && truth === true ? each.doubt : truth)));
  return switches.includes(true) ? true : (switches.find((each) => typeof each === 'string') ?? false);
}

// https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/ingress_class/
function ingressClassesOf(objects: readonly KubernetesObject[]): ReadonlyMap<string, IngressClass> {
  const params = new Map(objects.filter(({ kind }) => kind === 'IngressClassParams').map(({ name, body }) => [name, dictionaryAt(body, 'spec')]));
  return new Map(
    objects
      .filter(({ kind }) => kind === 'IngressClass')
      .map(({ name, body }) => [
        name,
        {
          controller: textAt(body, 'spec', 'controller'),
          params: params.get(textAt(body, 'spec', 'parameters', 'name')) ?? {},
          isDefault: switchAt(body, 'metadata', 'annotations', 'ingressclass.kubernetes.io/is-default-class') === true,
        },
      ]),
  );
}

// one member decides for all: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#ingressgroup
function ingressGroupsOf(objects: readonly KubernetesObject[]): ReadonlyMap<string, unknown> {
  const groups = new Map<string, unknown>();
  for (const { kind, body } of objects) {
    if (kind !== 'Ingress') continue;
    const annotations = annotationsOf(body);
    const group = textAt(annotations, 'alb.ingress.kubernetes.io/group.name');
    const scheme = annotations[ALB_SCHEME];
    if (group !== '' && scheme !== undefined && [undefined, 'internal'].includes(groups.get(group) as string | undefined)) groups.set(group, scheme);
  }
  return groups;
}

/** A subnet that gives its machines public addresses and has nodes of a cluster, by the cluster; for any when that is not known. */
export type PublicNodes = ReadonlyMap<Resource | undefined, string>;

export function publicNodesOf(templates: TemplateSet): PublicNodes {
  const found = new Map<Resource | undefined, string>();
  const look = (cluster: Resource | undefined, subnets: readonly Located[]): void => {
    for (const subnet of subnets.flatMap(items).flatMap((each) => referenceOf(each)?.resource ?? [])) {
      if (subnet.type === 'AWS::EC2::Subnet' && property(subnet, 'MapPublicIpOnLaunch').flatMap(truths).some((each) => each !== false)) found.set(cluster, subnet.logicalId);
    }
  };
  for (const group of templates.ofType('AWS::EKS::Nodegroup')) look(clusterOf(group).cluster, property(group, 'Subnets'));
  // machines that join by themselves carry the tag of their cluster: https://docs.aws.amazon.com/eks/latest/userguide/worker.html
  for (const group of templates.ofType('AWS::AutoScaling::AutoScalingGroup')) {
    const keys = property(group, 'Tags').flatMap(items).flatMap((tag) => inside(tag, 'Key')).map(literalText);
    if (keys.some((key) => key.startsWith('kubernetes.io/cluster/'))) look(undefined, property(group, 'VPCZoneIdentifier'));
  }
  return found;
}

// up to release 0.23.3 the Service of an installation was a load balancer unless a template said otherwise.
// https://github.com/Altinity/clickhouse-operator/releases/tag/release-0.23.4
function hasOldOperator(objects: readonly KubernetesObject[], charts: readonly Chart[]): boolean {
  const versions = charts.filter(({ names }) => names.some((name) => /^(?:altinity-)?clickhouse-operator$/.test(name))).map(({ version }) => version);
  const images = objects.flatMap(({ body, kind }) => (kind === 'Deployment' ? listAt(body, 'spec', 'template', 'spec', 'containers').map((each) => textAt(each, 'image')) : []));
  const tags = images.flatMap((image) => /\/clickhouse-operator:([\d.]{1,40})/.exec(image)?.[1] ?? []);
  return [...versions, ...tags].some((version) => {
    const [, minor, patch] = /^v?0\.(\d{1,9})\.(\d{1,9})/.exec(version) ?? [];
    return minor !== undefined && (Number(minor) < 23 || (Number(minor) === 23 && Number(patch) < 4));
  });
}

/** The annotations of an object. */
export function annotationsOf(body: Dictionary): Dictionary {
  return annotationsIn(at(body, 'metadata', 'annotations'));
}
