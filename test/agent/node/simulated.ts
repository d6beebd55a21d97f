import { Definite } from '../../../lib/agent/node/attempts';
import type { Observation, VolumeHistory } from '../../../lib/agent/boot-steps';
import type { Mark, Marks } from '../../../lib/agent/node/marks';
import type { Look, NodePorts } from '../../../lib/agent/node/ports';
import { live } from '../../../lib/agent/node/run';

/** What an instance loses when it ends, and a reboot does not. */
interface RootDisk {
  tuned: boolean;
  account: boolean;
  installed: boolean;
  directories: boolean;
  documents: boolean;
  certificate: boolean;
  users?: string;
  units: boolean;
}

/** What a reboot loses. */
interface Memory {
  metadataClosed: boolean;
  closedToClients: boolean;
  mounted: boolean;
  running: boolean;
  marks: Map<Mark, string>;
}

/** What nothing loses. */
export interface Volume {
  formatted: boolean;
  established: boolean;
  databases: boolean;
}

/** What goes wrong, asked before every call. */
export interface Faults {
  /** whether this call fails, and leaves nothing done. */
  readonly fails: (call: string) => boolean;
  /** whether the agent ends here; `after` is when the call has done its work. */
  readonly dies: (call: string, when: 'before' | 'after') => boolean;
  /** whether this call does its work, and the agent hears that it failed. */
  readonly lies?: (call: string) => boolean;
}

export const NO_FAULTS: Faults = { fails: () => false, dies: () => false };

const NEW_DISK: RootDisk = { tuned: false, account: false, installed: false, directories: false, documents: false, certificate: false, units: false };
const newMemory = (): Memory => ({ metadataClosed: false, closedToClients: false, mounted: false, running: false, marks: new Map() });

/**
 * A machine, its volume and AWS around it, in memory and in a time of its own. What must never happen is refused here, by throwing out of the
 * test: see {@link SimulatedNode.violations}.
 */
export class SimulatedNode {
  disk: RootDisk = { ...NEW_DISK };
  memory: Memory = newMemory();
  pointer = 'one';
  terminating = false;
  /** whom ClickHouse lets in that it should not. */
  open?: string;
  /** what the authority has issued. */
  issued = true;
  keepers: 'reachable' | 'unreachable' | 'none' = 'reachable';
  replica: 'empty' | 'fetching' | 'writable' | 'behind' | 'caughtUp' = 'caughtUp';
  inQuorum = true;
  unreadableUser = false;
  undeclaredUser = false;
  /** a call that never ends. */
  hangs?: string;
  /** whether CloudFormation answers. */
  cloudFormation = true;
  /** something that waiting does not change. */
  foreignVolume = false;
  readonly calls: string[] = [];
  readonly events: Record<string, unknown>[] = [];
  readonly signals: string[] = [];
  readonly reports: string[] = [];
  readonly violations: string[] = [];
  readonly ready: boolean[] = [];
  drained = false;
  now = 0;
  private loaded?: string;
  private generation = 0;
  private sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  constructor(readonly role: 'server' | 'keeper' = 'server', readonly volume: Volume = { formatted: false, established: false, databases: false }) {}

  /** Another instance for the same volume. */
  replaceInstance(): void {
    this.disk = { ...NEW_DISK };
    this.reboot();
    this.terminating = false;
    this.drained = false;
  }

  reboot(): void {
    this.memory = newMemory();
    this.loaded = undefined;
  }

  /**
   * Runs the agent until it ends, it dies, or `enough`. Returns how.
   */
  async run(faults: Faults = NO_FAULTS, enough: (node: this) => boolean = () => false, limit = 3000): Promise<'drained' | 'stopped' | 'died' | 'enough' | 'limit'> {
    this.generation += 1;
    this.sleepers = [];
    const stop = new AbortController();
    let died: () => void = () => undefined;
    const death = new Promise<'died'>((resolve) => (died = () => resolve('died')));
    const ending = live(this.ports(faults, died), stop.signal);
    const finished = Promise.race([ending, death]);
    let over: Awaited<typeof finished> | undefined;
    void finished.then((how) => (over = how), () => (over = 'stopped'));
    for (let steps = 0; steps < limit; steps += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (over !== undefined) return finished;
      if (enough(this)) {
        stop.abort();
        for (const { wake } of this.sleepers) wake();
        // what is under way ends; nothing of it may act on a machine that went on without it.
        for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
        this.generation += 1;
        return 'enough';
      }
      this.wakeNext();
    }
    this.generation += 1;
    return 'limit';
  }

