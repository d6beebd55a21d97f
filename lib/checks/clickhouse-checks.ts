import { basename } from 'node:path';
import type { CfnResource, IPolicyValidationContext, PolicyValidationPluginReport, PolicyViolatingResource, PolicyViolation } from 'aws-cdk-lib';
import { CfnElement, Stack } from 'aws-cdk-lib';
// not from 'cdk-nag' itself: its index loads every pack and rule, which is most of what importing this library would cost.
import type { NagPackProps } from 'cdk-nag/lib/nag-pack';
import { NagPack } from 'cdk-nag/lib/nag-pack';
import type { IConstruct } from 'constructs';
import { RULES } from './rules';
import type { Verdict } from './run';
import { failure, run } from './run';
import { readTemplates, renderTemplates } from './sources';

/**
 * Properties of `ClickHouseChecks`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- a struct of our own, so that it can grow without a breaking change.
export interface ClickHouseChecksProps extends NagPackProps {}

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
  }

  /**
   * Checks the synthesised templates. Called by CDK.
   *
   * Never throws: the CDK CLI takes a plugin that throws for one that found nothing.
   *
   * @param context the templates of the app
   */
  public override validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    return this.report(() => run(this.rules, readTemplates(context.stackTemplates.map((each) => each.templatePath))));
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
        const verdicts = run(this.rules, renderTemplates(scope));
        // the whole stack is needed to judge a part of it.
        return whole ? verdicts : verdicts.filter((each) => each.severity === 'fatal' || paths.has(key(each.template, each.logicalId)));
      },
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

  private report(check: () => readonly Verdict[], constructPath: (verdict: Verdict) => string | undefined = () => undefined): PolicyValidationPluginReport {
    let violations: PolicyViolation[];
    try {
      violations = this.violationsOf(check(), constructPath);
    } catch (error) {
      violations = this.violationsOf([failure('the ClickHouse checks failed', error)], () => undefined);
    }
    return { success: violations.every((each) => each.severity === 'warning'), violations };
  }

  /** One violation for each thing that is wrong, with all resources it is true of. */
  private violationsOf(verdicts: readonly Verdict[], constructPath: (verdict: Verdict) => string | undefined): PolicyViolation[] {
    const found = new Map<string, PolicyViolation>();
    for (const verdict of verdicts) {
      const { ruleId, severity, message, fix, explanation, link } = verdict;
      const identity = JSON.stringify([ruleId, severity, message, fix]);
      const violation = found.get(identity) ?? {
        ruleName: ruleId,
        severity,
        description: this.explains && explanation !== undefined ? `${message}. ${explanation}` : message,
        fix,
        ruleMetadata: explanation === undefined || link === undefined ? undefined : { explanation, link },
        violatingResources: [],
      };
      violation.violatingResources.push(violatingResource(verdict, constructPath(verdict)));
      found.set(identity, violation);
    }
    return [...found.values()];
  }
}

function violatingResource({ template, logicalId, location }: Verdict, constructPath: string | undefined): PolicyViolatingResource {
  // without a path core would show the violation on nothing at all; the empty path is the app.
  const path = template === undefined || logicalId === undefined ? '' : constructPath;
  return { resourceLogicalId: logicalId, templatePath: template, constructPath: path, locations: location === undefined ? [] : [location] };
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
