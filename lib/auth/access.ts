import { Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { RotationProps, ScheduleModel } from './rotation';
import { PasswordRotation } from './rotation';
import { SecretAccess } from './secret-access';

/** What the access to a cluster is made of. */
export interface AccessProps {
  readonly rotation: Omit<RotationProps, 'watch'>;
  /** the roles of the servers, which read the secrets of users. */
  readonly serverRoles: readonly iam.IRole[];
}

/**
 * What a cluster's users have in common: nodes that may read their secrets, and one rotation for all.
 *
 * Neither is there before the first user with a password.
 */
export class Access extends Construct {
  private readonly props: AccessProps;
  private readers?: SecretAccess;
  private rotator?: PasswordRotation;
  private readonly alarms: cloudwatch.AlarmBase[] = [];
  private readonly actions: cloudwatch.IAlarmAction[] = [];

  constructor(scope: Construct, id: string, props: AccessProps) {
    super(scope, id);
    this.props = props;
  }

  /** Lets every server read a secret. */
  public admit(secret: ISecret): void {
    const { rotation, serverRoles } = this.props;
    this.readers ??= new SecretAccess(this, 'Readers', {
      description: `Read the passwords of the users of the ClickHouse cluster ${rotation.clusterName}`,
      roles: serverRoles,
      actions: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
      keyActions: ['kms:Decrypt'],
      clusterKeyArn: rotation.key.keyArn,
    });
    this.readers.add(secret);
  }

  /** Rotates a secret from now on. */
  public rotate(user: Construct, secret: ISecret, schedule: ScheduleModel): void {
    this.rotator ??= new PasswordRotation(this, 'Rotation', { ...this.props.rotation, watch: (alarm) => this.watch(alarm) });
    this.rotator.add(user, secret, schedule);
  }

  /** What ends what replaced passwords still open, as a command; absent while nothing is rotated. */
  public get revocationCommand(): string | undefined {
    if (this.rotator === undefined) return undefined;
    const { key, value } = this.props.rotation.nodeTag;
    // one node at a time: it restarts each, and a shard keeps a replica.
    return `aws ssm send-command --region ${Stack.of(this).region} --document-name ${this.rotator.revocation.ref} --targets Key=tag:${key},Values=${value} --max-concurrency 1 --max-errors 0`;
  }

  /** Adds an alarm to those that act together. */
  public watch(alarm: cloudwatch.AlarmBase): void {
    this.alarms.push(alarm);
    alarm.addAlarmAction(...this.actions);
  }

  /** What every alarm does, those that are still to come included. */
  public addAlarmAction(...actions: cloudwatch.IAlarmAction[]): void {
    this.actions.push(...actions);
    for (const alarm of this.alarms) alarm.addAlarmAction(...actions);
  }
}
