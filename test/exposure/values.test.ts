// what values and conditions of templates come to, and why they are not known when they are not.
import * as fc from 'fast-check';
import { formatCidr, parseCidr, subnetsOf } from '../../lib/config/addresses';
import { conditionNamed, mayBeLeftOut } from '../../lib/exposure/templates/resolve';
import type { Template, TemplateSource } from '../../lib/exposure/templates/templates';
import { TemplateSet } from '../../lib/exposure/templates/templates';
import { items, possible, property, scalar, single } from '../../lib/exposure/templates/values';

type Json = Readonly<Record<string, unknown>>;
type Given = Readonly<Record<string, string>>;

const FILE = 'main.json';

function stack(body: Json, path = FILE, more: Partial<TemplateSource> = {}): TemplateSource {
  return { path, body: { Resources: {}, ...body }, ...more };
}

/** The template of a path among several that are deployed together. */
function deployed(sources: readonly TemplateSource[], parameters: Given = {}, path = FILE): Template {
  const found = new TemplateSet(sources, { parameters: new Map(Object.entries(parameters)) }).templates.find((each) => each.path === path);
  if (found === undefined) throw new Error(`there is no ${path}`);
  return found;
}

const alone = (body: Json, parameters: Given = {}): Template => deployed([stack(body)], parameters);

/** All that a value may be: the value or why it is not known, and why it may be another one. */
function said(node: unknown, template: Template): string[] {
  return possible({ node, template }).map((each) => {
    const found = scalar(each);
    const value = Array.isArray(each.node) ? JSON.stringify(each.node) : found.known ? String(found.value) : `? ${found.reason}`;
    return each.doubt === undefined ? value : `${value} (${each.doubt})`;
  });
}

const STAGE: Json = { Stage: { Type: 'String' } };
const WHY_STAGE = 'parameter Stage has no default';

