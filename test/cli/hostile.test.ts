import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Program } from './program';
import { OPEN, SAFE } from './templates';

// files that somebody made to break what reads them, and files that nobody meant as templates.
const program = new Program();
afterAll(() => program.remove());

function refused(name: string, content: string | Uint8Array, ...more: readonly string[]): string {
  const { status, stdout, stderr, milliseconds } = program.run('check', program.write(name, content), ...more);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^secure-clickhouse: [^\n]*\n$/);
  // a hang would be a minute; machines that run tests are busy.
  expect(milliseconds).toBeLessThan(20_000);
  return stderr.trimEnd().replace('secure-clickhouse: ', '');
}

test('10 MB of JSON are read', () => {
  const Resources: Record<string, unknown> = { ...OPEN.Resources as object };
  for (let index = 0; index < 25_000; index++) {
    Resources[`Group${index}`] = { Type: 'AWS::EC2::SecurityGroup', Properties: { GroupDescription: `group ${index}`, SecurityGroupIngress: Array.from({ length: 4 }, (_, rule) => ({ IpProtocol: 'tcp', FromPort: rule, ToPort: rule, CidrIp: `10.${index % 256}.0.0/16` })) } };
  }
  const text = JSON.stringify({ Resources });
  expect(text.length).toBeGreaterThan(9_000_000);
  const name = program.write('large.json', text);
  const { status, stderr, milliseconds } = program.run('check', name);
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect(milliseconds).toBeLessThan(20_000);
});

test.each<[string, string, RegExp]>([
  ['an empty file', '', /^x:1:1: the file is empty$/],
  ['white space', ' \n\n', /^x:1:1: the file is empty$/],
  ['JSON that ends early', '{\n "Resources": {', /^x:2:16: expected a key in double quotes, but the file ends$/],
  ['JSON with a comma too many', '{"Resources": {},}', /^x:1:18: expected a key in double quotes$/],
  ['JSON with something after it', '{"Resources": {}} {}', /^x:1:19: there is more after the end of the value$/],
  ['JSON nested 100,000 deep', `{"Resources": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /^x:1:214: it is nested more than 200 levels deep$/],
  ['YAML that ends early', 'Resources: [a, b', /^x:1:\d+: Flow sequence in block collection must be sufficiently indented and end with a \]$/],
  ['YAML with a tab', 'Resources:\n\tA: b', /^x:2:1: Tabs are not allowed as indentation$/],
  ['YAML with two documents', 'Resources: {}\n---\nResources: {}\n', /^x:\d+:1: the file holds more than one document$/],
  ['YAML nested 100,000 deep, flowing', `Resources: ${'['.repeat(100_000)}`, /^x:1:\d+: it is nested more than 200 levels deep$/],
  ['YAML nested 100,000 deep, in lists', `Resources: \n ${'- '.repeat(100_000)}`, /^x:2:\d+: it is nested more than 200 levels deep$/],
  ['YAML with a million errors', `Resources: [${','.repeat(1_000_000)}]`, /^x:1:\d+: Unexpected , in flow sequence$/],
  ['YAML of documents only', '---\n'.repeat(200_000), /^x:\d+:1: the file holds more than one document$/],
  ['an alias that stands for itself', 'Resources: &a [*a]', /^x:1:16: there is no anchor 'a' before this alias$/],
  ['an alias to nothing', 'Resources: *b', /^x:1:12: there is no anchor 'b' before this alias$/],
  ['aliases that multiply', bomb(10, 10), /^x:\d+:\d+: the aliases stand for more than 500000 values$/],
  ['merges that multiply', `${bomb(10, 10)}Resources:\n  <<: *a9\n`, /^x:\d+:\d+: the aliases stand for more than 500000 values$/],
  ['aliases that nest', `a0: &a0 x\n${Array.from({ length: 1000 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}]\n`).join('')}`, /^x:\d+:\d+: the aliases nest it more than 200 levels deep$/],
  ['a list as a key', '? [a]\n: b', /^x:1:3: a key has to be a text$/],
  ['a merge of a text', 'Resources:\n  <<: a', /^x:2:3: only a map can be merged$/],
  ['more YAML than a template can be', `Resources: {}\n${'# comment\n'.repeat(300_000)}`, /^x:1:1: YAML of more than 2 MB is not read, and CloudFormation takes 1 MB$/],
])('%s is refused with its place', (_, text, message) => {
  expect(refused('x', text)).toMatch(message);
});

/** A few lines that stand for `width` to the power of `depth` texts. */
function bomb(width: number, depth: number): string {
  return Array.from({ length: depth }, (_, level) => `a${level}: &a${level} [${Array.from({ length: width }, () => (level === 0 ? 'x' : `*a${level - 1}`)).join(', ')}]\n`).join('');
}

test('what is no text is refused', () => {
  expect(refused('x', Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe, 0x00]))).toBe('x is no text in UTF-8');
  expect(refused('x', new Uint8Array(100))).toBe('x is no CloudFormation template: it is no object with Resources');
  expect(refused('x', Buffer.from('\ufeff{"Resources": {}}', 'utf16le'))).toBe('x is no text in UTF-8');
  expect(refused('x', '\u0000{"Resources": {}}')).toMatch(/^x(?::\d+:\d+:)? /);
});

