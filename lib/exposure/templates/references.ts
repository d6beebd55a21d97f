import type { Located, Resource } from './model';
import { attributeOf, intrinsic } from './model';
import { possible, scalar } from './resolve';

/** A resource that a value points at, and which attribute of it. */
export interface Reference {
  readonly resource: Resource;
  /** undefined for a plain Ref. */
  readonly attribute?: string;
}

/** The resource that a value points at, if it is one of ours. Give it what `possible` returns. */
export function referenceOf({ node, template }: Located): Reference | undefined {
  const [name, argument] = intrinsic(node);
  if (name === 'Ref' && typeof argument === 'string') {
    const resource = template.resources.get(argument);
    return resource && { resource };
  }
  if (name === 'Fn::GetAtt') {
    const [logicalId = '', attribute = ''] = attributeOf(argument) ?? [];
    const resource = template.resources.get(logicalId);
    return resource && { resource, attribute };
  }
  // one element of a list attribute, such as the IPv6 blocks of a VPC, and a text that is nothing but a reference.
  if (name === 'Fn::Select' && Array.isArray(argument)) return firstReference({ node: argument[1], template });
  if (name === 'Fn::Sub' && typeof argument === 'string') {
    const [, only] = /^\$\{([A-Za-z0-9]+(?:\.[A-Za-z0-9.]+)?)\}$/.exec(argument) ?? [];
    if (only !== undefined) return referenceOf({ node: only.includes('.') ? { 'Fn::GetAtt': only } : { Ref: only }, template });
  }
  return undefined;
}

function firstReference(value: Located): Reference | undefined {
  for (const each of possible(value)) {
    const [name] = intrinsic(each.node);
    // a selection from a selection: what it is made of is not followed any further.
    if (Array.isArray(each.node) || name === 'Fn::Select') continue;
    const found = referenceOf(each);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every resource mentioned anywhere inside a value. */
export function referencesIn(value: Located): readonly Resource[] {
  const found = new Set<Resource>();
  const seen = new Set<unknown>();
  const pending: Located[] = [value];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const { node, template } of possible(at)) {
      if (typeof node !== 'object' || node === null || seen.has(node)) continue;
      seen.add(node);
      const reference = referenceOf({ node, template });
      if (reference !== undefined) found.add(reference.resource);
      const inner: readonly unknown[] = Array.isArray(node) ? node : Object.values(node);
      for (const each of inner) pending.push({ node: each, template });
      const [name, argument] = intrinsic(node);
      const text: unknown = name === 'Fn::Sub' ? (Array.isArray(argument) ? argument[0] : argument) : undefined;
      for (const [, variable = ''] of typeof text === 'string' ? text.matchAll(/\$\{([A-Za-z0-9]+)(?:\.[^}]*)?\}/g) : []) {
        const resource = template.resources.get(variable);
        if (resource !== undefined) found.add(resource);
      }
    }
  }
  return [...found];
}

/**
 * A name for what a value identifies, the same wherever it is written: a resource of ours, a literal id, or the expression itself.
 * So a security group that only a parameter names is still recognised where the same parameter names it again.
 */
export function identity(value: Located): string {
  const reference = referenceOf(value);
  if (reference !== undefined) return resourceIdentity(reference.resource, reference.attribute);
  const literal = scalar(value);
  return literal.known ? `=${literal.value}` : `${value.template.path}!${JSON.stringify(value.node)}`;
}

// what Ref returns is also an attribute, whose name depends on the type.
const IDENTIFYING = new Set([undefined, 'GroupId', 'Id', 'SubnetId', 'VpcId', 'VolumeId', 'InstanceId', 'LaunchTemplateId', 'RouteTableId', 'InternetGatewayId', 'PrefixListId', 'FileSystemId', 'TargetGroupArn', 'ListenerArn', 'LoadBalancerArn', 'TaskDefinitionArn']);

export function resourceIdentity(resource: Resource, attribute?: string): string {
  const suffix = IDENTIFYING.has(attribute) ? '' : `.${attribute}`;
  return `${resource.template.path}#${resource.logicalId}${suffix}`;
}

/** What a reader calls what a value names: a logical id, a literal id, the name of a parameter or of an export. */
export function nameOf(value: Located): string {
  const reference = referenceOf(value);
  if (reference !== undefined) return reference.attribute === undefined || IDENTIFYING.has(reference.attribute) ? reference.resource.logicalId : `${reference.resource.logicalId}.${reference.attribute}`;
  const literal = scalar(value);
  if (literal.known) return String(literal.value);
  const [name, argument] = intrinsic(value.node);
  if (name === 'Ref') return String(argument);
  if (name === 'Fn::GetAtt') return (attributeOf(argument) ?? []).join('.');
  if (name === 'Fn::ImportValue' && typeof argument === 'string') return argument;
  return `what ${value.template.path} has as ${JSON.stringify(value.node)?.slice(0, 80) ?? 'a value'}`;
}
