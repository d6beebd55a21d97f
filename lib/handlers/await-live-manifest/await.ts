import { manifestKey } from '../../config/manifest';
import { isSha256, LARGEST_REPORT, readReport } from '../../config/report';
import type { CloudFormationEvent, Outcome } from '../cloudformation';
import type { MovePointer } from '../pointer';

/** Who has to run what. */
export interface LiveRolloutProperties {
  /** the cluster's bucket. */
  readonly Bucket: string;
  /** the parameter that names the live manifest. */
  readonly Pointer: string;
  /** the hash of the live manifest that every node must report. */
  readonly Sha256: string;
  /** the names of the nodes. */
  readonly Nodes: readonly string[];
}

/** Where reports are read. Both calls may throw at any time. */
export interface ReportStore {
  /** who has ever reported, and how many bytes. Listing tells a missing report from one that may not be read. */
  list(bucket: string): Promise<ReadonlyMap<string, number>>;
  read(bucket: string, node: string): Promise<string>;
}

/** What the wait needs from the world; simulated in tests. */
export interface World {
  readonly store: ReportStore;
  readonly movePointer: MovePointer;
  /** milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** told after every round but the last. */
  readonly waiting: (behind: readonly string[]) => void;
}

/** How long to wait, and how gently. */
export interface Patience {
  /** milliseconds from the start; no read starts after it. */
  readonly limit: number;
  readonly firstPause: number;
  readonly longestPause: number;
  readonly readsAtOnce: number;
}

/**
 * Lambda ends a function after 15 minutes without asking (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html); the
 * last minute is for the reads under way and for the answer, without which the stack would wait for its own time limit.
 */
export const PATIENCE: Patience = { limit: 14 * 60_000, firstPause: 2_000, longestPause: 15_000, readsAtOnce: 16 };

/** Custom resource: moves the pointer to the live manifest and answers when every node runs it. Undoing an update moves it back and waits again. */
export async function rollOut(event: CloudFormationEvent<LiveRolloutProperties>, world: World, patience: Patience = PATIENCE): Promise<Outcome> {
  // always the same: an update replaces nothing, so nothing is deleted behind it.
  const outcome = { physicalResourceId: event.PhysicalResourceId ?? `live-rollout-of-${event.LogicalResourceId}` };
  if (event.RequestType === 'Delete') return outcome;
  const wanted = checked(event.ResourceProperties);
  await world.movePointer(wanted.Pointer, manifestKey('live', wanted.Sha256));
  await awaitNodes(wanted, world, patience);
  return outcome;
}

/**
 * Waits until every node reports the hash, or says which do not.
 *
 * Each round reads every node again, so that success means that all agreed in one round; a node that has gone back to an older
 * manifest since it was last read counts.
 */
export async function awaitNodes({ Bucket, Sha256, Nodes }: LiveRolloutProperties, world: World, patience: Patience): Promise<void> {
  const { now, sleep, waiting } = world;
  const started = now();
  const deadline = started + patience.limit;
  const latest = new Map<string, Report>();
  for (let pause = patience.firstPause; ; pause = Math.min(pause * 1.5, patience.longestPause)) {
    const round = await readAll(Bucket, Nodes, world, patience.readsAtOnce, deadline);
    if (Nodes.every((node) => runs(round.get(node), Sha256))) return;
    for (const [node, report] of round) latest.set(node, report);
    const behind = Nodes.filter((node) => !runs(latest.get(node), Sha256));
    if (now() + pause >= deadline) throw new Error(complaint(Sha256, Nodes, behind, latest, Math.round((now() - started) / 1000)));
    waiting(behind);
    await sleep(pause);
  }
}

/** What one look at a node's report tells. */
type Report = { readonly live: string; readonly at: string } | { readonly trouble: string };

const NEVER: Report = { trouble: 'never reported' };

function runs(report: Report | undefined, sha256: string): boolean {
  return report !== undefined && 'live' in report && report.live === sha256;
}