  private wakeNext(): void {
    this.sleepers.sort((a, b) => a.at - b.at);
    const next = this.sleepers.shift();
    if (next === undefined) return;
    this.now = Math.max(this.now, next.at);
    next.wake();
  }

  private never(what: string): void {
    this.violations.push(what);
  }

  private ports(faults: Faults, died: () => void): NodePorts {
    const generation = this.generation;
    const gone = (): boolean => this.generation !== generation;
    let dead = false;
    const hang = <T>(): Promise<T> => new Promise<T>(() => undefined);
    const die = <T>(): Promise<T> => {
      dead = true;
      died();
      return hang<T>();
    };
    /** one effect: may fail, may be the last thing that happens. */
    const effect = async <T>(name: string, act: () => T): Promise<T> => {
      if (dead || gone()) return hang<T>();
      this.calls.push(name);
      if (faults.dies(name, 'before')) return die<T>();
      if (name === this.hangs) return hang<T>();
      if (faults.fails(name)) throw new Error(`${name} fails`);
      const result = act();
      if (faults.dies(name, 'after')) return die<T>();
      if (faults.lies?.(name) === true) throw new Error(`nobody knows what became of ${name}`);
      return Promise.resolve(result);
    };
    /** one that the agent does not wait for. */
    const now = (name: string, act: () => void): void => {
      if (dead || gone()) return;
      this.calls.push(name);
      act();
    };
    const marks: Marks = {
      has: (mark) => this.memory.marks.has(mark),
      text: (mark) => this.memory.marks.get(mark),
      set: (mark, text = '') => now(`mark ${mark}`, () => void this.memory.marks.set(mark, text)),
      clear: (mark) => now(`clear ${mark}`, () => void this.memory.marks.delete(mark)),
    };
    const { disk, memory, volume } = this;
    return {
      role: this.role,
      marks,
      machine: {
        closeMetadata: () => effect('closeMetadata', () => void (memory.metadataClosed = true)),
        metadataIsClosed: () => effect('metadataIsClosed', () => memory.metadataClosed),
        tune: () => effect('tune', () => void (disk.tuned = true)),
        account: () =>
          effect('account', () => {
            if (!memory.metadataClosed) this.never('an account while the metadata service is open to it');
            disk.account = true;
          }),
        mountVolume: () =>
          effect('mountVolume', (): VolumeHistory => {
            if (this.foreignVolume) throw new Definite('somebody else\'s data');
            const history = !volume.formatted ? 'empty' : volume.established ? 'established' : 'unfinished';
            volume.formatted = true;
            memory.mounted = true;
            return history;
          }),
        establish: () => now('establish', () => void (volume.established = true)),
        install: () =>
          effect('install', () => {
            if (!disk.account) this.never('packages before the account they use');
            if (!disk.units) this.never('packages before the unit that keeps them from starting');
            disk.installed = true;
          }),
        directories: () =>
          now('directories', () => {
            if (!memory.mounted) this.never('directories on the root disk in place of the volume');
            disk.directories = true;
          }),
        units: () => effect('units', () => void (disk.units = true)),
        isRunning: () => effect('isRunning', () => memory.running),
        start: () =>
          effect('start', () => {
            const missing = Object.entries({
              'the metadata service closed': memory.metadataClosed, 'a volume': memory.mounted, packages: disk.installed, directories: disk.directories, documents: disk.documents,
              'a certificate': disk.certificate, users: this.role === 'keeper' || disk.users !== undefined, 'a unit': disk.units, 'the mark': memory.marks.has('ready'),
            }).flatMap(([what, there]) => (there ? [] : [what]));
            if (missing.length > 0) this.never(`started without ${missing.join(', ')}`);
            if (memory.marks.has('open')) this.never('started again after it let somebody in');
            if (!memory.running && !memory.closedToClients) this.never('started with the door open');
            if (!memory.running) this.loaded = disk.users;
            memory.running = true;
          }),
        stop: () => effect('stop', () => void (memory.running = false)),
        unmountVolume: () =>
          effect('unmountVolume', () => {
            if (memory.running) this.never('the volume is taken from under ClickHouse');
            memory.mounted = false;
          }),
        halt: () =>
          effect('halt', () => {
            memory.closedToClients = true;
            memory.running = false;
          }),
        closeToClients: () => effect('closeToClients', () => void (memory.closedToClients = true)),
        openToClients: () =>
          effect('openToClients', () => {
            if (!memory.running || this.open !== undefined) this.never('clients are let in before it is known that nobody else is');
            if (this.loaded === undefined && this.role === 'server') this.never('clients are let in before users were read');
            memory.closedToClients = false;
          }),
      },
      configuration: {
        secrets: () => effect('secrets', () => undefined),
        bootDocuments: () =>
          effect('bootDocuments', () => {
            if (!disk.directories) this.never('documents before directories');
            disk.documents = true;
          }),
        certificates: () =>
          effect('certificates', () => {
            if (this.issued) disk.certificate = true;
            return { installed: disk.certificate, complete: this.issued };
          }),
        live: () =>
          effect('live', () => {
            const sha256 = this.pointer;
            disk.users = sha256;
            return {
              sha256,
              complete: !this.unreadableUser,
              declared: !this.undeclaredUser,
              apply: () =>
                effect('apply', () => {
                  this.loaded = disk.users;
                  if (this.keepers === 'unreachable' && !volume.databases) return false;
                  volume.databases = true;
                  return true;
                }),
            };
          }),
        pointer: () => effect('pointer', () => this.pointer),
      },
      look: ({ volume: history, liveManifestApplied }) =>
        effect('look', (): Look => {
          const observation: Observation =
            this.role === 'keeper'
              ? { role: 'keeper', volume: history, listening: memory.running, peerReportsQuorum: false, inQuorum: memory.running && this.inQuorum }
              : { role: 'server', volume: history, liveManifestApplied, listening: memory.running, keepers: this.keepers, replica: this.replica };
          return { observation, trouble: [], ...(memory.running && this.open !== undefined ? { open: this.open } : {}) };
        }),
      surroundings: {
        instanceId: () => effect('instanceId', () => 'i-0123456789abcdef0'),
        terminating: () => effect('terminating', () => this.terminating),
        signal: (outcome) =>
          effect(`signal ${outcome}`, () => {
            if (!this.cloudFormation) throw new Error('Rate exceeded');
            if (outcome === 'SUCCESS' && !memory.running) this.never('success for a node that does not run');
            if (outcome === 'SUCCESS' && this.role === 'server' && this.loaded === undefined) this.never('success before users were read');
            this.signals.push(outcome);
          }),
        report: (sha256) =>
          effect('report', () => {
            if (this.loaded !== sha256) this.never(`reported ${sha256} while ${this.loaded} runs`);
            if (!volume.databases) this.never('reported without the databases');
            if (this.undeclaredUser) this.never('reported while somebody is admitted who is not declared');
            this.reports.push(sha256);
          }),
        drained: () =>
          effect('drained', () => {
            if (memory.running || memory.mounted) this.never('the machine is given back while it is in use');
            this.drained = true;
          }),
      },
      now: () => this.now,
      random: () => 0.5,
      sleep: (milliseconds, signal) => {
        if (dead || gone()) return hang<void>();
        if (signal.aborted) return Promise.resolve();
        return new Promise((resolve) => {
          const wake = (): void => {
            signal.removeEventListener('abort', wake);
            resolve();
          };
          this.sleepers.push({ at: this.now + milliseconds, wake });
          signal.addEventListener('abort', wake);
        });
      },
      log: (event) => now('log', () => void this.events.push({ ...event })),
      publishReady: (ready) => now('publishReady', () => void this.ready.push(ready)),
    };
  }
}
