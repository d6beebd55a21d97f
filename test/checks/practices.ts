import type { Json } from './support';
import { template, verdicts } from './support';

/** What a public deployment does, and the same with what the findings demand. */
export interface Practice {
  /** begins with the numbers of the deployments. */
  readonly name: string;
  readonly bad: Json;
  /** rule and resource, sorted. */
  readonly found: readonly string[];
  readonly twin: Json;
  readonly more?: Json;
}

const THIRTY = Array.from({ length: 30 }, (_, index) => index + 1);

/** Tests what some rules say of all thirty. */
export function testPractices(rules: readonly string[], practices: readonly Practice[]): void {
  const said = (resources: Json, more: Json = {}): string[] => {
    const all = verdicts(template(resources, more)).flatMap(({ ruleId, logicalId }) => rules.filter((name) => ruleId === `ClickHouse-${name}`).map((name) => `${name} on ${logicalId ?? ''}`));
    return [...new Set(all)].sort();
  };

  test.each(practices)('$name', ({ bad, twin, found, more }) => {
    expect(said(bad, more)).toEqual([...found]);
    expect(said(twin, more)).toEqual([]);
  });

  test('every one of the thirty is here', () => {
    const numbers = practices.flatMap(({ name }) => (/^[\d, and]+:/.exec(name)?.[0].match(/\d+/g) ?? []).map(Number));
    expect(numbers.sort((a, b) => a - b)).toEqual(THIRTY);
  });
}