/** One look at every node. A node that was not reached in time is missing from the answer. */
async function readAll(bucket: string, nodes: readonly string[], world: World, atOnce: number, deadline: number): Promise<Map<string, Report>> {
  const { store, now } = world;
  const round = new Map<string, Report>();
  let sizes: ReadonlyMap<string, number>;
  try {
    sizes = await store.list(bucket);
  } catch (error) {
    return new Map(nodes.map((node) => [node, { trouble: `reports cannot be listed: ${kind(error)}` }]));
  }
  const queue = nodes.values();
  const worker = async (): Promise<void> => {
    for (const node of queue) {
      if (now() >= deadline) return;
      round.set(node, await look(store, bucket, node, sizes.get(node)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, nodes.length) }, worker));
  return round;
}

async function look(store: ReportStore, bucket: string, node: string, size: number | undefined): Promise<Report> {
  if (size === undefined) return NEVER;
  // not even fetched: the object is written by the node, and a node may be in other hands.
  if (size > LARGEST_REPORT) return { trouble: `wrote a report of ${size} bytes` };
  try {
    return readReport(await store.read(bucket, node)) ?? { trouble: 'wrote a report that cannot be understood' };
  } catch (error) {
    return { trouble: `its report cannot be read: ${kind(error)}` };
  }
}

// the name of an error is enough to look it up, and unlike its message it repeats nothing that somebody else wrote.
function kind(error: unknown): string {
  return error instanceof Error && /^[A-Za-z0-9]{1,40}$/.test(error.name) ? error.name : 'Error';
}

// handlers/cloudformation.ts cuts a reason at this many characters; what to do must not be what is lost.
const LONGEST_COMPLAINT = 1024;

function complaint(sha256: string, nodes: readonly string[], behind: readonly string[], latest: ReadonlyMap<string, Report>, seconds: number): string {
  const start = behind.length > 0 ? `${behind.length} of ${nodes.length} nodes do not run the live manifest ${short(sha256)} after ${seconds} s: ` : `the nodes did not all run the live manifest ${short(sha256)} at the same time within ${seconds} s`;
  const end = '; look at the log stream of each, repair or replace it, then deploy again';
  const said = behind.map((node) => `${node} (${words(latest.get(node))})`);
  const listed: string[] = [];
  let room = LONGEST_COMPLAINT - start.length - end.length - ' and 10000 more'.length;
  for (const each of said) {
    room -= each.length + 2;
    if (room < 0) break;
    listed.push(each);
  }
  const more = said.length - listed.length;
  return `${start}${listed.join(', ')}${more > 0 ? ` and ${more} more` : ''}${end}`;
}

function words(report: Report | undefined): string {
  if (report === undefined) return 'not read in time';
  return 'live' in report ? `runs ${short(report.live)} since ${report.at}` : report.trouble;
}

function short(sha256: string): string {
  return sha256.slice(0, 12);
}

/** CloudFormation passes on whatever the template says. */
function checked(properties: LiveRolloutProperties): LiveRolloutProperties {
  const { Bucket, Pointer, Sha256, Nodes } = properties;
  if (typeof Pointer !== 'string' || Pointer === '') throw new Error(`'Pointer' must be the name of a parameter, got ${JSON.stringify(Pointer)}`);
  if (typeof Bucket !== 'string' || Bucket === '') throw new Error(`'Bucket' must be the name of a bucket, got ${JSON.stringify(Bucket)}`);
  if (typeof Sha256 !== 'string' || !isSha256(Sha256)) throw new Error(`'Sha256' must be 64 lower-case hexadecimal digits, got ${JSON.stringify(Sha256)}`);
  // a name is part of a key and of the answer; and waiting for nobody would always succeed.
  if (!Array.isArray(Nodes) || Nodes.length === 0 || !Nodes.every((node) => typeof node === 'string' && /^[a-z0-9-]{1,63}$/.test(node)) || new Set(Nodes).size !== Nodes.length) {
    throw new Error(`'Nodes' must be a list of different node names that is not empty, got ${JSON.stringify(Nodes)?.slice(0, 200)}`);
  }
  return properties;
}
