import { CLICKHOUSE_PORTS } from '../workloads/ports';
import { at, dictionaryAt, listAt, textAt } from './documents';
import type { Environment } from './environment';
import { annotationsOf } from './environment';
import type { Found } from './found';
import { isServerName, selects } from './found';
import type { Inventory } from './inventory';
import type { KubernetesWorkload } from './kubernetes';
import { shown, told } from './marks';
import type { KubernetesObject } from './objects';
import { same } from './objects';
import { labelsOf, podTemplateOf } from './pods';
import { serviceDoors } from './services';

const MOST_COMPARISONS = 100_000;

/**
 * Load balancers of a ClickHouse that somebody else installs: Services that are called so and have its ports, and select none of the pods
 * that are among the templates. Whether it is one is not known, so that none of these is certain; what is closed is not worth a word.
 */
export function strangersIn({ objects }: Inventory, found: readonly Found[], environment: Environment): readonly KubernetesWorkload[] {
  const candidates = objects.filter(isCandidate);
  if (candidates.length === 0) return [];
  const pods = objects.flatMap((object) => {
    const template = podTemplateOf(object);
    return template === undefined ? [] : [{ namespace: object.namespace, labels: [labelsOf(template.labels)] }];
  });
  let comparisons = 0;
  return candidates.flatMap((service) => {
    const selector = dictionaryAt(service.body, 'spec', 'selector');
    comparisons += found.length + pods.length;
    // beyond this it stays a stranger: too much said is better than too little.
    const isOwned = comparisons <= MOST_COMPARISONS && [...found, ...pods].some(({ namespace, labels }) => same(namespace, service.namespace) !== false && labels.some((each) => selects(selector, each) !== false));
    if (isOwned) return [];
    const words = `Service ${shown(`${service.namespace}/${service.name}`)}`;
    const ports = listAt(service.body, 'spec', 'ports').map((each) => textAt(each, 'port'));
    const exposed = { origin: service, words, annotations: annotationsOf(service.body), spec: dictionaryAt(service.body, 'spec'), ports, close: `make ${words} a ClusterIP`, unsure: 'whether it leads to a ClickHouse: the pods that it selects are not among the templates' };
    const doors = serviceDoors(exposed, environment).filter(({ open }) => open !== 'no');
    return doors.length === 0 ? [] : [{ resource: service.resource, name: words, evidence: 'its name and its ports are those of a ClickHouse', ports: [], doors }];
  });
}

function isCandidate({ kind, group, name, body }: KubernetesObject): boolean {
  if (kind !== 'Service' || group !== '' || !isServerName(name) || Object.keys(dictionaryAt(body, 'spec', 'selector')).length === 0) return false;
  const type = told(at(body, 'spec', 'type'));
  if (type === undefined || (type.known && type.value !== 'LoadBalancer')) return false;
  return listAt(body, 'spec', 'ports').some((each) => CLICKHOUSE_PORTS.has(Number(textAt(each, 'targetPort') || textAt(each, 'port'))) || CLICKHOUSE_PORTS.has(Number(textAt(each, 'port'))));
}
