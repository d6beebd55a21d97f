import type { Observation, VolumeHistory } from '../boot-steps';
import type { AttemptWorld } from './attempts';
import type { Marks } from './marks';

// What the course of a node's life (prepare.ts, watch.ts, drain.ts) asks of the world. assembly.ts makes the real ones; the tests of the course
// have simulated ones that fail and end anywhere. Everything may be asked again after it was done.

/** The machine below ClickHouse. */
export interface Machine {
  /** keeps ClickHouse's user from the metadata service. */
  closeMetadata(): Promise<void>;
  metadataIsClosed(): Promise<boolean>;
  tune(): Promise<void>;
  account(): Promise<void>;
  /** attaches, formats only what is provably empty, mounts. */
  mountVolume(instanceId: string): Promise<VolumeHistory>;
  /** notes on the volume that the node has been whole in this stack. */
  establish(): void;
  install(): Promise<void>;
  /** makes directories, and removes configuration that is not ours. */
  directories(): void;
  units(): Promise<void>;
  isRunning(): Promise<boolean>;
  /** nothing when it runs. */
  start(): Promise<void>;
  /** lets what runs end, as long as it may take; nothing when it does not run. */
  stop(): Promise<void>;
  /** ends it at once, without waiting for anybody, and lets no client in meanwhile; nothing when it does not run. */
  halt(): Promise<void>;
  unmountVolume(): Promise<void>;
  /** lets no new client in, and those who are there stay. */
  closeToClients(): Promise<void>;
  /** takes that back; nothing when nothing was closed. */
  openToClients(): Promise<void>;
}

/** What ClickHouse reads. */
export interface Configuration {
  /** the secret that nodes have in common; servers only. */
  secrets(): Promise<void>;
  bootDocuments(): Promise<void>;
  /** whether a certificate is installed, and whether everything is as the node's secret says. */
  certificates(): Promise<{ readonly installed: boolean; readonly complete: boolean }>;
  /** documents and users of the live manifest that the pointer names; servers only. */
  live(): Promise<LivePass>;
  /** which live manifest the pointer names now. */
  pointer(): Promise<string>;
}

/** A pass over documents and users. */
export interface LivePass {
  /** the SHA-256 of the live manifest. */
  readonly sha256: string;
  /** whether every file is as the manifest says: nobody is admitted who is not declared, nobody may do more than is declared. */
  readonly declared: boolean;
  /** whether besides every user is as his secret says; otherwise asking again soon may help. */
  readonly complete: boolean;
  /** makes the running server read it, and creates the databases; says whether all are there. */
  readonly apply: () => Promise<boolean>;
}

/** What only the agent knows of what a look tells. */
export interface Facts {
  readonly volume: VolumeHistory;
  readonly liveManifestApplied: boolean;
}

/** A look at ClickHouse. */
export interface Look {
  readonly observation: Observation;
  /** whom it let in who must not be: it is stopped at once, whatever else was seen. */
  readonly open?: string;
  /** what could not be seen, a line each. */
  readonly trouble: readonly string[];
}

/** AWS, as far as the node's life depends on it. */
export interface Surroundings {
  instanceId(): Promise<string>;
  /** whether Auto Scaling waits for this machine to finish. */
  terminating(): Promise<boolean>;
  signal(outcome: 'SUCCESS' | 'FAILURE', instanceId: string): Promise<void>;
  /** tells that the node runs the live manifest. */
  report(sha256: string): Promise<void>;
  /** tells Auto Scaling that the machine may go. */
  drained(instanceId: string): Promise<void>;
}

/** All of it. */
export interface NodePorts extends AttemptWorld {
  readonly role: 'server' | 'keeper';
  readonly machine: Machine;
  readonly configuration: Configuration;
  readonly look: (facts: Facts) => Promise<Look>;
  readonly surroundings: Surroundings;
  readonly marks: Marks;
  /** milliseconds since the epoch. */
  readonly now: () => number;
  /** publishes whether the node serves. */
  readonly publishReady: (ready: boolean) => void;
}
