import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { sha256Hex } from '../../lib/config/manifest';
import type { UserDataModel } from '../../lib/cluster/user-data';
import { userData } from '../../lib/cluster/user-data';

const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true, force: true })));

const AGENT = 'console.log("agent")\n';
const BOOT = '{"schema":1}\n';
const MODEL: UserDataModel = {
  identity: '{\n "schema": 1\n}',
  region: 'eu-west-1',
  bucket: 'artefacts',
  agent: { key: `agent/${sha256Hex(AGENT)}.js`, sha256: sha256Hex(AGENT) },
  boot: { key: `manifests/boot/${sha256Hex(BOOT)}.json`, sha256: sha256Hex(BOOT) },
  stackId: 'arn:aws:cloudformation:eu-west-1:111122223333:stack/Test/1',
  groupLogicalId: 'AnalyticsShard1Replica1Group',
};

/** Shell that is run in the place of a program, by the program's name; what it answers nothing of is done as on a machine where all goes well. */
type Instead = Readonly<Record<string, string>>;

interface Run {
  readonly status: number | null;
  /** every call of a program, in order. */
  readonly calls: readonly string[];
  readonly signals: readonly string[];
  readonly slept: readonly string[];
  readonly agentStarted: boolean;
  readonly identity: string | undefined;
}

/** Where programs of the machine are that the script may really use. */
function real(program: string): string {
  const found = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program)).find(existsSync);
  if (found === undefined) throw new Error(`this test needs ${program}`);
  return found;
}

/** Runs the script as it is, with its paths under a temporary root and none but these programs to call. */
function run(model: UserDataModel, instead: Instead = {}): Run {
  const root = mkdtempSync(join(tmpdir(), 'user-data-'));
  roots.push(root);
  const programs = join(root, 'programs');
  mkdirSync(programs);
  mkdirSync(join(root, 'bucket'));
  writeFileSync(join(root, 'bucket', 'agent'), AGENT);
  writeFileSync(join(root, 'bucket', 'manifests'), BOOT);
  for (const program of ['bash', 'cat', 'sha256sum', 'timeout', 'mkdir', 'cp', 'wc']) symlinkSync(real(program), join(programs, program));
  const stubs: Instead = {
    curl: 'case "$*" in *token) echo TOKEN;; *instance-id) echo i-0123456789abcdef0;; esac',
    rpm: 'echo -n 2023.9.20251117',
    dnf: '',
    aws: `if [ "$1" = s3api ]; then key=$8; cp "${root}/bucket/\${key%%/*}" "$9"; fi`,
    sleep: '',
    'node-24': '',
    ...instead,
  };
  for (const [program, does] of Object.entries(stubs)) {
    const file = join(programs, program);
    rmSync(file, { force: true });
    // COUNT says how often it was called before.
    writeFileSync(file, `#!${real('bash')}\nlog=${root}/calls\nCOUNT=$(while read -r name rest; do [ "$name" = ${program} ] && echo "$name"; done < "$log" | wc -l)\nprintf '%s\\n' "${program} $*" >> "$log"\n${does}\n`);
    chmodSync(file, 0o755);
  }
  writeFileSync(join(root, 'calls'), '');
  const script = userData(model).replace(/\/(?:etc|opt)\/clickhouse-agent/g, (path) => join(root, path));
  const { status } = spawnSync(real('bash'), { input: script, encoding: 'utf8', cwd: root, env: { PATH: programs } });
  const calls = readFileSync(join(root, 'calls'), 'utf8').split('\n').filter(Boolean).map((call) => call.replaceAll(root, ''));
  const identity = join(root, 'etc/clickhouse-agent/identity.json');
  return {
    status,
    calls,
    signals: calls.filter((call) => call.includes('signal-resource')),
    slept: calls.filter((call) => call.startsWith('sleep ')),
    agentStarted: calls.some((call) => call.startsWith('node-24 ')),
    identity: existsSync(identity) ? readFileSync(identity, 'utf8') : undefined,
  };
}

