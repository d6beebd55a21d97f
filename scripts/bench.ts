// `npm run bench`: the budgets of the library, as ratios within one run wherever there is something to compare with, so that a slow or
// busy machine says the same as a fast one. `--strict` makes an exceeded budget an error; something that could not be measured always is.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import type { ChecksTask, ChecksTimes } from './bench/checks';
import type { ExposureTask, ExposureTimes } from './bench/exposure';
import type { LoadTask, LoadTime } from './bench/load';
import type { RotationTask, RotationTimes } from './bench/rotation';
import type { Template } from './bench/same';
import { assertSame } from './bench/same';
import type { ClusterSize, ScaleResult, ScaleTask } from './bench/scale';
import type { AppName, SynthTask, SynthTimes } from './bench/synth';
import { sources, transpile } from './bench/transpile';

const ROOT = join(__dirname, '..');
const BUNDLES = join(ROOT, 'dist', 'bundles');
// a template: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const BUDGET = { synthRatio: 1.3, growthRatio: 1.5, templateBytes: 1_000_000, checksRatio: 1, exposureMs: 3000, exposureHeap: 1_000_000_000, exposureGrowth: 1.5, importMs: 100, bundleBytes: 1_000_000, agentBytes: 2_000_000, initMs: 300, rotationGrowth: 2 };
// 2, 20, 100 and 249 nodes. The growth of the second and the last is compared: at the first, what every cluster has hides the nodes.
const SIZES: readonly ClusterSize[] = [
  { shards: 1, replicas: 1, keepers: 1 },
  { shards: 5, replicas: 3, keepers: 5 },
  { shards: 31, replicas: 3, keepers: 7 },
  { shards: 82, replicas: 3, keepers: 3 },
];

interface Row {
  readonly measure: string;
  readonly value: string;
  /** none when the row is there to explain another. */
  readonly budget?: string;
  readonly ok?: boolean;
}

/** Runs one of the processes of the bench with plain node. */
class Bench {
  constructor(
    public readonly folder: string,
    private readonly compiled: string,
  ) {}

  public run<Task, Result>(script: string, task: Task): Result {
    const args = ['--expose-gc', join(this.compiled, 'scripts', 'bench', `${script}.js`), JSON.stringify(task)];
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AWS_|CDK_|JSII_|NODE_OPTIONS$)/.test(name)));
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: this.folder, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    if (status !== 0) throw new Error(`scripts/bench/${script}.ts exits ${status}:\n${stderr}`);
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Result;
  }

  public load(task: LoadTask): LoadTime {
    return this.run<LoadTask, LoadTime>('load', task);
  }

  /** The median of several processes. */
  public loadTime(task: LoadTask): number {
    return median(times(7, () => this.load(task).ms));
  }

  public compiledFile(...path: readonly string[]): string {
    return join(this.compiled, ...path);
  }
}

function synthesis(bench: Bench): Row[] {
  const task = (more: Partial<SynthTask>): SynthTask => ({
    apps: ['example', 'plain'],
    warmUps: 0,
    runs: 1,
    validator: false,
    bundles: BUNDLES,
    folder: bench.folder,
    ...more,
  });
  const synth = (more: Partial<SynthTask>): SynthTimes => bench.run<SynthTask, SynthTimes>('synth', task(more));

  const { templates } = synth({ apps: ['example'] });
  const example = JSON.parse(templates.example ?? '') as Template;
  // what somebody who writes it by hand has as files beside the app.
  for (const [name, content] of Object.entries(manifests(example))) writeFileSync(join(bench.folder, `${name}.json`), content);

  const warm = synth({ warmUps: 5, runs: 25 });
  assertSame(example, JSON.parse(warm.templates.plain ?? '') as Template);
  const first = (runs: number, validator: boolean): Record<AppName, number[]> => {
    const found: Record<AppName, number[]> = { example: [], plain: [] };
    for (let run = 0; run < runs; run++) {
      for (const app of run % 2 === 0 ? (['example', 'plain'] as const) : (['plain', 'example'] as const)) {
        found[app].push(...synth({ apps: [app], validator }).times[app]);
      }
    }
    return found;
  };
  const compare = (measure: string, { example: ours, plain }: SynthTimes['times']): Row & { readonly ratio: number } => {
    const ratio = median(ours) / median(plain);
    return { ratio, measure, value: `${ratio.toFixed(2)} x (${ms(median(ours))} / ${ms(median(plain))})` };
  };
  const judge = ({ ratio, ...row }: ReturnType<typeof compare>): Row => ({ ...row, budget: `${BUDGET.synthRatio} x`, ok: ratio <= BUDGET.synthRatio });
  return [
    judge(compare("synth of the example / plain app, first in its process, CDK's validator off on both", first(11, false))),
    judge(compare("synth of the example / plain app, warm, CDK's validator off on both", warm.times)),
    // no verdict: seconds of WebAssembly on both sides hide what the library does.
    compare("synth of the example / plain app, first in its process, CDK's validator on on both", first(3, true)),
  ];
}

