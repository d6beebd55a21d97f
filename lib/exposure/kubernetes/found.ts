import { isServerImage } from '../workloads/evidence';
import { CLICKHOUSE_PORTS } from '../workloads/ports';
import type { Dictionary } from '../templates/templates';
import { literalIn, shown, told, unknownIn } from './marks';
import type { KubernetesDoor } from './kubernetes';
import type { Origin } from './objects';

/** The labels that pods have. */
export interface Labels {
  /** undefined where an operator numbers or names them. */
  readonly known: ReadonlyMap<string, string | undefined>;
  /** whether pods may have another label with this value, where not all labels can be told. */
  readonly others?: (value: string) => boolean;
}

/** The ports of pods. */
export interface Listening {
  /** ports that ClickHouse has beside the usual. */
  readonly told: readonly number[];
  /** ports of its container by their names. */
  readonly names: ReadonlyMap<string, number>;
  /** ports and names of ports of other containers in the pod. */
  readonly foreign: ReadonlySet<number | string>;
  /** whether an operator or a chart makes the Services and names the ports, which are not written anywhere. */
  readonly isManaged: boolean;
  /** why not all ports or their names are known. */
  readonly unsure?: string;
}

/** A ClickHouse in a cluster, before anybody looked for the ways to it. */
export interface Found extends Origin {
  readonly name: string;
  readonly evidence: string;
  readonly namespace: string;
  /** of its pods; several where pods differ. */
  readonly labels: readonly Labels[];
  readonly listening: Listening;
  /** whether a Service that is not among the templates is its own, which a chart or an operator makes; or why that is not known. */
  readonly ownsService: (name: string) => true | false | string;
  /** what the object itself, or what makes it, opens. */
  readonly doors: readonly KubernetesDoor[];
}

const USUAL: ReadonlySet<number> = new Set(CLICKHOUSE_PORTS.keys());

/** Whether a name, of an image, a chart or anything else, is that of a server. Names are short; what is not is none. */
export function isServerName(text: string): boolean {
  const name = literalIn(text);
  return name.length < 1000 && isServerImage(name);
}

/** Whether pods are selected, or why that is not known. A Service without a selector selects nothing. */
export function selects(selector: Dictionary, labels: Labels): true | false | string {
  let reason: string | undefined;
  const entries = Object.entries(selector);
  for (const [key, node] of entries) {
    const value = told(node);
    const wanted = value === undefined ? '' : value.known ? String(value.value) : undefined;
    if (!labels.known.has(key)) {
      if (labels.others === undefined || (wanted !== undefined && !labels.others(wanted))) return false;
      reason ??= `whether the pods have the label ${shown(key)}`;
      continue;
    }
    const label = labels.known.get(key);
    // the same unknown on both sides is the same label.
    if (label !== undefined && label === node) continue;
    const unknown = (value?.known === false ? value.reason : undefined) ?? (label === undefined ? `which value the label ${shown(key)} has` : unknownIn(label));
    if (unknown !== undefined) reason ??= `whether the selector matches: ${unknown}`;
    else if (label !== wanted) return false;
  }
  return entries.length === 0 ? false : (reason ?? true);
}

/** Whether ClickHouse listens on what a Service points at (a number, or the name of a port), or why that is not known. */
export function listens(target: unknown, { told: own, names, foreign, isManaged, unsure }: Listening): true | false | string {
  const value = told(target);
  if (value === undefined) return 'which port it leads to';
  if (!value.known) return `which port it leads to: ${value.reason}`;
  const text = String(value.value);
  const port = /^\d{1,5}$/.test(text) ? Number(text) : names.get(text);
  if (port !== undefined) {
    if (USUAL.has(port) || own.includes(port)) return true;
    return foreign.has(port) ? false : `whether ClickHouse listens on port ${port}`;
  }
  if (foreign.has(text)) return false;
  // such as http, tcp-secure, http-intersrv or clickhouse-native; of charts and operators only names that say something else are left out.
  if (isManaged) return /metric|exporter|prometheus|backup/i.test(text) ? false : /^(?:http|https|tcp|native|client|clickhouse|mysql|postgre|inter|keeper|zk|raft|secure)/i.test(text) ? true : `what port ${shown(text)} is`;
  return unsure === undefined ? false : `what port ${shown(text)} is: ${unsure}`;
}

/** Whether ClickHouse is so often found on this port that it may well be it. */
export function isUsual(target: unknown, { told: own, names, isManaged }: Listening): boolean {
  const value = told(target);
  if (value?.known !== true) return true;
  const text = String(value.value);
  const port = /^\d{1,5}$/.test(text) ? Number(text) : names.get(text);
  return port === undefined ? isManaged && /^(?:http|https|tcp|native|client|clickhouse)/i.test(text) : USUAL.has(port) || own.includes(port);
}
