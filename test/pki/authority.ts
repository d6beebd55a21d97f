import { execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { generateKeyPairSync, sign } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
import { assemble, authorityToBeSigned, newSerial, nodeToBeSigned } from '../../lib/handlers/issue-certificate/certificates';
import type { Signer } from '../../lib/handlers/issue-certificate/signer';
import type { AuthorityCertificate } from '../../lib/pki/authority';
import { parseAuthority } from '../../lib/pki/authority';
import type { Expectations } from '../../lib/pki/verify';

export const ZONE = 'analytics.clickhouse.internal';
export const NODE = `server-1-1.${ZONE}`;
export const IP = '10.20.1.11';
export const NETWORKS: readonly string[] = ['10.20.0.0/23', '10.20.4.0/24', '127.0.0.0/8'];
export const DAY = 86_400_000;

/** A key pair on the curve P-256, or another. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
  /** PKCS #8. */
  readonly pem: string;
}

export function keyPair(namedCurve = 'P-256'): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  return { publicKey: publicKey.export({ type: 'spki', format: 'der' }), privateKey, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** A signer whose key is here. */
export function localSigner(pair: KeyPair): Signer {
  return {
    publicKey: () => Promise.resolve(pair.publicKey),
    sign: (message) => Promise.resolve(sign('sha256', message, pair.privateKey)),
  };
}

/** What a test changes in a certificate before it is signed. */
export type Change = (certificate: asn1.TBSCertificate) => void;

export interface Issued {
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
}

export interface AuthorityOptions {
  readonly zone?: string;
  readonly networks?: readonly string[];
  readonly commonName?: string;
  readonly now?: number;
  readonly keys?: KeyPair;
  readonly change?: Change;
}

export interface NodeOptions {
  readonly node?: string;
  readonly names?: readonly string[];
  readonly ip?: string;
  readonly now?: number;
  readonly change?: Change;
  readonly keys?: KeyPair;
}

/** An authority as the handler makes it, with a key that is here. */
export class TestAuthority {
  readonly keys: KeyPair;
  /** PEM. */
  readonly pem: string;

  constructor({ zone = ZONE, networks = NETWORKS, commonName = 'ClickHouse analytics CA', now = Date.now(), keys = keyPair(), change }: AuthorityOptions = {}) {
    this.keys = keys;
    this.pem = signed(authorityToBeSigned({ commonName, zone, networks, publicKey: keys.publicKey, serial: newSerial(), now }), keys, change);
  }

  get certificate(): AuthorityCertificate {
    const authority = parseAuthority(this.pem);
    const [first] = 'problems' in authority ? [] : authority.certificates;
    if (first === undefined) throw new Error('the authority of this test is none');
    return first;
  }

  issue({ node = NODE, names = [node, ZONE], ip = IP, now = Date.now(), keys = keyPair(), change }: NodeOptions = {}): Issued {
    const toBeSigned = nodeToBeSigned({ node, names, ip, publicKey: keys.publicKey, authority: this.certificate, serial: newSerial(), now });
    return { certificate: signed(toBeSigned, this.keys, change), privateKey: keys.pem };
  }

  /** What is expected of {@link issue} without options. */
  expectations(changes: Partial<Expectations> = {}): Expectations {
    return { node: NODE, names: [NODE, ZONE], ip: IP, authority: this.pem, ...changes };
  }
}

function signed(toBeSigned: Uint8Array, { privateKey }: KeyPair, change?: Change): string {
  if (change === undefined) return assemble(toBeSigned, sign('sha256', toBeSigned, privateKey));
  const contents = AsnConvert.parse(toBeSigned, asn1.TBSCertificate);
  change(contents);
  const changed = new Uint8Array(AsnConvert.serialize(contents));
  return assemble(changed, sign('sha256', changed, privateKey));
}

/** Puts another value into an extension, or takes it out. */
export function extension(oid: string, value: object | undefined, critical?: boolean): Change {
  return ({ extensions }) => {
    const index = extensions?.findIndex(({ extnID }) => extnID === oid) ?? -1;
    const before = extensions?.[index];
    if (extensions === undefined) throw new Error('a certificate without extensions');
    if (value === undefined) {
      extensions.splice(index, 1);
      return;
    }
    const next = new asn1.Extension({ extnID: oid, critical: critical ?? before?.critical ?? false, extnValue: new OctetString(AsnConvert.serialize(value)) });
    if (index < 0) extensions.push(next);
    else extensions[index] = next;
  };
}

export function hasOpenssl(): boolean {
  return has('openssl', ['version']);
}

export function has(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
