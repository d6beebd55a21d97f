import * as fc from 'fast-check';
import { readYaml } from '../../lib/cli/yaml';

const body = (text: string): unknown => readYaml(text).body;

test.each<[string, unknown]>([
  ['!Ref A', { Ref: 'A' }],
  ['!Ref 123', { Ref: '123' }],
  ['!Condition A', { Condition: 'A' }],
  ['!GetAtt A.B', { 'Fn::GetAtt': ['A', 'B'] }],
  ['!GetAtt Nested.Outputs.Group', { 'Fn::GetAtt': ['Nested', 'Outputs.Group'] }],
  ['!GetAtt [A, B]', { 'Fn::GetAtt': ['A', 'B'] }],
  ['!GetAtt A', { 'Fn::GetAtt': 'A' }],
  ['!Sub "${A}/32"', { 'Fn::Sub': '${A}/32' }],
  ['!Sub ["${a}", {a: !Ref B}]', { 'Fn::Sub': ['${a}', { a: { Ref: 'B' } }] }],
  ['!If [C, !Ref "AWS::NoValue", !Join ["", [a, !Ref B]]]', { 'Fn::If': ['C', { Ref: 'AWS::NoValue' }, { 'Fn::Join': ['', ['a', { Ref: 'B' }]] }] }],
  ['!Select [0, !GetAZs ""]', { 'Fn::Select': [0, { 'Fn::GetAZs': '' }] }],
  ['!Cidr [!GetAtt V.CidrBlock, 4, 8]', { 'Fn::Cidr': [{ 'Fn::GetAtt': ['V', 'CidrBlock'] }, 4, 8] }],
  ['!FindInMap [M, !Ref "AWS::Region", x]', { 'Fn::FindInMap': ['M', { Ref: 'AWS::Region' }, 'x'] }],
  ['!ImportValue\n Fn::Sub: ${A}-x', { 'Fn::ImportValue': { 'Fn::Sub': '${A}-x' } }],
  ['!Split [",", !Ref A]', { 'Fn::Split': [',', { Ref: 'A' }] }],
  ['!Base64 |\n  a\n  b\n', { 'Fn::Base64': 'a\nb\n' }],
  ['!Transform {Name: AWS::Include, Parameters: {Location: s}}', { 'Fn::Transform': { Name: 'AWS::Include', Parameters: { Location: 's' } } }],
  ['!Not [!Equals [!Ref A, ""]]', { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'A' }, ''] }] }],
  ['!And [!Or [a], !Not [b]]', { 'Fn::And': [{ 'Fn::Or': ['a'] }, { 'Fn::Not': ['b'] }] }],
])('%s', (text, value) => {
  expect(readYaml(`v: ${text}`)).toEqual({ body: { v: value }, faults: [], lines: new Map() });
});

// https://yaml.org/type/bool.html and its neighbours, as far as CloudFormation goes along.
test.each<[string, unknown]>([
  ['true', true],
  ['Yes', true],
  ['on', true],
  ['False', false],
  ['no', false],
  ['OFF', false],
  ['y', 'y'],
  ['"yes"', 'yes'],
  ["'8123'", '8123'],
  ['8123', 8123],
  ['-1', -1],
  ['0', 0],
  ['1_000', 1000],
  ['010', 8],
  ['0x1F', 31],
  ['-0x10', -16],
  ['0b101', 5],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['1.5e3', 1500],
  ['012345678901', '012345678901'],
  ['123456789012', 123456789012],
  ['2010-09-09', '2010-09-09'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['1.2.3.4', '1.2.3.4'],
  ['22:22', '22:22'],
  ['::/0', '::/0'],
  ['~', null],
  ['null', null],
  ['', null],
  ['!!str 8123', '8123'],
  ['!!int "8123"', 8123],
  ['! 8123', '8123'],
  ['a # comment', 'a'],
  ['>-\n  a\n  b\n', 'a b'],
])('the scalar %j', (text, value) => {
  expect(body(`v: ${text}`)).toEqual({ v: value });
});

test('keys keep the text they are written with', () => {
  expect(body('{on: 1, 123: 2, "a b": 3, 0x10: 4, ~: 5, __proto__: 6}')).toEqual(JSON.parse('{"on": 1, "123": 2, "a b": 3, "0x10": 4, "~": 5, "__proto__": 6}'));
});

test('aliases and merges are followed', () => {
  expect(body('a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {y: 4, <<: [{z: 5}, *a]}\ne: &a again\nf: *a\n')).toEqual({
    a: { x: 1, y: 2 },
    b: { x: 1, y: 2 },
    c: { x: 1, y: 3 },
    d: { y: 4, z: 5, x: 1 },
    e: 'again',
    f: 'again',
  });
  expect(body('a: {"<<": 1}')).toEqual({ a: { '<<': 1 } });
});

test('JSON is YAML', () => {
  const key = fc.string();
  const value = fc.letrec((tie) => ({ any: fc.oneof({ maxDepth: 4 }, fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 4 }), fc.dictionary(key, tie('any'), { maxKeys: 4 })) })).any;
  fc.assert(fc.property(fc.array(value, { maxLength: 3 }), (list) => {
    const text = JSON.stringify(list, undefined, 1);
    expect(body(text)).toEqual(JSON.parse(text));
  }), { numRuns: 300 });
});

test('says what stands twice, and where resources are', () => {
  const { body: read, faults, lines } = readYaml('Resources:\n  A:\n    Type: x\n    Type: y\n  # comment\n  B: {}\n  B: {}\nOutputs:\n  C: {}\n');
  expect(read).toEqual({ Resources: { A: { Type: 'y' }, B: {} }, Outputs: { C: {} } });
  expect(faults.map((each) => [each.logicalId, each.message.replace(/;.*/, '')])).toEqual([
    ['A', `the key 'Type' stands twice in Resources.A, the second time on line 4`],
    ['B', `the key 'B' stands twice in Resources, the second time on line 7`],
  ]);
  expect([...lines]).toEqual([['A', 2], ['B', 7]]);
});

test('never throws anything but its own error', () => {
  const piece = fc.constantFrom('a', ':', ': ', '- ', '\n', '\n  ', '[', ']', '{', '}', ',', '&a ', '*a', '!Ref ', '!x ', '!!map ', '|', '>', '"', "'", '#', ' #', '%', '---\n', '...\n', '? ', '<<', '\t', '~', '\u0000', '\ufeff', '@', '`');
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
    try {
      readYaml(pieces.join(''));
    } catch (error) {
      expect(error).toMatchObject({ name: 'TextError', line: expect.any(Number) as number, column: expect.any(Number) as number });
    }
  }), { numRuns: 5000 });
});
