import type { Resource } from '../templates/templates';
import { append, isDictionary } from '../templates/templates';
import { property } from '../templates/values';
import { at, dictionaryAt, textAt } from './documents';
import { merged } from './merge';
import type { KubernetesObject, Origin } from './objects';
import { documentIn, textOf } from './reading';

/** A change that `kubectl patch` makes to an object. */
export interface Patch extends Origin {
  /** in lower case and singular, such as `service`; empty when it cannot be read. */
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly type: string;
  readonly change: unknown;
  /** why the change cannot be read. */
  readonly unread?: string;
}

// far more than anybody writes; each copies what it changes.
const MOST_OPERATIONS = 100;
const MOST_PATCHES = 20;

const SHORT: Readonly<Record<string, string>> = { svc: 'service', ing: 'ingress', deploy: 'deployment', sts: 'statefulset', ds: 'daemonset', chi: 'clickhouseinstallation', po: 'pod' };

export function patchOf(resource: Resource): readonly Patch[] {
  const [kind = '', name = ''] = textOf(resource, 'ResourceName').split('/', 2);
  const lower = kind.toLowerCase().split('.')[0] ?? '';
  const singular = Object.hasOwn(SHORT, lower) ? (SHORT[lower] ?? lower) : lower === 'ingresses' ? 'ingress' : lower.replace(/(?<=[^s])s$/, '');
  return property(resource, 'ApplyPatchJson').map((value) => {
    const document = documentIn(value);
    return {
      resource,
      location: 'Properties.ApplyPatchJson',
      doubt: value.doubt ?? resource.doubt,
      kind: singular,
      name,
      namespace: textOf(resource, 'ResourceNamespace') || 'default',
      type: textOf(resource, 'PatchType') || 'strategic',
      ...('reason' in document ? { change: undefined, unread: document.reason } : { change: document.node, unread: tooLong(document.node) }),
    };
  });
}

function tooLong(change: unknown): string | undefined {
  return Array.isArray(change) && change.length > MOST_OPERATIONS ? `it has more than ${MOST_OPERATIONS} operations` : undefined;
}

/** An object as a patch leaves it. */
export function patched(object: KubernetesObject, patch: Patch): KubernetesObject {
  const body = patch.type === 'json' && Array.isArray(patch.change) ? (patch.change as readonly unknown[]).reduce(operated, object.body) : merged(object.body, patch.change, patch.type === 'strategic' ? byKey : undefined);
  return { ...object, resource: patch.resource, location: patch.location, doubt: object.doubt ?? patch.doubt, body: isDictionary(body) ? body : object.body };
}

/** An object of which only what a patch says is known. */
export function patchAlone({ resource, location, doubt, name, namespace, change, type }: Patch, kind: string): KubernetesObject {
  const body = type === 'json' && Array.isArray(change) ? (change as readonly unknown[]).reduce(operated, {}) : change;
  return { resource, location, doubt, group: '', kind, name, namespace, body: isDictionary(body) ? body : {} };
}

// the lists of strategic merge that matter here, by what tells their elements apart.
// https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
function byKey(base: readonly unknown[], over: readonly unknown[]): readonly unknown[] {
  const keyOf = (each: unknown): string | undefined => {
    const key = ['port', 'containerPort', 'name', 'mountPath'].find((name) => at(each, name) !== undefined);
    return key === undefined ? undefined : `${key}=${textAt(each, key)}`;
  };
  if ([...base, ...over].some((each) => keyOf(each) === undefined)) return over;
  const result = new Map(base.map((each) => [keyOf(each), each]));
  for (const each of over) {
    const key = keyOf(each);
    if (at(each, '$patch') === 'delete') result.delete(key);
    else result.set(key, merged(result.get(key), each));
  }
  return [...result.values()];
}

/** One operation of a JSON patch. https://www.rfc-editor.org/rfc/rfc6902 */
function operated(body: unknown, operation: unknown): unknown {
  const path = textAt(operation, 'path')
    .split('/', 40)
    .slice(1)
    .map((name) => name.replace(/~1/g, '/').replace(/~0/g, '~'));
  const kind = textAt(operation, 'op');
  if (path.length === 0 || !['add', 'replace', 'remove'].includes(kind)) return body;
  return placed(body, path, kind === 'remove' ? undefined : { value: at(operation, 'value'), inserted: kind === 'add' });
}

function placed(node: unknown, [name = '', ...rest]: readonly string[], what: { readonly value: unknown; readonly inserted: boolean } | undefined): unknown {
  if (Array.isArray(node)) {
    const list: unknown[] = [...(node as readonly unknown[])];
    const index = name === '-' ? list.length : Number(name);
    if (!Number.isInteger(index) || index < 0 || index > list.length) return node;
    if (rest.length > 0) list[index] = placed(list[index], rest, what);
    else list.splice(index, what === undefined || !what.inserted ? 1 : 0, ...(what === undefined ? [] : [what.value]));
    return list;
  }
  const result = new Map<string, unknown>(Object.entries(isDictionary(node) ? node : {}));
  if (rest.length > 0) result.set(name, placed(result.get(name), rest, what));
  else if (what === undefined) result.delete(name);
  else result.set(name, what.value);
  return Object.fromEntries(result);
}

/** Patches by the kind, the namespace and the name of what they change. */
export function patchesByObject(patches: readonly Patch[]): ReadonlyMap<string, readonly Patch[]> {
  const found = new Map<string, Patch[]>();
  for (const each of patches) append(found, `${each.kind} ${each.namespace}/${each.name}`, each);
  return found;
}

/** An object as it is applied, and as patches leave it. Load balancers of the cloud provider keep the scheme that they were made with. */
export function versionsOf(object: KubernetesObject, changes: ReadonlyMap<string, readonly Patch[]>, kind: string): readonly KubernetesObject[] {
  const patches = changes.get(`${kind} ${object.namespace}/${object.name}`) ?? [];
  const readable = patches.filter(({ unread }) => unread === undefined).slice(0, MOST_PATCHES);
  const versions = readable.length === 0 ? [object] : [object, readable.reduce(patched, object)];
  const [blind] = patches.filter((each) => !readable.includes(each));
  if (blind === undefined) return versions;
  return [...versions, { ...object, resource: blind.resource, location: blind.location, doubt: `what a patch says: ${blind.unread ?? 'there are too many'}`, body: { ...object.body, spec: { ...dictionaryAt(object.body, 'spec'), type: 'LoadBalancer' } } }];
}
