import { at, dictionaryAt, listAt, textAt } from './documents';
import { annotationsOf } from './environment';
import type { Found } from './found';
import { isUsual, listens, selects } from './found';
import { shown, told, unknownIn } from './marks';
import type { KubernetesObject } from './objects';
import { same } from './objects';
import type { Exposed } from './services';

/** A port of a Service that leads to a ClickHouse, for certain or not. */
export interface Lead {
  readonly found: Found;
  /** the ports of the Service, by number and by name. */
  readonly ports: readonly string[];
  readonly names: ReadonlySet<string>;
  readonly unsure?: string;
}

/** How a Service leads to a ClickHouse; undefined when it does not. */
export function leadBetween(service: KubernetesObject, found: Found): Lead | undefined {
  const placed = same(service.namespace, found.namespace);
  const match = placed === false ? false : matchOf(service, found);
  if (placed === false || match === false) return undefined;
  return leadTo(found, service, typeof placed === 'string' ? `whether it is in the namespace of ${found.name}: ${placed}` : match === true ? undefined : match);
}

function matchOf({ body }: KubernetesObject, { labels }: Found): true | false | string {
  const whole = told(at(body, 'spec', 'selector'));
  if (typeof at(body, 'spec', 'selector') === 'string' && whole?.known === false) return `whether the selector matches: ${whole.reason}`;
  const selected = labels.map((each) => selects(dictionaryAt(body, 'spec', 'selector'), each));
  return selected.includes(true) ? true : (selected.find((each) => typeof each === 'string') ?? false);
}

/** The ports of a Service that lead to a ClickHouse; undefined when none does. */
function leadTo(found: Found, service: KubernetesObject, unsure: string | undefined): Lead | undefined {
  const ports = at(service.body, 'spec', 'ports');
  const hidden = typeof ports === 'string' ? unknownIn(ports) : undefined;
  if (hidden !== undefined) return { found, ports: [], names: new Set([textAt(ports)]), unsure: unsure ?? `which ports it has: ${hidden}` };
  const leading = listAt(ports).flatMap((each) => {
    if (textAt(each, 'protocol').toUpperCase() === 'UDP') return [];
    const target = at(each, 'targetPort') ?? at(each, 'port');
    // a Service that may select anything is taken for one of ClickHouse by its port only.
    if (unsure !== undefined && !isUsual(target, found.listening)) return [];
    const answer = listens(target, found.listening);
    return answer === false ? [] : [{ port: textAt(each, 'port'), name: textAt(each, 'name'), answer }];
  });
  if (leading.length === 0) return undefined;
  const certain = leading.filter(({ answer }) => answer === true);
  const chosen = certain.length > 0 ? certain : leading;
  const reason = certain.length > 0 ? undefined : leading.map(({ answer }) => answer).find((answer) => typeof answer === 'string');
  return { found, ports: chosen.map(({ port }) => port), names: new Set(leading.flatMap(({ port, name }) => [port, name]).filter((each) => each !== '')), unsure: unsure ?? reason };
}

/** Whether a port of the Service, by number or by name, is one that leads to ClickHouse, or why that is not known. */
export function leadsFrom({ names }: Lead, port: unknown): true | false | string {
  const value = told(port);
  if (value === undefined) return true;
  if (!value.known) return `which port of the Service it is: ${value.reason}`;
  if (names.has(String(value.value))) return true;
  const [unknown] = [...names].flatMap((each) => unknownIn(each) ?? []);
  return unknown === undefined ? false : `which port of the Service it is: ${unknown}`;
}

/** A Service as far as it leads to a ClickHouse. */
export function exposed(service: KubernetesObject, { ports, unsure }: Lead): Exposed {
  const words = `Service ${shown(`${service.namespace}/${service.name}`)}`;
  return { origin: service, words, annotations: annotationsOf(service.body), spec: dictionaryAt(service.body, 'spec'), ports, close: `make ${words} a ClusterIP`, unsure };
}

