// A process of the bench: runs both packs over the synthesised example in turns, and prints how long each time took.
import { join } from 'node:path';
import type { IPolicyValidationContext, PolicyValidationPluginReport } from 'aws-cdk-lib';
import { App } from 'aws-cdk-lib';
import type { NagPack } from 'cdk-nag';
import { AwsSolutionsChecks } from 'cdk-nag';
import { AnalyticsStack } from '../../bin/app';
import { ClickHouseChecks } from '../../lib';

/** What to do, as JSON in the first argument. */
export interface ChecksTask {
  readonly warmUps: number;
  readonly runs: number;
  /** where to write. */
  readonly folder: string;
}

type PackName = 'ours' | 'awsSolutions';

/** Milliseconds of each run by pack. */
export interface ChecksTimes {
  /** as CDK calls a pack at the end of a synthesis, with the templates it has written. */
  readonly validate: Readonly<Record<PackName, readonly number[]>>;
  /** as tests call a pack, with nothing but the construct tree. */
  readonly validateScope: Readonly<Record<PackName, readonly number[]>>;
}

function main(task: ChecksTask): ChecksTimes {
  const outdir = join(task.folder, 'checked');
  const app = new App({ outdir, builtinCloudFormationValidation: false });
  const stack = new AnalyticsStack(app, 'Analytics');
  app.synth();
  const templatePath = join(outdir, stack.templateFile);
  const context: IPolicyValidationContext = {
    appConstruct: app,
    templatePaths: [templatePath],
    stackTemplates: [{ templatePath, stackConstructPath: stack.node.path, accountId: stack.account, region: stack.region }],
  };
  const packs: Record<PackName, NagPack> = { ours: new ClickHouseChecks(app), awsSolutions: new AwsSolutionsChecks(app) };
  const measure = (check: (pack: NagPack) => PolicyValidationPluginReport): Record<PackName, number[]> => {
    const times: Record<PackName, number[]> = { ours: [], awsSolutions: [] };
    for (let run = -task.warmUps; run < task.runs; run++) {
      for (const name of run % 2 === 0 ? (['ours', 'awsSolutions'] as const) : (['awsSolutions', 'ours'] as const)) {
        global.gc?.();
        const start = performance.now();
        const { violations } = check(packs[name]);
        const ms = performance.now() - start;
        if (run >= 0) times[name].push(ms);
        // a check that gives up is fast. AwsSolutions lists what the example acknowledges, so it is never empty here.
        if (name === 'ours' && violations.length > 0) throw new Error(`the example does not pass ClickHouseChecks: ${violations.map((each) => each.description).join('; ')}`);
        if (name === 'awsSolutions' && violations.length === 0) throw new Error('AwsSolutionsChecks found nothing at all, not even what the example acknowledges');
      }
    }
    return times;
  };
  return { validate: measure((pack) => pack.validate(context)), validateScope: measure((pack) => pack.validateScope(app)) };
}

console.log(JSON.stringify(main(JSON.parse(process.argv[2] ?? '{}') as ChecksTask)));