test('what is no file is refused, and nobody waits for it', () => {
  execFileSync('mkfifo', [join(program.folder, 'pipe')]);
  expect(program.run('check', 'pipe').stderr).toBe('secure-clickhouse: pipe is no file\n');
  expect(program.run('check', '/dev/zero').stderr).toBe('secure-clickhouse: /dev/zero is no file\n');
  expect(program.run('check', 'missing/template.json').stderr).toBe('secure-clickhouse: missing/template.json: no such file or folder\n');
  program.write('plain', '');
  expect(program.run('check', 'plain/template.json').stderr).toBe('secure-clickhouse: plain/template.json: something on the way to it is no folder\n');
  expect(program.run('check', 'a'.repeat(5000)).stderr).toMatch(/^secure-clickhouse: a+: the name is too long\n$/);
});

describe('a key that stands twice', () => {
  const json = `{
  "Resources": {
    "Db": { "Type": "AWS::EC2::Instance", "Properties": {
      "NetworkInterfaces": [{ "AssociatePublicIpAddress": true }],
      "NetworkInterfaces": [] } } } }`;
  const yaml = 'Resources:\n  Db:\n    Type: AWS::EC2::Instance\n    Properties:\n      NetworkInterfaces: [{ AssociatePublicIpAddress: true }]\n      NetworkInterfaces: []\n';

  test.each([
    ['JSON', json, 5],
    ['YAML', yaml, 6],
  ])('in %s is fatal and makes the verdict unknown', (_, text, line) => {
    const name = program.write('double', text);
    const { verdict, findings } = program.check(name);
    expect(verdict).toBe('unknown');
    expect(findings).toContainEqual(
      expect.objectContaining({
        ruleId: 'ClickHouse-CheckFailed',
        severity: 'fatal',
        template: 'double',
        logicalId: 'Db',
        message: `the key 'NetworkInterfaces' stands twice in Resources.Db.Properties, the second time on line ${line}; which of them counts is not known`,
      }),
    );
    expect(program.run('check', name).status).toBe(1);
  });

  test('does not make a private verdict', () => {
    const text = JSON.stringify(SAFE).replace('{', '{"Description": "a", "Description": "b", ');
    expect(program.check(program.write('double.json', text)).verdict).toBe('unknown');
  });

  test('a hundred thousand times is said a few times', () => {
    const { findings } = program.check(program.write('many.json', `{"Resources": {}, ${Array.from({ length: 100_000 }, () => '"A": 1').join(', ')}}`));
    expect(findings).toHaveLength(21);
    expect(findings[20]?.message).toBe('99979 more like this are left out');
  });
});

test('a tag that CloudFormation does not know is fatal', () => {
  for (const tag of ['!Unknown', '!!binary', '!!set', '!<tag:example.com,2000:x>']) {
    const { verdict, findings } = program.check(program.write('tag.yaml', `Resources:\n  Db:\n    Type: AWS::EC2::Instance\n    Properties:\n      ImageId: ${tag === '!!set' ? '!!set {a, b}' : `${tag} x`}\n`));
    expect({ verdict, findings }).toEqual({ verdict: 'unknown', findings: [expect.objectContaining({ severity: 'fatal', logicalId: 'Db', message: expect.stringContaining('on line 5') as string })] });
  }
});

test('names that every object has are names like any other', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const text = `{"Resources": {"${name}": {"Type": "AWS::S3::Bucket", "Properties": {"${name}": {"polluted": 1}}}}, "Parameters": {"${name}": {"Type": "String"}}}`;
    expect(program.run('check', program.write('proto.json', text))).toMatchObject({ status: 0, stderr: '' });
    expect(program.run('check', program.write('proto.yaml', `# yaml\n${text}`))).toMatchObject({ status: 0, stderr: '' });
  }
});

test('names cannot write to the terminal', () => {
  const evil = '\u001b]0;title\u0007\u001b[2J\u009b31m\u202e\r\nfatal  Faked';
  const text = JSON.stringify(OPEN).replaceAll('"Db"', JSON.stringify(`Db${evil}`));
  const name = program.write(`evil${evil.replaceAll('/', '')}.json`, text);
  const { status, stdout } = program.run('check', name);
  expect(status).toBe(1);
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  expect(stdout).not.toMatch(/^fatal {2}Faked/m);
  expect(stdout).toContain('Db\\u001b]0;title\\u0007\\u001b[2J\\u009b31m\\u202e fatal  Faked');
  for (const format of ['json', 'sarif']) {
    const report = program.run('check', '--format', format, name).stdout;
    expect(report).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(JSON.stringify(JSON.parse(report))).toContain(JSON.stringify(evil).slice(1, -1));
  }
});
