import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';
import type { Certificate } from '../../pki/certificate';
import { pemOf } from '../../pki/pem';
import { readLeaf } from '../../pki/verify';
import { kindOf } from '../disk';
import type { FolderDisk } from './folders';
import { textIn } from './folders';
import type { Place } from './install';
import { named } from './install';

/** What the document names. */
export interface Installed {
  readonly certificate: Certificate;
  readonly bundle: string;
  /** the certificate and its key, for whoever has to show them. */
  readonly own: { readonly cert: string; readonly key: string };
}

/** Where a node listens, and by what name its peers know it. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly host: string;
}

/**
 * What a listener showed.
 *
 * - `certificate`: one that the bundle vouches for and that is for this host.
 * - `refused`: it answers, and no peer would talk to it.
 * - `unreachable`: nobody answers, which tells nothing about certificates.
 */
export type Served = { readonly kind: 'certificate'; readonly serial: string } | { readonly kind: 'refused' | 'unreachable'; readonly reason: string };

/** Asks a listener for its certificate. */
export type AskServed = (listener: Listener, trust: Pick<Installed, 'bundle' | 'own'>) => Promise<Served>;

/** How the certificates of a node are. A part that is not known is absent, never invented. */
export interface CertificateStatus {
  /** the serial number of the installed certificate. */
  readonly installed?: string;
  /** ISO 8601 in UTC. */
  readonly notAfter?: string;
  /** whole days; negative when it is over. */
  readonly daysToExpiry?: number;
  /** the serial number in the secret. */
  readonly current?: string;
  /** the serial number that the node's listener shows. */
  readonly served?: string;
  /** whether a listener shows another certificate than the installed one and the one in the secret, or none that is any good. */
  readonly behind?: boolean;
  /** why there is no `served`. */
  readonly trouble?: string;
}

/** How long a listener has to answer. */
const ANSWER_MILLISECONDS = 5_000;

const DAY = 86_400_000;

/** The material that the document names; undefined when there is none that could be read. */
export function readInstalled(disk: FolderDisk, place: Place): Installed | undefined {
  const [folder, ...more] = named(disk, place);
  if (folder === undefined || more.length > 0) return undefined;
  const [cert, key, bundle] = (['certificate', 'privateKey', 'bundle'] as const).map((file) => textIn(disk, place.directory, folder.name, file));
  if (cert === undefined || key === undefined || bundle === undefined) return undefined;
  const certificate = readLeaf(cert);
  return 'code' in certificate ? undefined : { certificate, bundle, own: { cert, key } };
}

/** Puts together what was found out. */
export function statusOf(installed: Installed | undefined, current: string | undefined, served: Served | undefined, now: number): CertificateStatus {
  const secret = current === undefined ? {} : { current };
  if (installed === undefined) return secret;
  const { serial, notAfter } = installed.certificate;
  return { installed: serial, notAfter: new Date(notAfter).toISOString(), daysToExpiry: Math.floor((notAfter - now) / DAY), ...secret, ...servedStatus(serial, current ?? serial, served) };
}

function servedStatus(installed: string, current: string, served: Served | undefined): CertificateStatus {
  if (served === undefined) return {};
  if (served.kind === 'certificate') return { served: served.serial, behind: served.serial !== installed || served.serial !== current };
  return { trouble: `${served.kind}: ${served.reason}`, ...(served.kind === 'refused' ? { behind: true } : {}) };
}

/**
 * The real one: a handshake of the node with itself, at the address and under the name that its peers use. A Keeper talks to nobody who shows no
 * certificate, and compares the one it is shown with the address that the connection comes from, which is its own.
 */
export const askServed = askWithin(ANSWER_MILLISECONDS);

/** With so much time for an answer. */
export function askWithin(milliseconds: number): AskServed {
  return async ({ address, port, host }, { bundle, own }) => {
    try {
      return await handshake({ host: address, port, servername: host, ca: bundle, ...own, minVersion: 'TLSv1.2' }, milliseconds);
    } catch (error) {
      return { kind: 'refused', reason: `the installed material cannot be used (${kindOf(error)})` };
    }
  };
}

function handshake(options: ConnectionOptions, milliseconds: number): Promise<Served> {
  return new Promise((resolve) => {
    let reached = false;
    const socket = connect(options);
    const end = (served: Served): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(served);
    };
    const fail = (reason: string): void => end({ kind: reached ? 'refused' : 'unreachable', reason });
    const timer = setTimeout(() => fail('ETIMEDOUT'), milliseconds);
    socket.once('connect', () => (reached = true));
    socket.once('secureConnect', () => {
      const raw = socket.getPeerX509Certificate()?.raw;
      const shown = raw && readLeaf(pemOf(raw));
      end(shown === undefined || 'code' in shown ? { kind: 'refused', reason: 'its certificate cannot be read' } : { kind: 'certificate', serial: shown.serial });
    });
    // stays: an error after the end would otherwise end the process.
    socket.on('error', (error) => fail(kindOf(error)));
  });
}
