import { Stage } from 'aws-cdk-lib';
import type { IPolicyValidationContext, IPolicyValidationPlugin, PolicyValidationPluginReport } from 'aws-cdk-lib';
import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { METADATA_CLICKHOUSE } from '../metadata';
import { ClickHouseChecks } from './clickhouse-checks';
import type { Rule } from './rule';
import { publicExposure } from './rules/public-exposure';
import { unknownExposure } from './rules/unknown-exposure';
import { check, failure } from './run';
import { readTemplates } from './sources';
import { violationsOf } from './violations';

const GUARDED = new WeakMap<Stage, Guard>();

/**
 * Has the exposure of our own clusters checked at every synthesis, whether or not anybody registers the pack.
 *
 * Once for each stage, however many clusters are in it: a stage is what is deployed together. Without a stage there is no synthesis.
 */
export function guard(cluster: IConstruct): void {
  const stage = Stage.of(cluster);
  if (stage === undefined || GUARDED.has(stage)) return;
  const plugin = new Guard(stage);
  GUARDED.set(stage, plugin);
  Validations.of(stage).addPlugins(plugin);
}

/** Only what is ours, and only exposure; the rest is the pack's. There is no acceptance for it. */
function ours(rule: Rule): Rule {
  return { ...rule, check: ({ assessment, ...deployment }) => rule.check({ ...deployment, assessment: { ...assessment, workloads: assessment.workloads.filter(({ resource }) => METADATA_CLICKHOUSE in resource.metadata) } }) };
}

class Guard implements IPolicyValidationPlugin {
  public readonly name = 'ClickHouseGuard';
  public readonly ruleIds = [publicExposure.id, unknownExposure.id];

  constructor(private readonly stage: Stage) {}

  public validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    // never throws: the CDK CLI takes a plugin that throws for one that found nothing.
    const verdicts = (() => {
      try {
        if (this.isCovered()) return [];
        return check([ours(publicExposure), ours(unknownExposure)], readTemplates(context.stackTemplates.map((each) => each.templatePath))).verdicts.filter(({ severity }) => severity !== 'warning');
      } catch (error) {
        return [failure('the guard of ClickHouseCluster failed', error)];
      }
    })();
    return { success: verdicts.length === 0, violations: violationsOf(verdicts) };
  }

  /** Whether the pack itself looks at the same templates, or at more, and says the same. A class that changes it does not count. */
  private isCovered(): boolean {
    for (let stage: Stage | undefined = this.stage; stage !== undefined; stage = Stage.of(stage.node.scope ?? stage.node.root)) {
      if (stage._validationPlugins.some((each) => each.constructor === ClickHouseChecks)) return true;
      if (stage.node.scope === undefined) return false;
    }
    return false;
  }
}
