import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

/** A program that was bundled as handlers are, and is run in a process of its own. */
export class BundledProgram {
  private constructor(
    private readonly folder: string,
    private readonly file: string,
  ) {}

  static async build(entry: string): Promise<BundledProgram> {
    const folder = mkdtempSync(join(tmpdir(), 'mirror-packages-'));
    const file = join(folder, 'index.js');
    // as in scripts/bundle.mjs.
    await build({ entryPoints: [entry], outfile: file, bundle: true, platform: 'node', target: 'node20', format: 'cjs', minify: true, external: ['@aws-sdk/*'], supported: { 'dynamic-import': false } });
    // Lambda finds its SDK beside the function (https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html).
    symlinkSync(join(__dirname, '../../../node_modules'), join(folder, 'node_modules'));
    return new BundledProgram(folder, file);
  }

  get size(): number {
    return statSync(this.file).size;
  }

  /** Runs a program that has what is bundled as `bundle`; answers with what it wrote. */
  async run(program: string, ca: string, environment: Readonly<Record<string, string>> = {}): Promise<{ readonly lines: readonly string[]; readonly errors: string }> {
    const authority = join(this.folder, 'ca.pem');
    writeFileSync(authority, ca);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--no-warnings', '-e', `const bundle = require(${JSON.stringify(this.file)}); ${program}`], {
      env: { NODE_EXTRA_CA_CERTS: authority, ...environment },
      maxBuffer: 16 * 1024 * 1024,
    });
    return { lines: stdout.trim().split('\n'), errors: stderr.trim() };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
