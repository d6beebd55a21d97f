import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Whether certificates can be made here. */
export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A certificate authority for one test file. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), 'authority-'));
  readonly cert: string;
  private count = 0;

  constructor() {
    this.run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test authority', '-addext', 'keyUsage=critical,keyCertSign');
    this.cert = this.read('ca.pem');
  }

  /** A certificate for host names. */
  issue(names: readonly string[], { days = 1, usage = 'serverAuth' } = {}): Pair {
    const name = `leaf-${(this.count += 1)}`;
    writeFileSync(join(this.directory, `${name}.ext`), `subjectAltName=${names.map((each) => `DNS:${each}`).join(',')}\nextendedKeyUsage=${usage}\nbasicConstraints=CA:FALSE\n`);
    this.run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=node');
    this.run('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.pem`, '-days', String(days), '-extfile', `${name}.ext`);
    return { cert: this.read(`${name}.pem`), key: this.read(`${name}.key`) };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  private run(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.directory, stdio: 'pipe' });
  }

  private read(file: string): string {
    return readFileSync(join(this.directory, file), 'utf8');
  }
}
