import type { Resource, TemplateSet } from '../templates/templates';
import { elements, identity, inside, items, property, referenceOf, scalars } from '../templates/values';
import { keysIn } from './marks';

const LISTENER = 'AWS::ElasticLoadBalancingV2::Listener';

/** The load balancers in front of each target group, by its identity; undefined stands for one that is not among the templates. */
export type Fronts = ReadonlyMap<string, ReadonlyArray<Resource | undefined>>;

export function frontsOf(templates: TemplateSet): Fronts {
  const fronts = new Map<string, Array<Resource | undefined>>();
  for (const each of templates.ofType(LISTENER, 'AWS::ElasticLoadBalancingV2::ListenerRule')) {
    const listeners = each.type === LISTENER ? [each] : property(each, 'ListenerArn').map((value) => referenceOf(value)?.resource);
    const balancers = listeners.flatMap((listener) => (listener === undefined ? [undefined] : property(listener, 'LoadBalancerArn').map((value) => referenceOf(value)?.resource)));
    for (const action of elements(each, each.type === LISTENER ? 'DefaultActions' : 'Actions')) {
      const weighted = inside(action, 'ForwardConfig', 'TargetGroups').flatMap(items).flatMap((group) => inside(group, 'TargetGroupArn'));
      for (const group of [...inside(action, 'TargetGroupArn'), ...weighted]) {
        const known = fronts.get(identity(group)) ?? [];
        fronts.set(identity(group), known);
        known.push(...balancers);
      }
    }
  }
  return fronts;
}

/** Whether all that stands in front of a target group, given as a manifest names it, is internal. */
export function isInternal(group: string, fronts: Fronts): boolean {
  const balancers = [`=${group}`, ...keysIn(group)].flatMap((key) => fronts.get(key) ?? []);
  return balancers.length > 0 && balancers.every((each) => each !== undefined && property(each, 'Scheme').flatMap(scalars).some((scheme) => scheme.known && scheme.value === 'internal') && property(each, 'Scheme').every(({ doubt }) => doubt === undefined));
}
