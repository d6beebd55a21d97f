import type { PortRange } from '../network/port-range';
import { port } from '../network/port-range';
import type { Located, Resource } from '../templates/model';
import { elements, inside } from '../templates/values';
import { numberIn } from './given';

/** Where traffic arrives at an endpoint; undefined where nobody knows, and then why. */
export interface EndpointPort {
  readonly port?: PortRange;
  readonly missing?: string;
}

/**
 * The ports of the endpoints of a group: those of the listener, but for what the group sends to another one.
 *
 * @see https://docs.aws.amazon.com/global-accelerator/latest/dg/about-endpoint-groups-port-override.html
 */
export function endpointPorts(listener: Resource | undefined, group: Resource): readonly EndpointPort[] {
  if (listener === undefined) return [{ missing: 'the ports of the listener are not in the templates' }];
  const ranges = elements(listener, 'PortRanges').map((each) => pair(each, 'FromPort', 'ToPort'));
  const overrides = elements(group, 'PortOverrides').map((each) => pair(each, 'ListenerPort', 'EndpointPort'));
  const unread = [...ranges, ...overrides].find((each): each is string => typeof each === 'string');
  if (unread !== undefined) return [{ missing: unread }];
  const moved = new Map(overrides.flatMap((each) => (typeof each === 'string' ? [] : [[each.from, each.to] as const])));
  return ranges.flatMap((range) => (typeof range === 'string' ? [] : split(range.from, range.to, moved))).map((each) => ({ port: each }));
}

/** A range without the ports that are sent elsewhere, and where those go. */
function split(first: number, last: number, moved: ReadonlyMap<number, number>): readonly PortRange[] {
  const inRange = [...moved].filter(([from]) => first <= from && from <= last).sort(([a], [b]) => a - b);
  const ends = [first - 1, ...inRange.map(([from]) => from), last + 1];
  const kept = ends.slice(1).map((end, index) => ({ first: (ends[index] ?? 0) + 1, last: end - 1 })).filter((each) => each.first <= each.last);
  return [...kept, ...inRange.map(([, to]) => port(to))];
}

function pair(value: Located, ...names: readonly [string, string]): { readonly from: number; readonly to: number } | string {
  const [from, to] = names.map((name) => numberIn(inside(value, name), NaN));
  if (value.doubt !== undefined) return value.doubt;
  if (typeof from === 'string') return from;
  if (typeof to === 'string') return to;
  return from === undefined || to === undefined || Number.isNaN(from + to) ? `${names.join(' or ')} is not written` : { from, to };
}
