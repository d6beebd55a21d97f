import { Lazy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

/** What {@link SecretAccess} needs to know. */
export interface SecretAccessProps {
  readonly description: string;
  /** who may. */
  readonly roles: readonly iam.IRole[];
  readonly actions: readonly string[];
  /** with the key of a secret that has its own. */
  readonly keyActions: readonly string[];
  /** the key of the cluster, which the roles may use already. */
  readonly clusterKeyArn: string;
}

// a managed policy holds 6,144 characters, and the ARN of a secret takes up to 150
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const MOST_SECRETS_IN_A_POLICY = 35;

/**
 * Lets roles do something with secrets that are declared one by one, each by its ARN.
 *
 * In managed policies, because the roles are there already when the first user is declared, and the policies of a role hold too
 * little for many users. A policy in a role is there before what the role is for.
 */
export class SecretAccess extends Construct {
  private readonly props: SecretAccessProps;
  private readonly secrets: ISecret[] = [];
  private policy?: iam.ManagedPolicy;

  constructor(scope: Construct, id: string, props: SecretAccessProps) {
    super(scope, id);
    this.props = props;
  }

  /** Adds a secret. */
  public add(secret: ISecret): void {
    if (this.policy === undefined || this.secrets.length % MOST_SECRETS_IN_A_POLICY === 0) this.policy = this.definePolicy(this.secrets.length);
    this.secrets.push(secret);
    const key = secret.encryptionKey?.keyArn;
    if (key === undefined || key === this.props.clusterKeyArn) return;
    const conditions = { StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(this).region}.amazonaws.com` } };
    this.policy.addStatements(new iam.PolicyStatement({ actions: [...this.props.keyActions], resources: [key], conditions }));
  }

  private definePolicy(first: number): iam.ManagedPolicy {
    const policy = new iam.ManagedPolicy(this, `Policy${first / MOST_SECRETS_IN_A_POLICY + 1}`, { description: this.props.description });
    const arns = (): string[] => this.secrets.slice(first, first + MOST_SECRETS_IN_A_POLICY).map(({ secretArn }) => secretArn);
    policy.addStatements(new iam.PolicyStatement({ actions: [...this.props.actions], resources: Lazy.list({ produce: arns }) }));
    for (const role of this.props.roles) role.addManagedPolicy(policy);
    return policy;
  }
}
