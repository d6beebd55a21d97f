import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { PATHS } from '../config/paths';
import { prepare, readBootManifest } from './boot';
import { credentialsCommand, groupId } from './credentials/command';
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
    if ((command === 'refresh' && !user && !manifest) || (command === 'revoke' && !manifest)) return await credentials(command, readIdentity(readFileSync(file, 'utf8')), user ?? []);
    throw new Error(USAGE);
  } catch (error) {
    process.stderr.write(`agent: ${error instanceof Error ? error.message : String(error)}\n`);
    return FAILED;
  }
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

async function credentials(command: 'refresh' | 'revoke', identity: NodeIdentity, only: readonly string[]): Promise<number> {
  // the SDK is most of the program, and `boot` needs none of it.
  const { manifestStore, secretStore } = await import('./aws.js');
  const { line, complete } = await credentialsCommand(command, identity, only, {
    manifests: manifestStore(identity.region),
    secrets: secretStore(identity.region),
    disk: DISK,
    places: { users: PATHS.usersConfigDirectory, memory: MEMORY },
    owner: { uid: 0, gid: groupId(readFileSync('/etc/group', 'utf8'), 'clickhouse'), mode: 0o640 },
    now: Date.now,
    exclusively: (work) => exclusively(LOCK, LOCK_SECONDS, work),
  });
  process.stdout.write(`${line}\n`);
  if (complete) return 0;
  process.stderr.write(`agent: ${command} is not complete, see 'kept' and 'notes' of its line; run it again\n`);
  return INCOMPLETE;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
