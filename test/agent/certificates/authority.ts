import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeSecret } from '../../../lib/pki/node-secret';
import { readLeaf } from '../../../lib/pki/verify';

export const ZONE = 'analytics.clickhouse.internal';
export const HOST = `server-1-1.${ZONE}`;

/** What a certificate says; a test changes one thing. */
export interface LeafRequest {
  readonly host?: string;
  readonly names?: readonly string[];
  readonly ip?: string;
  readonly extendedKeyUsage?: string;
  readonly basicConstraints?: string;
  readonly days?: number;
}

/** An authority and what it issues, made by OpenSSL and not by the code under test. https://docs.openssl.org/3.0/man5/x509v3_config/ */
export class Authority {
  readonly bundle: string;
  private readonly directory = mkdtempSync(join(tmpdir(), 'authority-'));

  constructor(name = 'ClickHouse analytics CA', networks: readonly string[] = ['10.20.0.0/255.255.0.0', '127.0.0.0/255.0.0.0']) {
    this.key('ca');
    const constraints = [`permitted;DNS:${ZONE}`, ...networks.map((network) => `permitted;IP:${network}`)].join(',');
    this.config(`[ext]\nbasicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nnameConstraints=critical,${constraints}\nsubjectKeyIdentifier=hash\n`);
    this.openssl('req', '-x509', '-new', '-key', 'ca.key', '-sha256', '-days', '3652', '-subj', `/CN=${name}`, '-config', 'config', '-extensions', 'ext', '-out', 'ca.crt');
    this.bundle = this.file('ca.crt');
  }

  /** A new certificate with a new key, as the value of a node's secret. */
  issue({ host = HOST, names = [host, ZONE], ip = '10.20.0.10', extendedKeyUsage = 'serverAuth,clientAuth', basicConstraints = 'CA:FALSE', days = 90 }: LeafRequest = {}): NodeSecret {
    this.key('leaf');
    const alternatives = [...names.map((each) => `DNS:${each}`), `IP:${ip}`].join(',');
    this.config(
      `[ext]\nbasicConstraints=${basicConstraints}\nkeyUsage=critical,digitalSignature\n${extendedKeyUsage === '' ? '' : `extendedKeyUsage=${extendedKeyUsage}\n`}` +
        `subjectAltName=${alternatives}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n`,
    );
    this.openssl('req', '-new', '-key', 'leaf.key', '-subj', `/CN=${host}`, '-config', 'config', '-out', 'leaf.csr');
    this.openssl('x509', '-req', '-in', 'leaf.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-sha256', '-days', String(days), '-extfile', 'config', '-extensions', 'ext', '-out', 'leaf.crt');
    const certificate = this.file('leaf.crt');
    const leaf = readLeaf(certificate);
    if ('code' in leaf) throw new Error(leaf.reason);
    const privateKey = this.openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'leaf.key');
    return { node: host, names, ip, certificate, chain: this.bundle, privateKey, serial: leaf.serial, notAfter: new Date(leaf.notAfter).toISOString() };
  }

  end(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  private key(name: string): void {
    this.openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  }

  private config(extensions: string): void {
    writeFileSync(join(this.directory, 'config'), `[req]\ndistinguished_name=dn\n[dn]\n${extensions}`);
  }

  private file(name: string): string {
    return readFileSync(join(this.directory, name), 'utf8');
  }

  private openssl(...args: string[]): string {
    return execFileSync('openssl', args, { cwd: this.directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

/** Other material, made once for a test file. */
export function several(authority: Authority, count: number, request: LeafRequest = {}): NodeSecret[] {
  return Array.from({ length: count }, () => authority.issue(request));
}
