import type { Dictionary, Resource } from '../templates/templates';
import { isDictionary } from '../templates/templates';
import { at, listAt, textAt } from './documents';
import { told } from './marks';

/** Where something for a cluster is written. */
export interface Origin {
  readonly resource: Resource;
  /** the property that it is written in. */
  readonly location: string;
  /** why it may be another, or none. */
  readonly doubt?: string;
}

/** A Kubernetes object that a resource of CloudFormation applies to a cluster. */
export interface KubernetesObject extends Origin {
  /** the API group, without the version; empty for the core. */
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly body: Dictionary;
}

/** The objects of a document: one, a list of them, or a `List`. */
export function objectsIn(node: unknown, { resource, location, doubt }: Origin, namespace: string): readonly KubernetesObject[] {
  const bodies = Array.isArray(node) ? (node as readonly unknown[]) : [node];
  return bodies
    .flatMap((each) => (textAt(each, 'kind').endsWith('List') && Array.isArray(at(each, 'items')) ? listAt(each, 'items') : [each]))
    .filter(isDictionary)
    .filter((body) => textAt(body, 'kind') !== '')
    .map((body) => {
      const version = textAt(body, 'apiVersion');
      return {
        resource,
        location,
        doubt,
        group: version.includes('/') ? version.slice(0, version.indexOf('/')) : '',
        kind: textAt(body, 'kind'),
        namespace: textAt(body, 'metadata', 'namespace') || namespace,
        name: textAt(body, 'metadata', 'name') || textAt(body, 'metadata', 'generateName'),
        body,
      };
    });
}

/** Whether two texts are the same, or why that is not known. */
export function same(left: string, right: string): true | false | string {
  if (left === right) return true;
  for (const text of [left, right]) {
    const value = told(text);
    if (value?.known === false) return value.reason;
  }
  return false;
}
