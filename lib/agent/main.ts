import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { prepare, readBootManifest } from './boot';
import { readIdentity } from './identity';

/** sysexits' EX_SOFTWARE: the agent did what it can and the node still does not serve. */
const NOT_SERVING = 70;

/** `agent boot --identity FILE --manifest FILE`: see README.md. */
function main(argv: readonly string[]): number {
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { identity: { type: 'string' }, manifest: { type: 'string' } },
    });
    if (positionals[0] !== 'boot' || positionals.length > 1 || !values.identity || !values.manifest) {
      throw new Error('usage: agent boot --identity FILE --manifest FILE');
    }
    const identity = readIdentity(readFileSync(values.identity, 'utf8'));
    const manifest = readBootManifest(readFileSync(values.manifest, 'utf8'), identity);
    const documents = prepare(manifest, identity);
    const open = documents.filter((each) => each.open.length > 0);
    throw new Error(
      `verified the boot manifest of ${identity.name} (ClickHouse ${manifest.clickhouseVersion}, ${documents.length} documents, ${open.length} of them ` +
        'wait for certificates or secrets); this agent stops here: it does not attach the volume, install ClickHouse or start it yet, so the node reports failure',
    );
  } catch (error) {
    process.stderr.write(`agent: ${error instanceof Error ? error.message : String(error)}\n`);
    return NOT_SERVING;
  }
}

process.exitCode = main(process.argv.slice(2));
