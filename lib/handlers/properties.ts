/** Reads what a template or a schedule says, of which nothing is certain, not even the type. */
export interface PropertyReader {
  /** a text that a pattern matches; throws otherwise. */
  readonly text: (properties: Readonly<Record<string, unknown>>, name: string, pattern: RegExp, wanted: string) => string;
  /** what to throw: what is wrong, what was wanted, and the beginning of what was got. */
  readonly bad: (name: string, wanted: string, got: unknown) => Error;
}

/** A reader whose errors are the handler's own. */
export function propertyReader(failure: (message: string) => Error): PropertyReader {
  const bad = (name: string, wanted: string, got: unknown): Error => failure(`'${name}' must be ${wanted}, got ${JSON.stringify(got)?.slice(0, 200)}`);
  return {
    bad,
    text: (properties, name, pattern, wanted) => {
      const value = properties[name];
      if (typeof value !== 'string' || !pattern.test(value)) throw bad(name, wanted, value);
      return value;
    },
  };
}

export function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