/** The manifests inside the template; in that of the users, `%user%` in the place of the ARN of the user's secret. */
function manifests({ Resources }: Template): Record<'server' | 'keeper' | 'live', string> {
  const found = Object.values(Resources).find(({ Type }) => Type === 'Custom::ClickHouseArtefacts')?.Properties as
    | { Manifests: { Content: string }[]; Live: { 'Fn::Join': [string, (string | { Ref: string })[]] } }
    | undefined;
  const [server, keeper, ...more] = found?.Manifests.map(({ Content }) => Content) ?? [];
  if (found === undefined || server === undefined || keeper === undefined || more.length > 0) {
    throw new Error('the example has no Custom::ClickHouseArtefacts with the manifests of servers, Keepers and users; change scripts/bench.ts to follow it');
  }
  const live = found.Live['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : `%${part.Ref}%`)).join('');
  const { users } = JSON.parse(live) as { users: { user: string; secret: string }[] };
  return { server, keeper, live: users.reduce((text, { user, secret }) => text.replace(secret, `%${user}%`), live) };
}

function growth(bench: Bench): Row[] {
  const results = bench.run<ScaleTask, ScaleResult[]>('scale', { sizes: SIZES, warmUps: 1, runs: 3, folder: bench.folder });
  const sizes = results.map(({ nodes, times, templates }) => ({ nodes, ms: median(times), bytes: templates.reduce((sum, each) => sum + each, 0), templates }));
  const [first, base, next, largest] = sizes;
  if (!first || !base || !next || !largest) throw new Error(`the bench needs four sizes to compare, got ${sizes.length}; change scripts/bench.ts`);
  type Size = typeof first;
  const perNode = ({ ms: all, nodes }: Size): number => all / nodes;
  const further = (from: Size, to: Size): number => (to.ms - from.ms) / (to.nodes - from.nodes);
  const compare = (left: number, right: number): string => `${(left / right).toFixed(2)} x (${ms(left)} / ${ms(right)})`;
  const linear = perNode(largest) <= BUDGET.growthRatio * perNode(base);
  const largestTemplate = Math.max(...sizes.flatMap(({ templates }) => templates));
  return [
    ...sizes.flatMap((size): Row[] => [
      { measure: `synth of ${size.nodes} nodes, warm, CDK's validator off`, value: `${ms(size.ms)} (${ms(perNode(size))} a node)` },
      { measure: `  size of its templates (${size.templates.length})`, value: `${kB(size.bytes)} (${kB(size.bytes / size.nodes)} a node)` },
    ]),
    {
      measure: `growth is ${linear ? '' : 'not '}linear: time a node at ${largest.nodes} nodes / at ${base.nodes}`,
      value: compare(perNode(largest), perNode(base)),
      budget: `${BUDGET.growthRatio} x`,
      ok: linear,
    },
    // what every cluster has cancels out here. No verdict: a difference of two times is twice as noisy.
    { measure: `  each further node from ${next.nodes} to ${largest.nodes} / from ${first.nodes} to ${base.nodes}`, value: compare(further(next, largest), further(first, base)) },
    {
      measure: 'size of the largest of these templates',
      value: kB(largestTemplate),
      budget: `< ${BUDGET.templateBytes / 1000} kB`,
      ok: largestTemplate < BUDGET.templateBytes,
    },
  ];
}

function checks(bench: Bench): Row[] {
  const { validate, validateScope } = bench.run<ChecksTask, ChecksTimes>('checks', { warmUps: 5, runs: 25, folder: bench.folder });
  const compare = (measure: string, { ours, awsSolutions }: ChecksTimes['validate']): Row => {
    const ratio = median(ours) / median(awsSolutions);
    return { measure, value: `${ratio.toFixed(2)} x (${ms(median(ours))} / ${ms(median(awsSolutions))})`, ok: ratio < BUDGET.checksRatio };
  };
  const synthesis = compare('ClickHouseChecks / AwsSolutionsChecks on the example, validate (what a synthesis calls), warm', validate);
  // only tests call it; nearly all of it is CDK rendering the templates anew, which AwsSolutionsChecks does not look at.
  const inTests = compare('ClickHouseChecks / AwsSolutionsChecks on the example, validateScope (what tests call), warm', validateScope);
  return [{ ...synthesis, budget: `< ${BUDGET.checksRatio} x` }, { ...inTests, ok: undefined }];
}

function exposure(bench: Bench): Row[] {
  const run = (resources: number, machines: number): ExposureTimes => bench.run<ExposureTask, ExposureTimes>('exposure', { resources, machines, runs: 3, compare: true, folder: bench.folder });
  const found = [500, 5_000, 50_000].map((resources) => run(resources, 10));
  const dense = run(5_000, 1);
  const perResource = ({ resources, ours }: ExposureTimes): number => median(ours) / resources;
  const [, middle, largest] = found;
  if (middle === undefined || largest === undefined) throw new Error('the bench needs three sizes to compare');
  const growth = perResource(largest) / perResource(middle);
  return [
    ...found.flatMap((each): Row[] => {
      const ratio = median(each.ours) / median(each.awsSolutions);
      const most = each === largest ? { budget: `< ${BUDGET.exposureMs / 1000} s`, ok: median(each.ours) < BUDGET.exposureMs } : {};
      return [
        { measure: `ClickHouseChecks on ${each.resources} resources, ${each.resources / 10} machines, a tenth of them ClickHouse, validate`, value: `${ms(median(each.ours))} (first ${ms(each.ours[0] ?? NaN)})`, ...most },
        { measure: '  / AwsSolutionsChecks on the same app in the same process', value: `${ratio.toFixed(2)} x (${ms(median(each.awsSolutions))})`, budget: `< ${BUDGET.checksRatio} x`, ok: ratio < BUDGET.checksRatio },
      ];
    }),
    // no verdict: nobody has an app that is nothing but ClickHouse, half of it open; it shows what a workload costs.
    { measure: `ClickHouseChecks on ${dense.resources} resources where every machine is ClickHouse`, value: `${ms(median(dense.ours))} (${(median(dense.ours) / median(dense.awsSolutions)).toFixed(2)} x AwsSolutionsChecks)` },
    { measure: `growth: time a resource at ${largest.resources} / at ${middle.resources}`, value: `${growth.toFixed(2)} x`, budget: `${BUDGET.exposureGrowth} x`, ok: growth <= BUDGET.exposureGrowth },
    { measure: `heap at ${largest.resources} resources, with the app`, value: `${(largest.heap / 1e6).toFixed(0)} MB`, budget: `< ${BUDGET.exposureHeap / 1e9} GB`, ok: largest.heap < BUDGET.exposureHeap },
  ];
}

/** Our command line and checkov as whole processes, over the templates that the run before left, where a checkov is given. */
function processes(bench: Bench): Row[] {
  const folder = join(bench.folder, 'exposure-5000-10');
  const time = (command: string, args: readonly string[]): number => {
    const start = performance.now();
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024, env: { ...process.env, LOG_LEVEL: 'ERROR' } });
    // both find something and say so.
    if (status !== 1) throw new Error(`${command} exits ${status}: ${stderr.slice(0, 500)}`);
    return performance.now() - start;
  };
  const ours = median(times(3, () => time(process.execPath, [join(BUNDLES, 'secure-clickhouse', 'index.js'), 'check', folder, '--format', 'json', '--output', join(bench.folder, 'report.json')])));
  const row: Row = { measure: 'secure-clickhouse check on 5000 resources, the whole process', value: ms(ours) };
  const checkov = process.env.CHECKOV;
  if (checkov === undefined || checkov === '') return [{ ...row, value: `${ms(ours)} (NOT compared with checkov: give its path in CHECKOV)` }];
  const theirs = time(checkov, ['--directory', folder, '--framework', 'cloudformation', '--output', 'json', '--skip-download', '--quiet', '--compact']);
  return [row, { measure: '  / checkov on the same templates', value: `${(ours / theirs).toFixed(2)} x (${ms(theirs)})`, budget: '< 1 x', ok: ours < theirs }];
}

