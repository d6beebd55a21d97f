import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, PEM. */
export interface Issued {
  readonly certificate: string;
  readonly privateKey: string;
}

/** What a server is given: its own certificate and key, and the authority that it trusts. */
export interface Material extends Issued {
  readonly authority: string;
}

/** A certificate authority of one test, made by the OpenSSL command line. */
export interface Authority {
  readonly certificate: string;
  /** a certificate for these names, such as `DNS:server-1-1.example` or `IP:127.0.0.2`; valid for days that may be negative. */
  issue(names: readonly string[], options?: { readonly days?: number; readonly usage?: string }): Material;
}

const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function makeAuthority(commonName: string): Authority {
  const own = inTemporary((directory) => {
    openssl(directory, ['req', '-x509', ...P256, '-days', '2', '-keyout', 'key', '-out', 'crt', '-subj', `/CN=${commonName}`,
      '-addext', 'basicConstraints=critical,CA:true,pathlen:0', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']);
    return issued(directory);
  });
  const issue: Authority['issue'] = (names, { days = 2, usage = 'serverAuth,clientAuth' } = {}) =>
    inTemporary((directory) => {
      writeFileSync(join(directory, 'ca.crt'), own.certificate);
      writeFileSync(join(directory, 'ca.key'), own.privateKey, { mode: 0o600 });
      writeFileSync(join(directory, 'extensions'), [
        'basicConstraints=critical,CA:false',
        'keyUsage=critical,digitalSignature',
        `extendedKeyUsage=${usage}`,
        'authorityKeyIdentifier=keyid',
        `subjectAltName=${names.join(',')}`,
      ].join('\n'));
      openssl(directory, ['req', ...P256, '-keyout', 'key', '-out', 'csr', '-subj', '/CN=node']);
      openssl(directory, ['x509', '-req', '-in', 'csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', String(days), '-extfile', 'extensions', '-out', 'crt']);
      return { ...issued(directory), authority: own.certificate };
    });
  return { certificate: own.certificate, issue };
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

function issued(directory: string): Issued {
  return { certificate: readFileSync(join(directory, 'crt'), 'utf8'), privateKey: readFileSync(join(directory, 'key'), 'utf8') };
}

function openssl(cwd: string, args: readonly string[]): void {
  execFileSync('openssl', args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
}

function inTemporary<T>(make: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'clickhouse-certificates-'));
  try {
    return make(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