const FAILURE = `aws cloudformation signal-resource --region eu-west-1 --stack-name ${MODEL.stackId} --logical-resource-id ${MODEL.groupLogicalId} --unique-id i-0123456789abcdef0 --status FAILURE`;

describe('run for real, with stand-ins for what a machine has', () => {
  test('where all goes well, the agent is started once with what was fetched, and nothing is signalled', () => {
    const { status, calls, identity } = run(MODEL);
    expect(status).toBe(0);
    expect(calls).toEqual([
      'rpm -q --queryformat %{VERSION} system-release',
      'dnf install -y --quiet --releasever=2023.9.20251117 --setopt=gpgcheck=1 --setopt=*.gpgcheck=1 nodejs24 nftables e2fsprogs libcap util-linux',
      `aws s3api get-object --region eu-west-1 --bucket artefacts --key ${MODEL.agent.key} /opt/clickhouse-agent/agent.js`,
      `aws s3api get-object --region eu-west-1 --bucket artefacts --key ${MODEL.boot.key} /etc/clickhouse-agent/boot.json`,
      'node-24 /opt/clickhouse-agent/agent.js boot --identity /etc/clickhouse-agent/identity.json --manifest /etc/clickhouse-agent/boot.json',
    ]);
    expect(identity).toBe(`${MODEL.identity}\n`);
  });

  test('what the identity holds arrives byte for byte, and is not run', () => {
    const identity = JSON.stringify({ a: `it's "quoted" \\ \\\\ $(touch ran) \`touch ran\` \${HOME} $HOME !! %s \u00e4\u{1F600}`, b: 'EOF\nEND_OF_IDENTITY\n', c: '$(kill $$)' }, undefined, 1);
    const { status, identity: written, signals } = run({ ...MODEL, identity });
    expect([status, signals]).toEqual([0, []]);
    expect(written).toBe(`${identity}\n`);
    expect(existsSync(join(roots.at(-1) ?? '', 'ran'))).toBe(false);
  });

  const s3Fails = (which: string): string => `if [ "$1" = s3api ]; then case $8 in ${which}*) exit 254;; *) cp "\${log%/calls}/bucket/\${8%%/*}" "$9";; esac; fi`;

  test.each<[string, Instead, boolean]>([
    ['the file system', { mkdir: 'exit 1' }, false],
    ['the release of the image', { rpm: 'exit 1' }, false],
    ['the installation', { dnf: 'exit 1' }, false],
    ['the agent', { aws: s3Fails('agent') }, false],
    ['the boot manifest', { aws: s3Fails('manifests') }, false],
    ['the agent itself', { 'node-24': 'exit 70' }, true],
    ['the agent, killed,', { 'node-24': 'kill -9 $$' }, true],
  ])('%s fails: the failure of the own group is signalled once, and nothing after it is done', (_, instead, started) => {
    const { status, signals, agentStarted } = run(MODEL, instead);
    expect(status).not.toBe(0);
    expect(signals).toEqual([FAILURE]);
    expect(agentStarted).toBe(started);
  });

  test.each([['agent', 1], ['manifests', 2]])('what comes as %s has another hash: it is asked for once, and nothing is run', (which, fetched) => {
    const { status, signals, agentStarted, calls } = run(MODEL, { aws: `if [ "$1" = s3api ]; then case $8 in ${which}*) echo evil > "$9";; *) cp "\${log%/calls}/bucket/\${8%%/*}" "$9";; esac; fi` });
    expect(status).not.toBe(0);
    expect(signals).toEqual([FAILURE]);
    expect(agentStarted).toBe(false);
    expect(calls.filter((call) => call.includes('get-object'))).toHaveLength(fetched);
  });

  test.each<[string, Instead]>([
    ['the installation', { dnf: '[ "$COUNT" -ge 2 ] || exit 1' }],
    ['S3', { aws: '[ "$COUNT" -ge 2 ] || exit 255\ncp "${log%/calls}/bucket/${8%%/*}" "$9"' }],
  ])('%s comes up late: it is asked again, and the node starts', (_, instead) => {
    const { status, signals, agentStarted, slept } = run(MODEL, instead);
    expect({ status, signals, agentStarted }).toEqual({ status: 0, signals: [], agentStarted: true });
    expect(slept).toEqual(['sleep 5', 'sleep 10']);
  });

  test('attempts come to an end, and so do those to signal', () => {
    const { status, calls, slept } = run(MODEL, { dnf: 'exit 1', aws: 'exit 255' });
    expect(status).not.toBe(0);
    expect(calls.filter((call) => call.startsWith('dnf '))).toHaveLength(5);
    expect(calls.filter((call) => call.includes('signal-resource'))).toHaveLength(5);
    expect(slept).toHaveLength(8);
  });

  test('a signal that does not arrive is sent again', () => {
    const { signals } = run(MODEL, { dnf: 'exit 1', aws: '[ "$COUNT" -ge 1 ] || exit 255' });
    expect(signals).toEqual([FAILURE, FAILURE]);
  });

  test('the metadata service does not answer: the failure is signalled all the same', () => {
    expect(run(MODEL, { dnf: 'exit 1', curl: 'exit 7' }).signals).toHaveLength(1);
  });
});