function importing(bench: Bench): Row[] {
  const built = join(ROOT, 'dist', 'index.js');
  const newest = Math.max(...sources(join(ROOT, 'lib')).map((file) => statSync(file).mtimeMs));
  const published = existsSync(built) && statSync(built).mtimeMs >= newest;
  const target = published ? built : bench.compiledFile('lib', 'index.js');
  const which = published ? 'dist' : `lib compiled for this run, as dist is ${existsSync(built) ? 'older than lib' : 'not there'}`;

  const { loaded } = bench.load({ before: [], target });
  const of = (...names: readonly string[]): string[] => loaded.filter((file) => names.some((name) => file.includes(`${sep}node_modules${sep}${name}${sep}`)));
  // exactly the files of aws-cdk-lib that the library touches: what an app that uses them has loaded anyway. cdk-nag it may not have.
  const cdk = of('aws-cdk-lib', 'constructs');
  const nag = of('cdk-nag');
  const adds = bench.loadTime({ before: cdk, target });
  const own = bench.loadTime({ before: [...cdk, ...nag], target });
  const files = (list: readonly string[]): string => `${list.length} files`;
  return [
    { measure: `import added to aws-cdk-lib already loaded (${which})`, value: ms(adds), budget: `< ${BUDGET.importMs} ms`, ok: adds < BUDGET.importMs },
    { measure: `  of it the library's own files (${files(loaded.filter((file) => !file.includes(`${sep}node_modules${sep}`)))})`, value: ms(own) },
    { measure: `  of it cdk-nag (${files(nag)})`, value: ms(adds - own) },
  ];
}