describe('conditions', () => {
  // `Known` is 'a' by default; of `Unknown` nobody knows anything.
  const Parameters = { Known: { Type: 'String', Default: 'a' }, Unknown: { Type: 'String' } };
  const named = { Yes: { 'Fn::Equals': ['a', { Ref: 'Known' }] }, No: { 'Fn::Equals': ['b', { Ref: 'Known' }] }, Maybe: { 'Fn::Equals': ['a', { Ref: 'Unknown' }] } };
  const [yes, no, maybe] = ['Yes', 'No', 'Maybe'].map((Condition) => ({ Condition }));
  const why = 'condition Maybe cannot be decided: parameter Unknown has no default';

  const decided = (condition: unknown, more: Json = {}, parameters: Given = {}): unknown => {
    const decision = conditionNamed(alone({ Parameters, Conditions: { ...named, ...more, Asked: condition } }, parameters), 'Asked');
    return typeof decision === 'boolean' ? decision : decision.reason.replace('condition Asked cannot be decided: ', '');
  };

  test.each<[unknown, unknown]>([
    [yes, true],
    [no, false],
    [maybe, why],
    [{ 'Fn::Not': [yes] }, false],
    [{ 'Fn::Not': [no] }, true],
    [{ 'Fn::Not': [maybe] }, why],
    [{ 'Fn::And': [yes, yes] }, true],
    [{ 'Fn::And': [yes, maybe] }, why],
    [{ 'Fn::And': [maybe, no] }, false],
    [{ 'Fn::Or': [no, no] }, false],
    [{ 'Fn::Or': [no, maybe] }, why],
    [{ 'Fn::Or': [maybe, yes] }, true],
    [{ 'Fn::Equals': [1, '1'] }, true],
    [{ 'Fn::Equals': [true, 'true'] }, true],
    [{ 'Fn::Equals': ['a', 'A'] }, false],
    [{ 'Fn::Equals': [{ 'Fn::Join': ['-', [{ Ref: 'Known' }, 'b']] }, 'a-b'] }, true],
    [{ 'Fn::Equals': [{ 'Fn::If': ['No', 'x', 'y'] }, 'y'] }, true],
    [{ 'Fn::Equals': [{ 'Fn::If': ['Maybe', 'x', 'y'] }, 'y'] }, why],
    [{ 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'eu-central-1'] }, 'AWS::Region is only known at deployment'],
    [{ Condition: 'Missing' }, 'condition Missing is not in the template'],
    [{ 'Fn::Equals': ['a'] }, 'it compares nothing'],
    [{ 'Fn::Not': [] }, 'it negates nothing'],
    [{ 'Fn::Contains': [['a'], 'a'] }, 'Fn::Contains is not evaluated'],
    ['yes', 'it is no condition'],
    [{}, 'it is no condition'],
  ])('%j: %s', (condition, expected) => {
    expect(decided(condition)).toBe(expected);
  });

  test('a value that is given decides before the default, and where there is none', () => {
    expect(decided(yes, {}, { Known: 'b' })).toBe(false);
    expect(decided(maybe, {}, { Unknown: 'a' })).toBe(true);
    expect(decided(maybe, {}, { Unknown: 'b' })).toBe(false);
  });

  test('circles are not decided, and say so', () => {
    expect(decided({ Condition: 'Asked' })).toBe('condition Asked refers to itself');
    expect(decided({ Condition: 'A' }, { A: { 'Fn::Not': [{ Condition: 'B' }] }, B: { Condition: 'A' } })).toContain('condition A refers to itself');
    // what settles it settles it.
    expect(decided({ 'Fn::Or': [{ Condition: 'Asked' }, yes] })).toBe(true);
  });

  test('a long chain ends with a reason', () => {
    const chain = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`C${index}`, { Condition: `C${index + 1}` }]));
    expect(decided({ Condition: 'C0' }, { ...chain, C5000: { 'Fn::Equals': ['a', 'a'] } })).toContain('it refers too far');
  });

  // the oracle: all values that the parameters may have, and plain truth values for each of them.
  type Tree = { readonly leaf: number } | { readonly not: Tree } | { readonly all: readonly Tree[] } | { readonly some: readonly Tree[] };
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.nat({ max: 5 }).map((leaf) => ({ leaf })),
      tie('tree').map((not) => ({ not })),
      fc.array(tie('tree'), { minLength: 2, maxLength: 3 }).map((all) => ({ all })),
      fc.array(tie('tree'), { minLength: 2, maxLength: 3 }).map((some) => ({ some })),
    ),
  }));
  const holds = (at: Tree, leaves: readonly boolean[]): boolean => ('leaf' in at ? leaves[at.leaf] === true : 'not' in at ? !holds(at.not, leaves) : 'all' in at ? at.all.every((each) => holds(each, leaves)) : at.some.some((each) => holds(each, leaves)));
  const written = (at: Tree): Json => ('leaf' in at ? { Condition: `Leaf${at.leaf}` } : 'not' in at ? { 'Fn::Not': [written(at.not)] } : 'all' in at ? { 'Fn::And': at.all.map(written) } : { 'Fn::Or': at.some.map(written) });
  const leavesOf = (at: Tree): number[] => ('leaf' in at ? [at.leaf] : 'not' in at ? leavesOf(at.not) : ('all' in at ? at.all : at.some).flatMap(leavesOf));

  test('are decided only as all values of the parameters decide them, and always where no parameter stands twice', () => {
    const state = fc.constantFrom(true, false, undefined);
    fc.assert(
      fc.property(tree, fc.tuple(state, state, state, state, state, state), (root, states) => {
        const declared = Object.fromEntries(states.map((each, leaf) => [`P${leaf}`, { Type: 'String', ...(each === undefined ? {} : { Default: String(each) }) }]));
        const leaves = Object.fromEntries(states.map((_, leaf) => [`Leaf${leaf}`, { 'Fn::Equals': [{ Ref: `P${leaf}` }, 'true'] }]));
        const decision = conditionNamed(alone({ Parameters: declared, Conditions: { ...leaves, Root: written(root) } }), 'Root');
        const outcomes = new Set(Array.from({ length: 64 }, (_, choice) => holds(root, states.map((each, leaf) => each ?? (choice >> leaf) % 2 === 1))));
        if (typeof decision === 'boolean') expect([...outcomes]).toEqual([decision]);
        else expect(decision.reason).toMatch(/^condition Root cannot be decided: condition Leaf\d cannot be decided: parameter P\d has no default$/);
        const open = leavesOf(root).filter((leaf) => states[leaf] === undefined);
        if (new Set(open).size === open.length) expect(typeof decision === 'boolean').toBe(outcomes.size === 1);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('choices', () => {
  const body = { Parameters: { ...STAGE, Fixed: { Type: 'String', Default: 'dev' } }, Conditions: { Dev: { 'Fn::Equals': [{ Ref: 'Fixed' }, 'dev'] }, Open: { 'Fn::Equals': [{ Ref: 'Stage' }, 'dev'] } } };
  const why = `condition Open cannot be decided: ${WHY_STAGE}`;
  const choice = (condition: string, ...branches: readonly unknown[]): Json => ({ 'Fn::If': [condition, ...branches] });
  const nothing = { Ref: 'AWS::NoValue' };

  test.each<[unknown, string[]]>([
    [choice('Dev', 'x', 'y'), ['x']],
    [choice('Open', 'x', 'y'), [`x (${why})`, `y (${why})`]],
    [choice('Open', 'x', nothing), [`x (${why})`]],
    [choice('Dev', nothing, 'y'), []],
    [choice('Dev', choice('Open', 'x', 'y'), 'z'), [`x (${why})`, `y (${why})`]],
    [choice('Open', choice('Dev', 'x', 'y'), { Ref: 'Fixed' }), [`x (${why})`, `dev (${why})`]],
    [choice('Missing', 'x', 'y'), ['x (condition Missing is not in the template)', 'y (condition Missing is not in the template)']],
    [choice('Open', ['x', 'y'], { Ref: 'Stage' }), [`["x","y"] (${why})`, `? ${WHY_STAGE} (${why})`]],
    [nothing, []],
  ])('%j', (node, expected) => {
    expect(said(node, alone(body))).toEqual(expected);
  });

  test('a value in words says why it is not the one', () => {
    const template = alone(body);
    expect(single({ node: choice('Open', 'x', 'y'), template })).toEqual({ known: false, reason: why });
    expect(single({ node: choice('Open', 'x', nothing), template })).toEqual({ known: false, reason: why });
    expect(single({ node: nothing, template })).toEqual({ known: false, reason: 'it is not written' });
    expect(single({ node: { 'Fn::Sub': 'a-${X}' }, template })).toEqual({ known: false, reason: 'X is only known at deployment' });
    expect(single({ node: { 'Fn::Join': ['-', ['a', choice('Open', 'x', 'y')]] }, template })).toEqual({ known: false, reason: why });
  });

  test('the doubt of a list is the doubt of its elements', () => {
    const template = alone(body);
    expect(items({ node: choice('Open', ['x', choice('Dev', 'y', 'z')], nothing), template }).map(({ node, doubt }) => [node, doubt])).toEqual([['x', why], ['y', why]]);
    expect(said({ 'Fn::Select': [1, choice('Dev', ['x', 'y'], [])] }, template)).toEqual(['y']);
    expect(said({ 'Fn::Select': [0, choice('Open', ['x'], nothing)] }, template)).toEqual([`x (${why})`]);
  });

  test('what may be left out is told', () => {
    const template = alone(body);
    const left = [nothing, undefined, null, choice('Open', 'x', nothing), choice('Dev', nothing, 'x'), choice('Dev', choice('Open', nothing, 'x'), 'y')];
    const there = ['x', 0, false, choice('Dev', 'x', nothing), choice('Open', 'x', 'y'), { Ref: 'Stage' }];
    expect(left.map((node) => mayBeLeftOut({ node, template }))).toEqual(left.map(() => true));
    expect(there.map((node) => mayBeLeftOut({ node, template }))).toEqual(there.map(() => false));
  });
});

describe('parameters', () => {
  const ref = { Ref: 'P' };
  const of = (declared: Json, given?: string): string[] => said(ref, alone({ Parameters: { P: declared } }, given === undefined ? {} : { P: given }));

  test.each<[string, Json, string | undefined, string[]]>([
    ['has its default', { Type: 'String', Default: 'x' }, undefined, ['x']],
    ['has the value that is given before the default', { Type: 'String', Default: 'x' }, 'y', ['y']],
    ['may be given what is empty', { Type: 'String', Default: 'x' }, '', ['']],
    ['is unknown without either', { Type: 'String' }, undefined, ['? parameter P has no default']],
    ['is known without a default where it is given', { Type: 'String' }, 'y', ['y']],
    ['keeps numbers', { Type: 'Number', Default: 8123 }, undefined, ['8123']],
    ['may be any of the values that are allowed', { Type: 'String', AllowedValues: ['x', 'y'] }, undefined, ['x (parameter P has no default)', 'y (parameter P has no default)']],
    ['has its default also where others are allowed', { Type: 'String', Default: 'x', AllowedValues: ['x', 'y'] }, undefined, ['x']],
    ['is a list by its type', { Type: 'CommaDelimitedList', Default: 'x, y' }, undefined, ['["x","y"]']],
    ['is a list of what AWS knows', { Type: 'List<AWS::EC2::Subnet::Id>', Default: 'subnet-1,subnet-2' }, undefined, ['["subnet-1","subnet-2"]']],
    ['is a list also where it is given', { Type: 'CommaDelimitedList', Default: 'x' }, 'y,z', ['["y","z"]']],
    ['is an unknown list whatever elements are allowed', { Type: 'CommaDelimitedList', AllowedValues: ['x', 'y'] }, undefined, ['? parameter P has no default']],
    ['of the Systems Manager has a default that is a name', { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/x' }, undefined, ['? parameter P is kept by the Systems Manager']],
    ['of the Systems Manager can be given', { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/x' }, 'y', ['y']],
    ['that only names one of the Systems Manager has it as its value', { Type: 'AWS::SSM::Parameter::Name', Default: '/x' }, undefined, ['? parameter P is kept by the Systems Manager']],
  ])('%s', (_, declared, given, expected) => {
    expect(of(declared, given)).toEqual(expected);
  });

  test('that are not declared as objects are unknown', () => {
    for (const declared of [null, 'x', [], 1]) expect(of(declared as unknown as Json)[0]).toMatch(/^\? /);
  });

  test('of the command line are those of stacks, not of what is nested in them', () => {
    const sources = [
      stack({ Parameters: { P: { Type: 'String', Default: 'outer' } }, Resources: { Inner: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'x' } } } }),
      stack({ Parameters: { P: { Type: 'String', Default: 'inner' } } }, 'inner.json', { parent: { path: FILE, logicalId: 'Inner' } }),
    ];
    expect(said(ref, deployed(sources, { P: 'given' }))).toEqual(['given']);
    expect(said(ref, deployed(sources, { P: 'given' }, 'inner.json'))).toEqual(['inner']);
  });
});

describe('parameters of nested stacks', () => {
  const outer = { Parameters: STAGE, Conditions: { Open: { 'Fn::Equals': [{ Ref: 'Stage' }, 'dev'] } } };
  const why = `condition Open cannot be decided: ${WHY_STAGE}`;
  /** What a parameter is that a parent may give. */
  const inside = (given: unknown, declared: Json): string[] => {
    const sources = [
      stack({ ...outer, Resources: { Inner: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'x', ...(given === undefined ? {} : { Parameters: given }) } } } }),
      stack({ Parameters: { P: declared } }, 'inner.json', { parent: { path: FILE, logicalId: 'Inner' } }),
    ];
    return said({ Ref: 'P' }, deployed(sources, {}, 'inner.json'));
  };
  const text = { Type: 'String', Default: 'default' };
  const either = (yes: unknown, no: unknown): Json => ({ 'Fn::If': ['Open', yes, no] });
  const nothing = { Ref: 'AWS::NoValue' };

  test.each<[string, unknown, Json, string[]]>([
    ['are what the parent gives', { P: 'x' }, text, ['x']],
    ['are the default where it gives nothing', undefined, text, ['default']],
    ['are the default where it gives others', { Q: 'x' }, text, ['default']],
    ['are unknown where there is no default either', { Q: 'x' }, { Type: 'String' }, ['? parameter P has no default']],
    ['are unknown for the reason that the parent has', { P: { Ref: 'Stage' } }, text, [`? ${WHY_STAGE}`]],
    ['are each of what the parent may give', { P: either('x', 'y') }, text, [`x (${why})`, `y (${why})`]],
    ['are the default where the parent leaves them out', { P: nothing }, text, ['default']],
    ['may be the default where the parent may leave them out', { P: either('x', nothing) }, text, [`x (${why})`, 'default (whether parameter P is given)']],
    ['are unknown where the parent may leave them out and there is no default', { P: either('x', nothing) }, { Type: 'String' }, ['? parameter P has no default']],
    ['are each of what the parent gives by a choice of all of them', either({ P: 'x' }, { Q: 'y' }), text, [`x (${why})`, `default (${why})`]],
    ['are unknown where nobody knows what all of them are', { 'Fn::GetAtt': ['Lookup', 'Parameters'] }, text, ['? parameter P has no default']],
    ['are names where the Systems Manager keeps them', { P: '/x' }, { Type: 'AWS::SSM::Parameter::Value<String>' }, ['? parameter P is kept by the Systems Manager']],
  ])('%s', (_, given, declared, expected) => {
    expect(inside(given, declared)).toEqual(expected);
  });

  test('are lists by their type, which come as texts', () => {
    const list = { Type: 'CommaDelimitedList' };
    const elements = (given: unknown): unknown[] => {
      const sources = [
        stack({ ...outer, Resources: { Inner: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'x', Parameters: { P: given } } } } }),
        stack({ Parameters: { P: list } }, 'inner.json', { parent: { path: FILE, logicalId: 'Inner' } }),
      ];
      const template = deployed(sources, {}, 'inner.json');
      return items({ node: { Ref: 'P' }, template }).map(({ node }) => node);
    };
    expect(elements('x, y')).toEqual(['x', 'y']);
    expect(elements({ 'Fn::Join': [',', ['x', { Ref: 'Stage' }]] })).toEqual(['x', { Ref: 'Stage' }]);
    expect(elements({ 'Fn::Sub': 'x,${Stage}' })).toHaveLength(1);
  });
});

describe('mappings', () => {
  const body = {
    Parameters: { ...STAGE, Known: { Type: 'String', Default: 'dev' } },
    Mappings: { Ranges: { dev: { open: '0.0.0.0/0', closed: '10.0.0.0/8' }, prod: { open: '52.0.0.0/8' } }, Lists: { dev: { all: ['x', 'y'] } } },
  };
  const find = (...argument: readonly unknown[]): Json => ({ 'Fn::FindInMap': argument });
  const otherwise = { DefaultValue: 'other' };
  const region = 'AWS::Region is only known at deployment';

  test.each<[unknown, string[]]>([
    [find('Ranges', 'dev', 'open'), ['0.0.0.0/0']],
    [find('Ranges', { Ref: 'Known' }, 'closed'), ['10.0.0.0/8']],
    [find('Lists', 'dev', 'all'), ['["x","y"]']],
    [{ 'Fn::Select': [1, find('Lists', 'dev', 'all')] }, ['y']],
    [find('Ranges', { Ref: 'AWS::Region' }, 'open'), [`0.0.0.0/0 (${region})`, `52.0.0.0/8 (${region})`]],
    [find('Ranges', 'dev', { Ref: 'Stage' }), [`0.0.0.0/0 (${WHY_STAGE})`, `10.0.0.0/8 (${WHY_STAGE})`]],
    [find('Ranges', { Ref: 'AWS::Region' }, { Ref: 'Stage' }), [`0.0.0.0/0 (${region})`, `10.0.0.0/8 (${region})`, `52.0.0.0/8 (${region})`]],
    [find('Ranges', 'test', 'open'), ['? Fn::FindInMap is not evaluated']],
    [find('Ranges', 'prod', 'closed'), ['? Fn::FindInMap is not evaluated']],
    [find('Missing', 'dev', 'open'), ['? Fn::FindInMap is not evaluated']],
    [find({ Ref: 'Stage' }, 'dev', 'open'), ['? Fn::FindInMap is not evaluated']],
    [find('Ranges', '__proto__', 'open'), ['? Fn::FindInMap is not evaluated']],
    [find('Ranges', 'dev', 'open', otherwise), ['0.0.0.0/0']],
    [find('Ranges', 'test', 'open', otherwise), ['other']],
    [find('Ranges', 'prod', 'closed', otherwise), ['other']],
    [find('Missing', 'dev', 'open', { DefaultValue: { Ref: 'Known' } }), ['dev']],
    // the mapping may not have the key, which only deployment tells: then it is the default.
    [find('Ranges', { Ref: 'AWS::Region' }, 'closed', otherwise), [`10.0.0.0/8 (${region})`, `other (${region})`]],
    [find('Ranges', { Ref: 'AWS::Region' }, 'none', otherwise), [`other (${region})`]],
    [find({ Ref: 'Stage' }, 'dev', 'open', otherwise), ['? Fn::FindInMap is not evaluated']],
  ])('%j', (node, expected) => {
    expect(said(node, alone(body))).toEqual(expected);
  });

  test('of a region that is known', () => {
    const template = deployed([stack({ Mappings: { M: { 'eu-central-1': { x: 'here' }, 'us-east-1': { x: 'there' } } } }, FILE, { environment: { region: 'eu-central-1' } })]);
    expect(said(find('M', { Ref: 'AWS::Region' }, 'x'), template)).toEqual(['here']);
  });
});

describe('Fn::Cidr', () => {
  test('gives the blocks that counting addresses gives', () => {
    const octet = fc.nat({ max: 255 });
    const block = fc.oneof(
      fc.tuple(fc.tuple(octet, octet, octet, octet), fc.nat({ max: 32 })).map(([octets, prefix]) => `${octets.join('.')}/${prefix}`),
      fc.tuple(fc.ipV6(), fc.nat({ max: 128 })).map(([address, prefix]) => `${address}/${prefix}`),
    );
    fc.assert(
      fc.property(block, fc.integer({ min: -1, max: 260 }), fc.integer({ min: -1, max: 40 }), (text, count, bits) => {
        const { family, first, prefix } = parseCidr(text);
        const width = family === 4 ? 32 : 128;
        const [size, whole] = [1n << BigInt(Math.max(bits, 0)), 1n << BigInt(width - prefix)];
        const fits = count >= 1 && count <= 256 && bits >= 0 && bits <= width && BigInt(count) * size <= whole;
        const found = subnetsOf(text, count, bits);
        if (!fits) return expect(found).toBeUndefined();
        expect(found).toHaveLength(count);
        // one after the other, each as long as it should be.
        const wrong = found?.filter((each, index) => {
          const is = parseCidr(each);
          return is.family !== family || is.prefix !== width - bits || is.first !== first + BigInt(index) * size;
        });
        expect(wrong).toEqual([]);
        expect(formatCidr(parseCidr(found?.[0] ?? ''))).toBe(found?.[0]);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    // the examples of https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-cidr.html
    ['192.168.0.0/24', 6, 5, ['192.168.0.0/27', '192.168.0.32/27', '192.168.0.64/27', '192.168.0.96/27', '192.168.0.128/27', '192.168.0.160/27']],
    ['10.0.0.0/16', 2, 8, ['10.0.0.0/24', '10.0.1.0/24']],
    ['2001:db8:1:5600::/56', 2, 64, ['2001:db8:1:5600:0:0:0:0/64', '2001:db8:1:5601:0:0:0:0/64']],
    ['10.0.0.0/30', 4, 0, ['10.0.0.0/32', '10.0.0.1/32', '10.0.0.2/32', '10.0.0.3/32']],
    ['10.0.0.0/24', 1, 8, ['10.0.0.0/24']],
    ['10.0.0.0/24', 2, 8, undefined],
    ['10.0.0.0/24', 1.5, 5, undefined],
    ['10.0.0.0', 1, 5, undefined],
    ['10.0.0.0/24', NaN, 5, undefined],
  ])('of %s, %d with %d bits', (text, count, bits, expected) => {
    expect(subnetsOf(text, count, bits)).toEqual(expected);
  });

  test('is as known as what it is made of', () => {
    const template = alone({ Parameters: { ...STAGE, Bits: { Type: 'Number', Default: 8 } }, Resources: { Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.7.0.0/16' } }, Other: { Type: 'AWS::EC2::VPC', Properties: {} } } });
    const third = (...argument: readonly unknown[]): string[] => said({ 'Fn::Select': [2, { 'Fn::Cidr': argument }] }, template);
    expect(third('10.0.0.0/16', 4, '8')).toEqual(['10.0.2.0/24']);
    expect(third('10.0.0.0/16', '4', { Ref: 'Bits' })).toEqual(['10.0.2.0/24']);
    expect(third({ 'Fn::GetAtt': ['Vpc', 'CidrBlock'] }, 4, 8)).toEqual(['10.7.2.0/24']);
    const unknown = ['? Fn::Select is not evaluated'];
    expect(third({ Ref: 'Stage' }, 4, 8)).toEqual(unknown);
    expect(third('10.0.0.0/16', { Ref: 'Stage' }, 8)).toEqual(unknown);
    // not as if it were none, which gave /32.
    expect(third('10.0.0.0/7', 4, { Ref: 'Stage' })).toEqual(unknown);
    expect(third('10.0.0.0/7', 4)).toEqual(unknown);
    expect(third({ 'Fn::GetAtt': ['Other', 'CidrBlock'] }, 4, 8)).toEqual(unknown);
    expect(third('10.0.0.0/16', 2, 8)).toEqual(unknown);
  });
});

describe('texts', () => {
  const template = alone({ Parameters: { ...STAGE, Known: { Type: 'String', Default: 'k' }, Many: { Type: 'CommaDelimitedList', Default: 'x,y' } }, Resources: { Db: { Type: 'AWS::EC2::Instance' } } });

  test.each<[unknown, string[]]>([
    [{ 'Fn::Sub': '${Known}-${AWS::Region}' }, ['? AWS::Region is only known at deployment']],
    [{ 'Fn::Sub': '${Db}' }, ['? it comes from resource Db at deployment']],
    [{ 'Fn::Sub': '${Db.PrivateIp}' }, ['? Db.PrivateIp is only known at deployment']],
    [{ 'Fn::Sub': '${Stage}' }, [`? ${WHY_STAGE}`]],
    [{ 'Fn::Join': [',', { Ref: 'Many' }] }, ['x,y']],
    [{ 'Fn::Join': ['', ['a', { Ref: 'AWS::NoValue' }]] }, ['a']],
    [{ 'Fn::Join': ['', { Ref: 'Stage' }] }, ['? Fn::Join is not evaluated']],
    [{ 'Fn::Select': [5, ['a', 'b']] }, ['? Fn::Select is not evaluated']],
    [{ 'Fn::Select': [{ Ref: 'Stage' }, ['a', 'b']] }, ['? Fn::Select is not evaluated']],
    [{ 'Fn::Length': ['a', 'b'] }, ['? Fn::Length is not evaluated']],
    [{ 'Fn::GetAtt': ['Db', 'PrivateIp'] }, ['? Db.PrivateIp is only known at deployment']],
    [{ 'Fn::ImportValue': 'nowhere' }, ['? export nowhere is not among the templates checked']],
    [{ a: 1 }, ['? {"a":1} is not a plain value']],
    // dynamic references are read at deployment, however they are put together.
    ['{{resolve:ssm:/clients}}', ['? {{resolve:ssm:/clients}} is only read at deployment']],
    [{ 'Fn::Join': ['', ['{{resolve:ssm:/', { Ref: 'Known' }, '}}']] }, ['? {{resolve:ssm:/k}} is only read at deployment']],
    [{ 'Fn::Sub': 'prefix-{{resolve:ssm:/${Known}:1}}' }, ['? {{resolve:ssm:/k:1}} is only read at deployment']],
    ['{{ template }}', ['{{ template }}']],
  ])('%j', (node, expected) => {
    expect(said(node, template)).toEqual(expected);
  });

  test('of the environment are known where it is', () => {
    const here = deployed([stack({}, FILE, { stackName: 'Data', environment: { account: '111122223333', region: 'eu-central-1' } })]);
    expect(said({ 'Fn::Sub': '${AWS::StackName} ${AWS::AccountId} ${AWS::Region}' }, here)).toEqual(['Data 111122223333 eu-central-1']);
    expect(said({ Ref: 'AWS::Partition' }, here)).toEqual(['? AWS::Partition is only known at deployment']);
    expect(said({ Ref: 'AWS::StackName' }, alone({}))).toEqual(['? AWS::StackName is only known at deployment']);
  });

  test('are searched for dynamic references in time that grows with their length', () => {
    const text = '{{resolve:'.repeat(100_000);
    const started = Date.now();
    expect(said(text, template)).toEqual([text]);
    expect(Date.now() - started).toBeLessThan(1_000);
  });

  test('are unknown beyond a million characters, and choices beyond 64', () => {
    const half = 'x'.repeat(1 << 19);
    expect(said({ 'Fn::Join': ['', [half, half.slice(1)]] }, template)).toEqual([half + half.slice(1)]);
    expect(said({ 'Fn::Join': ['', [half, half, 'x']] }, template)).toEqual(['? it is too long']);
    const allowed = (count: number): Template => alone({ Parameters: { P: { Type: 'String', AllowedValues: Array.from({ length: count }, (_, index) => `v${index}`) } } });
    expect(said({ Ref: 'P' }, allowed(64))).toHaveLength(64);
    expect(said({ Ref: 'P' }, allowed(65))).toEqual(['? parameter P has no default']);
  });
});

describe('values of other stacks', () => {
  const output = (Value: unknown, name: unknown, more: Json = {}): Json => ({ Value, Export: { Name: name }, ...more });
  const asks = stack({}, FILE, { environment: { account: '111122223333', region: 'eu-central-1' } });
  const imports = (...sources: readonly TemplateSource[]): string[] => said({ 'Fn::ImportValue': 'range' }, deployed([asks, ...sources]));
  const undecided = { Parameters: STAGE, Conditions: { Open: { 'Fn::Equals': [{ Ref: 'Stage' }, 'dev'] }, Closed: { 'Fn::Not': [{ Condition: 'Open' }] }, Never: { 'Fn::Equals': ['a', 'b'] } } };

  test('come by the name of the export, which may itself be put together', () => {
    expect(imports(stack({ Parameters: { Env: { Type: 'String', Default: 'ran' } }, Outputs: { Range: output('10.0.0.0/8', { 'Fn::Sub': '${Env}ge' }) } }, 'other.json'))).toEqual(['10.0.0.0/8']);
    expect(imports(stack({ Outputs: { Range: output({ Ref: 'Stage' }, 'range') }, Parameters: STAGE }, 'other.json'))).toEqual([`? ${WHY_STAGE}`]);
  });

  test('are lists that were texts', () => {
    const source = stack({ Outputs: { Range: output({ 'Fn::Join': ['|', ['x', 'y']] }, 'range') } }, 'other.json');
    expect(said({ 'Fn::Select': [1, { 'Fn::Split': ['|', { 'Fn::ImportValue': 'range' }] }] }, deployed([asks, source]))).toEqual(['y']);
    // another separator: then it is one text, split by it.
    expect(said({ 'Fn::Select': [0, { 'Fn::Split': [',', { 'Fn::ImportValue': 'range' }] }] }, deployed([asks, source]))).toEqual(['x|y']);
  });

  test('are those of the outputs that there are', () => {
    const either = (yes: string, no: string): TemplateSource => stack({ ...undecided, Outputs: { A: output('a', 'range', { Condition: yes }), B: output('b', 'range', { Condition: no }) } }, 'other.json');
    expect(imports(either('Never', 'Never'))).toEqual(['? export range is not among the templates checked']);
    const why = `condition Open cannot be decided: ${WHY_STAGE}`;
    expect(imports(either('Open', 'Never'))).toEqual([`a (${why})`]);
    expect(imports(either('Open', 'Closed'))).toEqual([`a (${why})`, `b (condition Closed cannot be decided: ${why})`]);
  });

  test('are those of the same account and region', () => {
    const exporting = (value: string, path: string, account?: string, region?: string): TemplateSource => stack({ Outputs: { Range: output(value, 'range') } }, path, { environment: { account, region } });
    const here = exporting('here', 'a.json', '111122223333', 'eu-central-1');
    const [there, others] = [exporting('there', 'b.json', '111122223333', 'us-east-1'), exporting('others', 'c.json', '444455556666', 'eu-central-1')];
    expect(imports(here, there, others)).toEqual(['here']);
    expect(imports(others, there, here)).toEqual(['here']);
    expect(imports(there, others)).toEqual(['? export range is not among the templates checked']);
    // nobody knows where it is deployed: it may be the one.
    expect(imports(here, exporting('anywhere', 'd.json'))).toEqual(['here (several outputs are exported as range)', 'anywhere (several outputs are exported as range)']);
  });

  test('come by the name of the stack, or its ARN', () => {
    const named = (value: string, path: string, region: string): TemplateSource => stack({ Outputs: { Range: { Value: value } } }, path, { stackName: 'Network', environment: { account: '111122223333', region } });
    const get = (argument: Json, ...sources: readonly TemplateSource[]): string[] => said({ 'Fn::GetStackOutput': { OutputName: 'Range', ...argument } }, deployed([asks, ...sources]));
    const both = [named('here', 'a.json', 'eu-central-1'), named('there', 'b.json', 'us-east-1')];
    const unknown = ['? Fn::GetStackOutput is not evaluated'];
    expect(get({ StackName: 'Network' }, ...both)).toEqual(['here']);
    expect(get({ StackName: 'Network', Region: 'us-east-1' }, ...both)).toEqual(['there']);
    expect(get({ StackName: 'arn:aws:cloudformation:us-east-1:111122223333:stack/Network/0a1b' }, ...both)).toEqual(['there']);
    expect(get({ StackName: 'Network', Region: { Ref: 'Somewhere' } }, ...both)).toEqual(unknown);
    expect(get({ StackName: 'Other' }, ...both)).toEqual(unknown);
    expect(get({ StackName: 'Network', OutputName: 'Other' }, ...both)).toEqual(unknown);
  });

  test('come from nested stacks, whose outputs may come from deeper ones', () => {
    const nested = (Parameters: Json): Json => ({ Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'x', Parameters } });
    const sources = [
      stack({ Resources: { Inner: nested({ Range: '52.0.0.0/8' }) } }),
      stack({ Parameters: { Range: { Type: 'String' } }, Resources: { Deeper: nested({ Range: { Ref: 'Range' } }) }, Outputs: { Out: { Value: { 'Fn::GetAtt': ['Deeper', 'Outputs.Out'] } } } }, 'inner.json', { parent: { path: FILE, logicalId: 'Inner' } }),
      stack({ Parameters: { Range: { Type: 'String' } }, Outputs: { Out: { Value: { 'Fn::Sub': 'from ${Range}' } } } }, 'deeper.json', { parent: { path: 'inner.json', logicalId: 'Deeper' } }),
    ];
    expect(said({ 'Fn::GetAtt': ['Inner', 'Outputs.Out'] }, deployed(sources))).toEqual(['from 52.0.0.0/8']);
    expect(said({ 'Fn::GetAtt': ['Inner', 'Outputs.Missing'] }, deployed(sources))).toEqual(['? Inner.Outputs.Missing is only known at deployment']);
  });

  test('end also where they lead far, by texts as by references', () => {
    for (const link of [(name: string): unknown => ({ 'Fn::ImportValue': name }), (name: string): unknown => ({ 'Fn::Sub': ['${X}', { X: { 'Fn::ImportValue': name } }] }), (name: string): unknown => ({ 'Fn::Join': ['', ['x', { 'Fn::ImportValue': name }]] })]) {
      const Outputs = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`O${index}`, output(link(`e${index + 1}`), `e${index}`)]));
      expect(said({ 'Fn::ImportValue': 'e0' }, alone({ Outputs }))[0]).toMatch(/^\? .*it refers too far/);
      expect(said({ 'Fn::ImportValue': 'e19990' }, alone({ Outputs }))[0]).toMatch(/^\? export e20000 is not/);
    }
  });
});

describe('resources', () => {
  const conditions = { Parameters: STAGE, Conditions: { Never: { 'Fn::Equals': ['a', 'b'] }, Always: { 'Fn::Equals': ['a', 'a'] }, Open: { 'Fn::Equals': [{ Ref: 'Stage' }, 'dev'] } } };
  const why = `condition Open cannot be decided: ${WHY_STAGE}`;
  const topic = (Condition?: string): Json => ({ Type: 'AWS::SNS::Topic', Properties: {}, ...(Condition === undefined ? {} : { Condition }) });
  const nested = (Condition?: string): Json => ({ Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'x' }, ...(Condition === undefined ? {} : { Condition }) });
  /** Each resource with why it may not be there. */
  const doubts = (set: TemplateSet): string[] => set.ofType('AWS::SNS::Topic').map(({ logicalId, doubt }) => `${logicalId}${doubt === undefined ? '' : ` (${doubt})`}`).sort();

  test('are there, may be there, and are not there by their conditions', () => {
    const set = new TemplateSet([stack({ ...conditions, Resources: { A: topic(), B: topic('Always'), C: topic('Open'), D: topic('Never'), E: topic('Missing') } })]);
    expect(doubts(set)).toEqual(['A', 'B', `C (${why})`, 'E (condition Missing is not in the template)']);
    expect([...(set.templates[0]?.resources.keys() ?? [])]).toEqual(['A', 'B', 'C', 'E']);
  });

  test.each([
    ['Always', ['Deep', 'Topic']],
    ['Never', []],
    ['Open', [`Deep (${why})`, `Topic (${why})`]],
  ])('of nested stacks are there as the stack is: %s', (condition, expected) => {
    const set = new TemplateSet([
      stack({ ...conditions, Resources: { Inner: nested(condition) } }),
      stack({ Resources: { Topic: topic(), Deeper: nested() } }, 'inner.json', { parent: { path: FILE, logicalId: 'Inner' } }),
      stack({ Resources: { Deep: topic() } }, 'deeper.json', { parent: { path: 'inner.json', logicalId: 'Deeper' } }),
    ]);
    expect(doubts(set)).toEqual(expected);
    // what is not deployed is not missing.
    expect(set.blind).toEqual([]);
  });

  test('of nested stacks have conditions of their own, by what the parent gives', () => {
    const set = (given: unknown): TemplateSet =>
      new TemplateSet([
        stack({ ...conditions, Resources: { Inner: { ...nested(), Properties: { TemplateURL: 'x', Parameters: { Wanted: given } } } } }),
        stack({ Parameters: { Wanted: { Type: 'String' } }, Conditions: { Wanted: { 'Fn::Equals': [{ Ref: 'Wanted' }, 'yes'] } }, Resources: { Topic: topic('Wanted') } }, 'inner.json', { parent: { path: FILE, logicalId: 'Inner' } }),
      ]);
    expect(doubts(set('yes'))).toEqual(['Topic']);
    expect(doubts(set('no'))).toEqual([]);
    expect(doubts(set({ Ref: 'Stage' }))).toEqual([`Topic (condition Wanted cannot be decided: ${WHY_STAGE})`]);
    expect(doubts(set({ 'Fn::If': ['Open', 'yes', 'no'] }))).toEqual([`Topic (condition Wanted cannot be decided: ${why})`]);
  });

  test('that are left out are referred to in vain, and say so', () => {
    const template = alone({ ...conditions, Resources: { D: topic('Never') } });
    expect(said({ Ref: 'D' }, template)).toEqual(['? D is only known at deployment']);
    expect(said({ 'Fn::If': ['Never', { Ref: 'D' }, 'x'] }, template)).toEqual(['x']);
  });

  test('have properties in all branches, each with its doubt', () => {
    const template = alone({ ...conditions, Resources: { A: { Type: 'AWS::SNS::Topic', Properties: { 'Fn::If': ['Open', {}, {}] } }, B: { Type: 'AWS::SNS::Topic', Properties: { Outer: { 'Fn::If': ['Open', { Inner: 'x' }, { Inner: { 'Fn::If': ['Always', 'y', 'z'] } }] } } } } });
    const b = template.resources.get('B');
    expect(b && property(b, 'Outer', 'Inner').map(({ node, doubt }) => [node, doubt])).toEqual([['x', why], ['y', why]]);
  });

  test('nested more than 200 levels deep are not looked at, and that is said', () => {
    const deep = (levels: number): unknown => Array.from({ length: levels }).reduce<unknown>((inner) => ({ x: inner }), 'end');
    const blind = (levels: number): string[] => new TemplateSet([stack({ Resources: { A: { Type: 'AWS::SNS::Topic', Properties: { P: deep(levels) } } } })]).blind.map(({ message }) => message);
    // resources, the resource and its properties are levels themselves.
    expect(blind(197)).toEqual([]);
    expect(blind(198)).toEqual(['the template is nested more than 200 levels deep']);
  });
});
