import { basename } from 'node:path';
import type { CfnResource, IPolicyValidationContext, PolicyValidationPluginReport } from 'aws-cdk-lib';
import { CfnElement, Stack } from 'aws-cdk-lib';
// not from 'cdk-nag' itself: its index loads every pack and rule, which is most of what importing this library would cost.
import type { NagPackProps } from 'cdk-nag/lib/nag-pack';
import { NagPack } from 'cdk-nag/lib/nag-pack';
import type { IConstruct } from 'constructs';
import { METADATA_CLICKHOUSE } from '../metadata';
import type { AcceptedExposure } from './accepted-exposure';
import { accept, checkAcceptance } from './accepted-exposure';
import { RULES } from './rules';
import type { Result, Verdict } from './run';
import { check, failure } from './run';
import { readTemplates, renderTemplates } from './sources';
import type { Saying } from './violations';
import { violationsOf } from './violations';

/**
 * Properties of `ClickHouseChecks`.
 */
export interface ClickHouseChecksProps extends NagPackProps {
  /**
   * ClickHouse of somebody else's that must be public, each reviewed and accepted for a time: a warning until its day has passed, and
   * then an error. Without an acceptance, public exposure fails the synthesis and cannot be acknowledged.
   *
   * @default - none
   */
  readonly acceptedExposures?: AcceptedExposure[];
}

/**
 * Checks every ClickHouse of an app at synthesis: those of this library and anybody else's, on EC2 and ECS, from constructs or raw
 * CloudFormation.
 *
 * Register it with `Validations.of(app).addPlugins(new ClickHouseChecks(app))`. The rules read the final templates, so property
 * overrides, raw resources and included templates count. A finding is acknowledged with
 * `Validations.of(construct).acknowledge({ id: 'ClickHouse::ClickHouse-OpenIngress', reason: '...' })`; a fatal finding cannot be
 * acknowledged. A check that cannot do its work is a fatal finding, never a pass.
 */
export class ClickHouseChecks extends NagPack {
  /**
   * The name in reports, and the first half of an acknowledgement.
   */
  public readonly name = 'ClickHouse';

  /**
   * The ids of all rules.
   *
   * @default - the ids of the rules in this pack
   */
  public readonly ruleIds?: string[];

  private readonly rules = RULES;
  private readonly explains: boolean;
  private readonly accepted: readonly AcceptedExposure[];

  /**
   * Creates the pack. It does nothing until it is registered.
   *
   * @param scope the app or stage it is registered on; only needed to write acknowledgements into templates
   * @param props options
   */
  constructor(scope?: IConstruct, props: ClickHouseChecksProps = {}) {
    super(scope, props);
    this.packName = 'ClickHouse';
    this.ruleIds = RULES.map((rule) => rule.id);
    this.explains = props.verbose ?? false;
    this.accepted = props.acceptedExposures ?? [];
    this.accepted.forEach(checkAcceptance);
  }

  /**
   * Checks the synthesised templates. Called by CDK.
   *
   * Never throws: the CDK CLI takes a plugin that throws for one that found nothing.
   *
   * @param context the templates of the app
   */
  public override validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    return this.report(
      () => check(this.rules, readTemplates(context.stackTemplates.map((each) => each.templatePath))),
      () => constructPaths(context.appConstruct),
    );
  }

  /**
   * Checks a construct tree, for use in tests. Synthesise the app first, so that references between stacks are settled.
   *
   * @param scope an app, a stage, a stack or a part of one; findings outside of it are left out
   */
  public override validateScope(scope: IConstruct): PolicyValidationPluginReport {
    let paths: ReadonlyMap<string, string> = new Map();
    return this.report(
      () => {
        paths = constructPaths(scope);
        const whole = Stack.isStack(scope) || scope.node.findAll().some((each) => Stack.isStack(each));
        const { assessment, verdicts } = check(this.rules, renderTemplates(scope));
        // the whole stack is needed to judge a part of it.
        return { assessment, verdicts: whole ? verdicts : verdicts.filter((each) => each.severity === 'fatal' || paths.has(key(each.template, each.logicalId))) };
      },
      () => paths,
      (verdict) => paths.get(key(verdict.template, verdict.logicalId)),
    );
  }

  /**
   * Does nothing: whether a resource is safe depends on others (its security groups, subnets, routes), so the rules read whole
   * templates. `NagPack` demands this method.
   *
   * @param node ignored
   */
  protected override checkResource(node: CfnResource): void {
    void node;
  }

  private report(check: () => Result, paths: () => ReadonlyMap<string, string>, constructPath?: Saying['constructPath']): PolicyValidationPluginReport {
    let verdicts: readonly Verdict[];
    try {
      const { assessment, verdicts: found } = check();
      const ours = new Set(assessment.workloads.filter(({ resource }) => METADATA_CLICKHOUSE in resource.metadata).map(({ resource }) => key(resource.template.path, resource.logicalId)));
      const tree = this.accepted.length === 0 ? new Map<string, string>() : paths();
      const keyOf = ({ template, logicalId }: Verdict): string => key(template, logicalId);
      verdicts = accept(found, this.accepted, new Date(), (each) => ours.has(keyOf(each)), (each) => tree.get(keyOf(each)));
    } catch (error) {
      verdicts = [failure('the ClickHouse checks failed', error)];
    }
    return { success: verdicts.every((each) => each.severity === 'warning'), violations: violationsOf(verdicts, { explains: this.explains, constructPath }) };
  }
}

/** The paths of the constructs of a tree by template and logical id. */
function constructPaths(scope: IConstruct): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const each of scope.node.findAll()) {
    if (!CfnElement.isCfnElement(each)) continue;
    found.set(key(each.stack.templateFile, each.stack.resolve(each.logicalId) as string), each.node.path);
  }
  return found;
}

function key(template: string | undefined, logicalId: string | undefined): string {
  return `${basename(template ?? '')}#${logicalId ?? ''}`;
}
