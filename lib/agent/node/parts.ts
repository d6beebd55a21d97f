import { readFileSync } from 'node:fs';
import { PORTS } from '../../config/ports';
import type { AskServed } from '../certificates/status';
import { askServed } from '../certificates/status';
import { lifecycle } from '../cloud/lifecycle';
import type { Lifecycle } from '../cloud/lifecycle';
import { logSink } from '../cloud/logs';
import type { LogSink } from '../cloud/logs';
import type { InstanceMetadata } from '../cloud/metadata';
import { instanceMetadata } from '../cloud/metadata';
import type { Objects } from '../cloud/objects';
import { objects } from '../cloud/objects';
import type { Signals } from '../cloud/signals';
import { signals } from '../cloud/signals';
import { manifestStore, secretStore, staticSecret } from '../cloud/stores';
import { volumeApi } from '../cloud/volumes';
import { sleep } from '../credentials/poll';
import type { SecretStore } from '../credentials/secrets';
import type { ManifestStore } from '../live-manifest';
import { exclusively } from '../lock';
import type { PackageDisk } from '../machine/packages';
import { PACKAGE_DISK } from '../machine/packages';
import { writeKernelFile } from '../machine/settings';
import type { Programs } from '../programs';
import { PROGRAMS } from '../programs';
import type { VolumeApi, VolumeWorld } from '../volume';
import { DEVICES } from '../volume';

/** What a node is made of. The real ones; a simulated boot puts others in the place of what its machine lacks. */
export interface Parts {
  /** before every path on the machine; empty on a node. */
  readonly root: string;
  readonly ports: Readonly<Record<'https' | 'keeper' | 'native', number>>;
  readonly disk: PackageDisk;
  readonly programs: Programs;
  readonly devices: Pick<VolumeWorld, 'openDevice' | 'deviceNumber' | 'exists' | 'mounts'>;
  readonly writeKernelFile: (path: string, text: string) => void;
  readonly readSystemFile: (path: string) => string;
  readonly metadata: InstanceMetadata;
  readonly manifests: ManifestStore;
  readonly secrets: SecretStore;
  readonly staticSecret: (secret: string) => Promise<string | undefined>;
  readonly volumes: VolumeApi;
  readonly objects: Objects;
  readonly signals: Signals;
  readonly lifecycle: Lifecycle;
  readonly logs: LogSink;
  readonly askServed: AskServed;
  /** takes turns with other processes of this machine, see `lock.ts`. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly now: () => number;
}

/** The pause of what is not told to end while it waits; see each for how long that may be. */
export function undisturbed({ sleep: pause }: Pick<Parts, 'sleep'>): (milliseconds: number) => Promise<void> {
  return (milliseconds) => pause(milliseconds, new AbortController().signal);
}

/** A tmpfs that only root writes to. */
const LOCK = '/run/clickhouse-agent.lock';

/** Longer than a pass of hundreds of users takes; shorter than the refresh document's patience. */
const LOCK_SECONDS = 300;

export function realParts(region: string): Parts {
  return {
    root: '',
    ports: PORTS,
    disk: PACKAGE_DISK,
    programs: PROGRAMS,
    devices: DEVICES,
    writeKernelFile,
    readSystemFile: (path) => readFileSync(path, 'utf8'),
    metadata: instanceMetadata(),
    manifests: manifestStore(region),
    secrets: secretStore(region),
    staticSecret: staticSecret(region),
    volumes: volumeApi(region),
    objects: objects(region),
    signals: signals(region),
    lifecycle: lifecycle(region),
    logs: logSink(region),
    askServed,
    exclusively: (work) => exclusively(LOCK, LOCK_SECONDS, work),
    sleep,
    random: Math.random,
    now: Date.now,
  };
}
