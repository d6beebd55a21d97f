import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PATHS } from '../config/paths';
import { prepare, readBootManifest } from './boot';
import { certificatePlaces, certificatesCommand } from './certificates/command';
import { FOLDER_DISK } from './certificates/folders';
import { askServed } from './certificates/status';
import { credentialsCommand, groupId } from './credentials/command';
import type { Owner } from './disk';
import { DISK } from './disk';
import type { NodeIdentity } from './identity';
import { readIdentity } from './identity';
import { exclusively } from './lock';

/** sysexits' EX_SOFTWARE: the agent did what it can and the node still does not serve, or could not do it at all. */
const FAILED = 70;

/** sysexits' EX_TEMPFAIL: something could not be read or written; running the command again is right. */
const INCOMPLETE = 75;

const USAGE = 'usage: agent boot --identity FILE --manifest FILE | agent refresh --identity FILE | agent revoke --identity FILE [--user NAME]...';

/** Beside ClickHouse's own directories on the data volume, so that it survives the instance. */
const MEMORY = `${PATHS.serverData}/agent-credentials`;

/** A tmpfs that only root writes to. */
const LOCK = '/run/clickhouse-agent.lock';

/** Longer than a pass of hundreds of users takes; shorter than the refresh document's patience. */
const LOCK_SECONDS = 300;

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
    if (command === 'boot' && manifest && !user) return boot(readIdentity(readFileSync(file, 'utf8')), manifest);
    if (command === 'refresh' && !user && !manifest) return await refresh(readIdentity(readFileSync(file, 'utf8')));
    if (command === 'revoke' && !manifest) return await credentials(command, readIdentity(readFileSync(file, 'utf8')), user ?? []);
    throw new Error(USAGE);
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): number {
  process.stderr.write(`agent: ${error instanceof Error ? error.message : String(error)}\n`);
  return FAILED;
}

function boot(identity: NodeIdentity, file: string): never {
  const manifest = readBootManifest(readFileSync(file, 'utf8'), identity);
  const documents = prepare(manifest, identity);
  const open = documents.filter((each) => each.open.length > 0);
  throw new Error(
    `verified the boot manifest of ${identity.name} (ClickHouse ${manifest.clickhouseVersion}, ${documents.length} documents, ${open.length} of them ` +
      'wait for certificates or secrets); this agent stops here: it does not attach the volume, install ClickHouse or start it yet, so the node reports failure',
  );
}

/** Users first, for whom somebody may be waiting; then certificates, also when users cannot be looked after. */
async function refresh(identity: NodeIdentity): Promise<number> {
  const users = identity.role === 'server' ? await credentials('refresh', identity, []).catch(failed) : 0;
  const shown = await certificates(identity).catch(failed);
  // a failure says more than what is only not complete.
  return [users, shown].includes(FAILED) ? FAILED : Math.max(users, shown);
}

async function credentials(command: 'refresh' | 'revoke', identity: NodeIdentity, only: readonly string[]): Promise<number> {
  // the SDK is most of the program, and `boot` needs none of it.
  const { manifestStore, secretStore } = await import('./aws.js');
  const { line, complete } = await credentialsCommand(command, identity, only, {
    manifests: manifestStore(identity.region),
    secrets: secretStore(identity.region),
    disk: DISK,
    places: { users: PATHS.usersConfigDirectory, memory: MEMORY },
    owner: readableForClickHouse(),
    now: Date.now,
    exclusively: (work) => exclusively(LOCK, LOCK_SECONDS, work),
  });
  return ended(line, complete, `${command} is not complete, see 'kept' and 'notes' of its line; run it again`);
}

async function certificates(identity: NodeIdentity): Promise<number> {
  const { manifestStore, secretStore } = await import('./aws.js');
  const manifests = manifestStore(identity.region);
  const { line, complete } = await certificatesCommand(identity, {
    manifests,
    secrets: secretStore(identity.region),
    parameter: (name) => manifests.pointer(name),
    disk: FOLDER_DISK,
    places: certificatePlaces(identity.role),
    owner: readableForClickHouse,
    askServed,
    sleep,
    now: Date.now,
    exclusively: (work) => exclusively(LOCK, LOCK_SECONDS, work),
  });
  return ended(line, complete, "the node does not show the certificate that its secret holds, see 'reason', 'trouble' and 'behind' of its line; run it again");
}

function readableForClickHouse(): Owner {
  return { uid: 0, gid: groupId(readFileSync('/etc/group', 'utf8'), 'clickhouse'), mode: 0o640 };
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
