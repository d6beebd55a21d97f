import { CORPUS } from './index';
import type { Case } from './case';
import { differing } from './case';
import { judge } from './judge';

/** The verdict, the secondary levels and a line that explains it when the label is missed. */
function said(templates: Case['templates'], parameters?: Case['parameters']): { verdict: string; levels: string[]; because: string } {
  const { verdict, workloads } = judge(templates, parameters);
  const levels = [...new Set(workloads.flatMap(({ detours }) => detours.map(({ level }) => level)))].sort();
  return { verdict, levels, because: workloads.map(({ resource, reason, path }) => `${resource.logicalId}: ${reason} [${path.map(({ kind, logicalId }) => `${kind} ${logicalId}`).join(' > ')}]`).join(' | ') };
}

test('the corpus is what it says', () => {
  const cases = CORPUS.flatMap(({ cases: each }) => each);
  expect(cases.length).toBeGreaterThan(300);
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  for (const { name, verdict, twin } of cases) {
    if (verdict === 'exposed') expect([name, twin?.verdict]).toEqual([name, 'private']);
  }
});

describe.each(CORPUS.map(({ layer, cases }) => ({ layer, cases })))('$layer', ({ cases }) => {
  test.each(cases.map((each) => ({ ...each })))('$verdict: $name', ({ templates, parameters, verdict, levels }) => {
    const found = said(templates, parameters);
    expect({ ...found, levels: levels === undefined && verdict !== 'private' ? [] : found.levels }).toEqual({ verdict, levels: [...(levels ?? [])].sort(), because: found.because });
  });

  const twins = cases.flatMap(({ name, templates, twin, parameters }) => (twin === undefined ? [] : [{ name, templates, twin, parameters }]));
  if (twins.length > 0) {
    test.each(twins)('twin: $twin.verdict: $name, $twin.why', ({ templates, twin, parameters }) => {
      const found = said(differing(templates, twin), parameters);
      expect(found).toEqual({ ...found, verdict: twin.verdict });
    });
  }
});
