import * as fc from 'fast-check';
import { TextError } from '../../lib/cli/content';
import { readJson } from '../../lib/cli/json';

/** What the language's own reader makes of it. */
function reference(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function ours(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: readJson(text).body };
  } catch (error) {
    if (error instanceof TextError) return undefined;
    throw error;
  }
}

test('reads what JSON.parse reads, to the same value', () => {
  fc.assert(fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(undefined, 1, '\t', '\r\n'), (text, space) => {
    const spaced = JSON.stringify(JSON.parse(text), undefined, space);
    expect(ours(spaced)).toEqual(reference(spaced));
  }), { numRuns: 500 });
});

test('refuses what JSON.parse refuses', () => {
  const piece = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '"\\u00e4"', '"\\x"', '\\', '0', '-', '1', '.5', 'e', 'E+1', 'true', 'false', 'null', 'nul', ' ', '\n', '\u00a0', '\u0001', '\ufeff', '"__proto__"');
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
    const text = pieces.join('');
    expect(ours(text)).toEqual(reference(text));
  }), { numRuns: 20_000 });
});

test('keeps the last of two equal keys, as JSON.parse does, and says so', () => {
  const { body, faults } = readJson('{"Resources": {"A": {"x": 1,\n"x": 2, "y": {"z": [{"q": 1,\n"q": 1}]}}}}');
  expect(body).toEqual({ Resources: { A: { x: 2, y: { z: [{ q: 1 }] } } } });
  expect(faults).toEqual([
    { logicalId: 'A', message: `the key 'x' stands twice in Resources.A, the second time on line 2; which of them counts is not known` },
    { logicalId: 'A', message: `the key 'q' stands twice in Resources.A.y.z.0, the second time on line 3; which of them counts is not known` },
  ]);
});

test('knows the lines of resources, and of nothing else', () => {
  const { lines } = readJson('{\n"Resources":\n{ "A": {},\n"B": {"C": {}}},\n"Outputs": {"D": {}}}');
  expect([...lines]).toEqual([['A', 3], ['B', 4]]);
});
