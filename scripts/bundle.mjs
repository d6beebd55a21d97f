// Bundles what runs outside the construct tree: each Lambda handler, the node agent and the command-line
// checker become one JavaScript file under dist/bundles, or the folder that is named, so that synthesis needs
// neither esbuild nor Docker.
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = resolve(process.argv[2] ?? join(root, 'dist', 'bundles'));

function handlers() {
  const folder = join(root, 'lib', 'handlers');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    // the runtime's SDK is found through NODE_PATH, which require() looks at and a native import() does not
    // (https://nodejs.org/api/esm.html#no-node_path).
    .map((entry) => ({ name: entry.name, entry: join(folder, entry.name, 'index.ts'), options: { supported: { 'dynamic-import': false } } }));
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const checker = {
  name: 'secure-clickhouse',
  entry: join(root, 'bin', 'secure-clickhouse.ts'),
  options: {
    define: { 'process.env.SECURE_CLICKHOUSE_VERSION': JSON.stringify(version) },
    // one file that may be taken from its folder, so its license is in it.
    banner: { js: `#!/usr/bin/env node\n/* Includes yaml, https://eemeli.org/yaml\n${readFileSync(join(root, 'node_modules', 'yaml', 'LICENSE'), 'utf8')}*/` },
  },
};
// the modules of the SDK lose what is not used, its CommonJS builds do not.
const agent = { name: 'agent', entry: join(root, 'lib', 'agent', 'main.ts'), options: { mainFields: ['module', 'main'] } };
const bundles = [...handlers(), ...(existsSync(agent.entry) ? [agent] : []), checker];

/** The licenses of the packages that files are of, which go where their code goes. */
function licensesOf(files) {
  const packages = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  return [...packages]
    .sort()
    .map((folder) => {
      const { name: packageName, version: its, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const text = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
      return `${packageName} ${its} (${license})\n\n${text === undefined ? '' : readFileSync(join(folder, text), 'utf8')}`;
    })
    .join(`\n${'-'.repeat(79)}\n\n`);
}

rmSync(out, { recursive: true, force: true });
await Promise.all(
  bundles.map(async ({ name, entry, options = {} }) => {
    const { metafile } = await build({
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
      metafile: true,
      ...options,
    });
    const licenses = licensesOf(Object.keys(metafile.inputs));
    if (licenses !== '') writeFileSync(join(out, name, 'LICENSES.txt'), licenses);
  }),
);

// the publisher carries the agent, so no role has to read the bucket that the CDK bootstrap shares with everybody.
copyFileSync(join(out, 'agent', 'index.js'), join(out, 'publish-artefacts', 'agent.js'));
chmodSync(join(out, checker.name, 'index.js'), 0o755);
