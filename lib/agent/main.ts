import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { PATHS } from '../config/paths';
import { readBootManifest } from './boot/manifest';
import { FOLDER_DISK } from './certificates/folders';
import type { NodeIdentity } from './identity';
import { readIdentity } from './identity';
import { AGENT_UNIT, agentUnit, enableAutostart, start, writeUnits } from './machine/units';
import { marksIn } from './node/marks';
import type { Parts } from './node/parts';
import { realParts } from './node/parts';
import { certificatesPass, usersCommand } from './node/passes';
import { serve } from './node/service';
import { PROGRAMS } from './programs';

/** sysexits' EX_SOFTWARE: the agent did what it can and the node still does not serve, or could not do it at all. */
const FAILED = 70;

/** sysexits' EX_TEMPFAIL: something could not be read or written; running the command again is right. */
const INCOMPLETE = 75;

const USAGE =
  'usage: agent boot --identity FILE --manifest FILE | agent run --identity FILE --manifest FILE | agent refresh --identity FILE | agent revoke --identity FILE [--user NAME]...';

/** The commands; see README.md. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { identity: { type: 'string' }, manifest: { type: 'string' }, user: { type: 'string', multiple: true } },
    });
    const [command, ...rest] = positionals;
    const { identity: file, manifest, user } = values;
    if (rest.length > 0 || !file) throw new Error(USAGE);
    const identity = (): NodeIdentity => readIdentity(readFileSync(file, 'utf8'));
    if (command === 'boot' && manifest && !user) return await boot(identity(), file, manifest);
    if (command === 'run' && manifest && !user) return await run(identity(), manifest);
    if (command === 'refresh' && !user && !manifest) return await refresh(identity());
    if (command === 'revoke' && !manifest) return await users('revoke', identity(), user ?? []);
    throw new Error(USAGE);
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): number {
  process.stderr.write(`agent: ${error instanceof Error ? error.message : String(error)}\n`);
  return FAILED;
}

/** Hands over to systemd, which starts the agent now, whenever it ends, and whenever the machine starts. */
async function boot(identity: NodeIdentity, file: string, manifest: string): Promise<number> {
  readBootManifest(readFileSync(manifest, 'utf8'), identity);
  const unit = agentUnit({ node: process.execPath, program: PATHS.agentProgram, identity: file, manifest, runtime: PATHS.agentRuntime });
  await writeUnits([unit], { programs: PROGRAMS, disk: FOLDER_DISK, directory: PATHS.systemdUnits, owner: { uid: 0, gid: 0, mode: 0o644 } });
  await enableAutostart(PROGRAMS, AGENT_UNIT);
  await start(PROGRAMS, AGENT_UNIT);
  return 0;
}

/** The agent that stays: brings the node up and keeps it so, until systemd ends it. */
async function run(identity: NodeIdentity, manifest: string): Promise<never> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  await serve({ identity, text: readFileSync(manifest, 'utf8') }, realParts(identity.region), stop.signal);
  // a pass that still waits for somebody must not hold up a restart or the machine's end; the next one does it anew.
  process.exit(0);
}

/** Users first, for whom somebody may be waiting; then certificates, also when users cannot be looked after. */
async function refresh(identity: NodeIdentity): Promise<number> {
  const parts = realParts(identity.region);
  const ofUsers = identity.role === 'server' ? await users('refresh', identity, [], parts).catch(failed) : 0;
  const shown = await certificates(identity, parts).catch(failed);
  // a failure says more than what is only not complete.
  return [ofUsers, shown].includes(FAILED) ? FAILED : Math.max(ofUsers, shown);
}

async function users(command: 'refresh' | 'revoke', identity: NodeIdentity, only: readonly string[], parts = realParts(identity.region)): Promise<number> {
  const { line, complete } = await usersCommand(command, identity, only, parts, marksIn(parts.disk, PATHS.agentRuntime));
  return ended(line, complete, `${command} is not complete, see 'kept' and 'notes' of its line; run it again`);
}

async function certificates(identity: NodeIdentity, parts: Parts): Promise<number> {
  const { line, complete } = await certificatesPass(identity, parts);
  return ended(line, complete, "the node does not show the certificate that its secret holds, see 'reason', 'trouble' and 'behind' of its line; run it again");
}

function ended(line: string, complete: boolean, otherwise: string): number {
  process.stdout.write(`${line}\n`);
  if (complete) return 0;
  process.stderr.write(`agent: ${otherwise}\n`);
  return INCOMPLETE;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
