/** A template, as far as it is compared. */
export interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: unknown; readonly DependsOn?: string | readonly string[] }>>;
}

/** How much more one template may have than the other where names, descriptions and what else a construct draws in differ. */
const TOLERANCE = 0.05;

/**
 * Throws unless two templates hold the same infrastructure: the same resource types as often, with as many values in their properties,
 * of about the same length, waiting for about as many others. Comparing the time they take would mean nothing otherwise.
 */
export function assertSame(ours: Template, plain: Template): void {
  const left = summary(ours);
  const right = summary(plain);
  const differences = [...new Set([...left.keys(), ...right.keys()])].sort().flatMap((type) => {
    const a = left.get(type) ?? { resources: 0, values: 0 };
    const b = right.get(type) ?? { resources: 0, values: 0 };
    if (a.resources !== b.resources) return [`${type}: ${a.resources} resources in the example, ${b.resources} in the plain app`];
    if (a.values !== b.values) return [`${type}: ${a.values} property values in the example, ${b.values} in the plain app`];
    return [];
  });
  const about = (what: string, measure: (template: Template) => number): string[] => {
    const [a, b] = [measure(ours), measure(plain)];
    return Math.abs(a / b - 1) > TOLERANCE ? [`${what}: ${a} in the example, ${b} in the plain app; wanted within ${TOLERANCE * 100} %`] : [];
  };
  differences.push(...about('characters of properties', propertiesLength), ...about('dependencies', dependencies));
  if (differences.length > 0) throw new Error(`the two apps are not comparable; change scripts/bench/plain-app.ts to follow the example:\n  ${differences.join('\n  ')}`);
}

interface Amount {
  readonly resources: number;
  readonly values: number;
}

function summary({ Resources }: Template): ReadonlyMap<string, Amount> {
  const found = new Map<string, Amount>();
  for (const { Type, Properties } of Object.values(Resources)) {
    const { resources, values } = found.get(Type) ?? { resources: 0, values: 0 };
    found.set(Type, { resources: resources + 1, values: values + leaves(Properties) });
  }
  return found;
}

function leaves(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, each) => sum + leaves(each), 0);
}

/** Without the length of logical ids, which grows with the depth of the construct tree. */
function propertiesLength({ Resources }: Template): number {
  const ids = new Set(Object.keys(Resources));
  const withoutIds = (_: string, value: unknown): unknown => (typeof value === 'string' && ids.has(value) ? '' : value);
  return Object.values(Resources).reduce((sum, { Properties }) => sum + (JSON.stringify(Properties, withoutIds) ?? '').length, 0);
}

function dependencies({ Resources }: Template): number {
  return Object.values(Resources).flatMap(({ DependsOn = [] }) => DependsOn).length;
}
