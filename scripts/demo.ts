// `npm run demo`: the example is synthesised with the policy checks on and summarised, then the breach of January 2025, written as
// infrastructure, is refused. With the optional ClickHouse engine the breach then happens on a server, not on ours, and a password is
// rotated under load. Exits 0 only if all of it ended as it must.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineMissing } from '../test/engine/engine';
import { cdkSynth } from './cdk';
import { publishedIn } from './demo/published';
import { replay } from './demo/replay';
import { summarise } from './summary';

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'));
  try {
    console.log('bin/app.ts: a ClickHouse in a private VPC, checked by ClickHouseChecks and AwsSolutionsChecks\n');
    const secure = cdkSynth('bin/app.ts', join(folder, 'secure'));
    if (secure.status !== 0) {
      console.error(`the example does not synthesise (exit code ${secure.status}):\n${secure.output}`);
      return 1;
    }
    console.log(summarise(join(folder, 'secure')));

    console.log('\nexamples/exposed: a public subnet, 8123 and 9000 from anywhere, an empty password\n');
    const exposed = cdkSynth('examples/exposed/app.ts', join(folder, 'exposed'));
    console.log(exposed.output.trimEnd().replace(/^/gm, '  '));
    if (exposed.status === 0) {
      console.error('\nthe exposed example synthesised: the checks do not work');
      return 1;
    }
    console.log(`\n  refused: cdk synth exits ${exposed.status}`);

    const missing = engineMissing();
    if (missing !== undefined) {
      console.log(`\nleft out: the breach on a real server and a rotation under load, because ${missing}`);
      return process.env.CI === 'true' ? 1 : 0;
    }
    if (await replay(publishedIn(join(folder, 'secure')))) return 0;
    console.error('\nthis did not end as it must: see above');
    return 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void main().then((code) => (process.exitCode = code));