function bundles(bench: Bench): Row[] {
  const names = readdirSync(BUNDLES).sort();
  const handlers = names.filter((name) => existsSync(join(ROOT, 'lib', 'handlers', name)));
  if (names.length === 0 || handlers.length === 0) throw new Error(`there are no bundles in ${BUNDLES}; run 'npm run bundle'`);
  const sizes = names.map((name): Row => {
    const { size } = statSync(join(BUNDLES, name, 'index.js'));
    // the agent has the SDK in it, and is fetched once by a machine that then runs it for months.
    const budget = name === 'agent' ? BUDGET.agentBytes : BUDGET.bundleBytes;
    return { measure: `size of the bundle ${name}`, value: kB(size), budget: `< ${budget / 1000} kB`, ok: size < budget };
  });
  const inits = handlers.flatMap((name): Row[] => {
    const target = join(BUNDLES, name, 'index.js');
    const { loaded } = bench.load({ before: [], target });
    const all = bench.loadTime({ before: [], target });
    const own = bench.loadTime({ before: loaded.filter((file) => file !== target), target });
    return [
      { measure: `init of the handler ${name}, with the SDK from node_modules`, value: ms(all), budget: `< ${BUDGET.initMs} ms`, ok: all < BUDGET.initMs },
      { measure: `  of it the SDK's files (${loaded.length - 1})`, value: ms(all - own) },
    ];
  });
  return [...sizes, ...inits];
}

/** On a simulated clock, so a busy machine says the same. A refused login is an error there. */
function rotation(bench: Bench): Row[] {
  const found = bench.run<RotationTask, RotationTimes[]>('rotation', { nodes: [2, 20, 200], runs: 3 });
  const [least, most] = [found[0], found.at(-1)];
  if (least === undefined || most === undefined) throw new Error('the bench needs two sizes to compare');
  const growth = most.simulated / least.simulated;
  return [
    ...found.map(({ nodes, simulated, cpu }): Row => ({ measure: `rotation of a password on ${nodes} simulated nodes, simulated time`, value: `${simulated.toFixed(1)} s (${ms(median(cpu))} CPU, simulation included)` })),
    { measure: `  growth: ${most.nodes} nodes / ${least.nodes} nodes`, value: `${growth.toFixed(2)} x`, budget: `${BUDGET.rotationGrowth} x`, ok: growth <= BUDGET.rotationGrowth },
  ];
}

function main(strict: boolean): number {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const compiled = mkdtempSync(join(folder, 'compiled-'));
    transpile(ROOT, ['bin', 'lib', join('scripts', 'bench'), join('test', 'emulator'), join('test', 'handlers', 'rotate-password')], compiled);
    const bench = new Bench(folder, compiled);
    const rows: Row[] = [];
    const failures: string[] = [];
    for (const [name, measure] of Object.entries({ synthesis, growth, checks, exposure, processes, importing, bundles, rotation })) {
      try {
        rows.push(...measure(bench));
      } catch (error) {
        failures.push(`${name} could not be measured: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    print(rows);
    for (const failure of failures) console.error(`\n${failure}`);
    const over = rows.filter(({ ok }) => ok === false);
    if (over.length > 0) console.log(`\n${over.length} of ${rows.filter(({ ok }) => ok !== undefined).length} budgets exceeded`);
    return failures.length > 0 || (strict && over.length > 0) ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(rows: readonly Row[]): void {
  const cells = [['measure', 'value', 'budget', ''], ...rows.map(({ measure, value, budget = '', ok }) => [measure, value, budget, ok === undefined ? '' : ok ? 'ok' : 'OVER'])];
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of cells) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}

function times<T>(count: number, each: () => T): T[] {
  return Array.from({ length: count }, each);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function kB(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

process.exitCode = main(process.argv.includes('--strict'));
