import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outdated, readCheckov } from './checkov';
import type { Row } from './rows';
import { rows } from './rows';
import { count, exposedPairs, labelled, THIS_TOOL, toldApart, TOOLS } from './summary';
import { page } from './table';

const checkov = readCheckov();
let all: Row[];

beforeAll(() => {
  all = rows(checkov);
}, 120_000);

test('checkov has seen every case as it is', () => {
  const cases = outdated(checkov);
  if (cases.length > 0) throw new Error(`pip install checkov==${checkov.version}, run npm run corpus-checkov -- checkov and npm run corpus-table; changed: ${cases.join(', ')}`);
});

test('this tool tells every exposed case from its twin', () => {
  const pairs = exposedPairs(all);
  expect(pairs.length).toBeGreaterThan(150);
  expect(toldApart(pairs, THIS_TOOL)).toBe(pairs.length);
  for (const label of ['private', 'unknown', 'none'] as const) expect(count(labelled(all, label), THIS_TOOL).flagged).toBe(0);
});

test('the others can see what they are shown', () => {
  for (const tool of TOOLS) expect(toldApart(exposedPairs(all), tool)).toBeGreaterThan(0);
});

test('docs/corpus.md is what the tools say', () => {
  const committed = readFileSync(join(__dirname, '..', '..', 'docs', 'corpus.md'), 'utf8');
  if (committed !== page(all, checkov.version)) throw new Error('docs/corpus.md is not what the tools say of the corpus: run npm run corpus-table and look at what changed');
});
