// A process of the bench: synthesises the example, the plain app or both in turns, and prints how long each time took.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { App, AssetStaging } from 'aws-cdk-lib';
import { AnalyticsStack } from '../../bin/app';
import { PlainStack } from './plain-app';

/** What to do, as JSON in the first argument. */
export interface SynthTask {
  readonly apps: readonly AppName[];
  readonly warmUps: number;
  readonly runs: number;
  /** CDK's built-in validation of templates, which starts a WebAssembly engine once per process. */
  readonly validator: boolean;
  readonly bundles: string;
  /** where the manifests of the plain app are, and where to write. */
  readonly folder: string;
}

export type AppName = 'example' | 'plain';

/** Milliseconds of each run by app, and the last template of each. */
export interface SynthTimes {
  readonly times: Readonly<Record<AppName, readonly number[]>>;
  readonly templates: Readonly<Partial<Record<AppName, string>>>;
}

function synthesise(name: AppName, task: SynthTask): { readonly ms: number; readonly template: string } {
  const outdir = mkdtempSync(join(task.folder, 'out-'));
  AssetStaging.clearAssetHashCache();
  global.gc?.();
  try {
    const start = performance.now();
    const app = new App({ outdir, builtinCloudFormationValidation: task.validator });
    if (name === 'example') new AnalyticsStack(app, 'Analytics');
    else {
      const { bundles, folder } = task;
      const manifest = (name: string): string => join(folder, `${name}.json`);
      new PlainStack(app, 'Analytics', { bundles, serverManifest: manifest('server'), keeperManifest: manifest('keeper'), liveManifest: manifest('live') });
    }
    app.synth();
    const ms = performance.now() - start;
    return { ms, template: readFileSync(join(outdir, 'Analytics.template.json'), 'utf8') };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

function main(task: SynthTask): SynthTimes {
  const times: Record<AppName, number[]> = { example: [], plain: [] };
  const templates: Partial<Record<AppName, string>> = {};
  for (let run = -task.warmUps; run < task.runs; run++) {
    // in turns, so that what else the machine does hits both; each goes first as often.
    for (const name of run % 2 === 0 ? task.apps : [...task.apps].reverse()) {
      const { ms, template } = synthesise(name, task);
      templates[name] = template;
      if (run >= 0) times[name].push(ms);
    }
  }
  return { times, templates };
}

console.log(JSON.stringify(main(JSON.parse(process.argv[2] ?? '{}') as SynthTask)));
