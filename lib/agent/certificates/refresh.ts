import { ConfigurationError } from '../../config/error';
import { kindOf } from '../disk';
import type { FolderDisk } from './folders';
import type { Place } from './install';
import { install } from './install';
import type { MaterialReading, MaterialSource, Subject } from './material';
import { readMaterial } from './material';
import type { AskServed, CertificateStatus, Listener, Served } from './status';
import { readInstalled, statusOf } from './status';

/** All that a pass needs of the node. */
export interface CertificateNode {
  readonly source: MaterialSource;
  readonly subject: Subject;
  readonly disk: FolderDisk;
  readonly place: Place;
  readonly listener: Listener;
  readonly askServed: AskServed;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** milliseconds since the epoch. */
  readonly now: () => number;
}

/** What a pass did. No key, and nothing of a secret that could be one. */
export interface CertificateReport {
  /** `kept`: what was installed before still is, and nothing was taken up. */
  readonly state: 'installed' | 'same' | 'kept';
  /** why it is kept. */
  readonly reason?: string;
  /** worth knowing, and changes nothing. */
  readonly notes: readonly string[];
  /** folders that were removed. */
  readonly removed: readonly string[];
  readonly status: CertificateStatus;
  /** whether asking again soon may give another answer. */
  readonly retry: boolean;
}

/** ClickHouse looks every two seconds whether a document has changed (https://clickhouse.com/docs/operations/server-configuration-parameters/settings#config_reload_interval_ms). */
const PATIENCE = { looks: 20, milliseconds: 500 };

/**
 * One pass: the node shows the certificate that its secret holds, if that is any good, and says what it really shows.
 *
 * Every pass starts from nothing but the secret and the files, so one that ended anywhere is completed by the next. The caller sees to it that
 * no other runs meanwhile.
 */
export async function refreshCertificates(node: CertificateNode): Promise<CertificateReport> {
  const reading = await readMaterial(node.source, node.subject, node.now());
  const done = takeUp(node, reading);
  const current = reading.kind === 'material' ? reading.material.serial : reading.kind === 'refused' ? reading.serial : undefined;
  const status = await look(node, current, done.state === 'installed');
  return { ...done, status, retry: status.behind === true || (done.state === 'kept' && reading.kind !== 'gone' && reading.kind !== 'malformed') };
}

function takeUp({ disk, place, now }: CertificateNode, reading: MaterialReading): Omit<CertificateReport, 'status' | 'retry'> {
  if (reading.kind !== 'material') return { state: 'kept', reason: reading.reason, notes: [], removed: [] };
  try {
    const { changed, bundleChanged, removed } = install(disk, place, reading.material, now());
    // https://github.com/ClickHouse/ClickHouse/pull/117387
    const restart = bundleChanged ? ["the authority's certificates have changed; ClickHouse before 26.9 trusts the new ones after its next start"] : [];
    return { state: changed ? 'installed' : 'same', notes: [...reading.notes, ...restart], removed };
  } catch (error) {
    // an error of ours says what to do and quotes no secret; of any other there is one word.
    const why = error instanceof ConfigurationError ? error.message : kindOf(error);
    return { state: 'kept', reason: `the certificate cannot be installed: ${why}`, notes: reading.notes, removed: [] };
  }
}

async function look(node: CertificateNode, current: string | undefined, patient: boolean): Promise<CertificateStatus> {
  const { disk, place, listener, now } = node;
  let installed: ReturnType<typeof readInstalled>;
  try {
    installed = readInstalled(disk, place);
  } catch (error) {
    return { ...statusOf(undefined, current, undefined, now()), trouble: `what is installed cannot be read: ${kindOf(error)}` };
  }
  if (installed === undefined) return statusOf(undefined, current, undefined, now());
  let served: Served = await node.askServed(listener, installed);
  for (let looks = 1; patient && looks < PATIENCE.looks && served.kind !== 'unreachable' && !(served.kind === 'certificate' && served.serial === installed.certificate.serial); looks += 1) {
    await node.sleep(PATIENCE.milliseconds);
    served = await node.askServed(listener, installed);
  }
  return statusOf(installed, current, served, now());
}