/** As large as names get: EC2 takes 16,384 bytes before they are encoded (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html). */
function largest(): UserDataModel {
  const label = 'x'.repeat(63);
  const arn = (service: string, length: number): string => `arn:aws-us-gov:${service}:ap-southeast-7:111122223333:${'x'.repeat(length)}`;
  const sha256 = 'f'.repeat(64);
  const identity = {
    schema: 1,
    role: 'server',
    name: 'server-1000-1000',
    host: `server-1000-1000.${label}.${label}.${label}.internal`,
    shard: '1000',
    replica: '1000',
    ip: '255.255.255.255',
    region: 'ap-southeast-7',
    bucket: label,
    bootManifestKey: `manifests/boot/${sha256}.json`,
    bootManifestSha256: sha256,
    // names of parameters, log groups and secrets as long as the services take them.
    liveManifestParameter: 'x'.repeat(1011),
    volumeId: 'vol-0123456789abcdef0',
    internalSecretArn: arn('secretsmanager:secret', 519),
    nodeSecretArn: arn('secretsmanager:secret', 519),
    caParameter: 'x'.repeat(1011),
    // the most that the construct takes, each of the longest kind.
    clientNetworks: Array.from({ length: 50 }, (_, index) => `fd00:1111:2222:3333:4444:5555:${(index + 4096).toString(16)}::/112`),
    stackId: arn(`cloudformation:stack/${'x'.repeat(128)}`, 36),
    groupLogicalId: 'x'.repeat(255),
    logGroup: 'x'.repeat(512),
    packageBucket: label,
    packages: Array.from({ length: 8 }, () => ({ key: `packages/${sha256}/clickhouse-common-static-9999.999999.999999.999999-${'x'.repeat(60)}.aarch64.rpm`, sha256 })),
  };
  return { ...MODEL, identity: JSON.stringify(identity, undefined, 1), region: identity.region, bucket: label, stackId: identity.stackId, groupLogicalId: identity.groupLogicalId };
}

test('with the longest names there are it is within the limit of EC2, and still a script', () => {
  const text = userData(largest());
  expect(Buffer.byteLength(text)).toBeGreaterThan(10_000);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16_384);
  expect(run(largest()).status).toBe(0);
});

const SHELLCHECK = process.env.SHELLCHECK ?? '';
if (SHELLCHECK === '') console.warn('the launch script was NOT checked with shellcheck: give its path in SHELLCHECK');

(SHELLCHECK === '' ? test.skip : test)('shellcheck finds nothing', () => {
  for (const model of [MODEL, largest()]) {
    const { status, stdout, stderr } = spawnSync(SHELLCHECK, ['--shell=bash', '--norc', '--severity=style', '-'], { input: userData(model), encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  }
  // and it does look.
  expect(spawnSync(SHELLCHECK, ['--shell=bash', '--norc', '-'], { input: userData(MODEL).replace('"$release"', '$release'), encoding: 'utf8' }).status).toBe(1);
});
