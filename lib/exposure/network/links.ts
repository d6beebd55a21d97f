import type { Located, Resource } from '../templates/model';
import { append, intrinsic } from '../templates/model';
import { identity, property, referenceOf, scalar, why } from '../templates/values';

/** A resource that belongs to another, as far as that is known. */
export interface Linked {
  readonly resource: Resource;
  /** why it may not belong there; none when it does. */
  readonly missing?: string;
}

/**
 * Resources by what one of their properties names: rules by their group, routes by their table.
 *
 * What names something that is only known at deployment may belong to anything, so it is among the links of everything, with the reason.
 */
export class Links {
  private readonly byKey = new Map<string, Linked[]>();
  private readonly anywhere: Linked[] = [];

  constructor(resources: readonly Resource[], ...names: readonly string[]) {
    for (const resource of resources) {
      for (const value of names.flatMap((name) => property(resource, name))) this.add(value, resource);
    }
  }

  add(value: Located, resource: Resource): void {
    const missing = value.doubt ?? resource.doubt;
    if (isNamed(value)) append(this.byKey, identity(value), { resource, missing });
    else {
      // where the very same expression names it, it is that.
      append(this.byKey, identity(value), { resource, missing });
      this.anywhere.push({ resource, missing: missing ?? `what ${resource.logicalId} belongs to: ${why(value)}` });
    }
  }

  /** What belongs to a key, and what may. */
  of(key: string): readonly Linked[] {
    const known = this.byKey.get(key) ?? [];
    if (this.anywhere.length === 0) return known;
    const certain = new Set(known.map(({ resource }) => resource));
    return [...known, ...this.anywhere.filter(({ resource }) => !certain.has(resource))];
  }
}

/** Whether two identities may be of the same thing: one that is not known, or that only deployment tells, may be any. */
export function mayBeSame(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other || one.includes('!') || other.includes('!');
}

/** Whether a value says what it names: a resource of ours, a literal, or an export of somebody else's. */
export function isNamed(value: Located): boolean {
  if (referenceOf(value) !== undefined || scalar(value).known) return true;
  return intrinsic(value.node)[0] === 'Fn::ImportValue';
}
