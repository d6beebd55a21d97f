// Bundles what runs outside the construct tree: each Lambda handler and the node agent become one
// JavaScript file under dist/bundles, so that synthesis needs neither esbuild nor Docker.
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'dist', 'bundles');

function handlers() {
  const folder = join(root, 'lib', 'handlers');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ name: entry.name, entry: join(folder, entry.name, 'index.ts') }));
}

const agent = { name: 'agent', entry: join(root, 'lib', 'agent', 'main.ts') };
const bundles = [...handlers(), ...(existsSync(agent.entry) ? [agent] : [])];

rmSync(out, { recursive: true, force: true });
await Promise.all(
  bundles.map(({ name, entry }) =>
    build({
      entryPoints: [entry],
      outfile: join(out, name, 'index.js'),
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      minify: true,
      // the Lambda runtime brings the SDK; the agent must bring everything it needs.
      external: name === 'agent' ? [] : ['@aws-sdk/*'],
      legalComments: 'none',
      logLevel: 'warning',
    }),
  ),
);

// the publisher carries the agent, so no role has to read the bucket that the CDK bootstrap shares with everybody.
copyFileSync(join(out, 'agent', 'index.js'), join(out, 'publish-artefacts', 'agent.js'));
