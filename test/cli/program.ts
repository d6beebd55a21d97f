import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..', '..');

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

/** The program as users have it: one file that is bundled from the sources as they are now, in a folder with nothing else. */
export class Program {
  readonly folder = mkdtempSync(join(tmpdir(), 'secure-clickhouse-'));
  readonly file = join(this.folder, 'program', 'index.js');

  constructor() {
    const out = mkdtempSync(join(tmpdir(), 'bundles-'));
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'bundle.mjs'), out], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    this.write('program/index.js', readFileSync(join(out, 'secure-clickhouse', 'index.js')));
    rmSync(out, { recursive: true });
  }

  /** Writes a file below the folder that the program runs in. */
  write(name: string, content: string | Uint8Array | object): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content, undefined, 1));
    return name;
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  names(): readonly string[] {
    return readdirSync(this.folder);
  }

  run(...argv: readonly string[]): Ended {
    const start = performance.now();
    // nothing of this machine, and no package that it could find by NODE_PATH.
    const { status, stdout, stderr } = spawnSync(process.execPath, [this.file, ...argv], { cwd: this.folder, encoding: 'utf8', env: { PATH: process.env.PATH }, maxBuffer: 1 << 28 });
    return { status, stdout, stderr, milliseconds: performance.now() - start };
  }

  /** Checks and reports as JSON. */
  check(...argv: readonly string[]): JsonReport {
    const { stdout, stderr } = this.run('check', '--format', 'json', ...argv);
    if (stderr !== '') throw new Error(stderr);
    return JSON.parse(stdout) as JsonReport;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface JsonHop {
  readonly kind: string;
  readonly template: string;
  readonly logicalId: string;
  readonly detail: string;
}

export interface JsonReport {
  readonly version: number;
  readonly verdict: string;
  readonly workloads: ReadonlyArray<{ readonly template: string; readonly logicalId: string; readonly type: string; readonly ports: readonly number[]; readonly verdict: string }>;
  readonly findings: ReadonlyArray<{
    readonly ruleId: string;
    readonly severity: string;
    readonly template: string | null;
    readonly logicalId: string | null;
    readonly message: string;
    readonly fix: string;
    readonly path: readonly JsonHop[];
  }>;
}
