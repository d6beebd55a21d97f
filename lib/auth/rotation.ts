import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as ssm from 'aws-cdk-lib/aws-ssm';
import type { IDependable } from 'constructs';
import { Construct } from 'constructs';
import { acknowledgeWildcards } from '../acknowledge';
import { PORTS } from '../config/ports';
import { ConstructError } from '../error';
import { HandlerFunction } from '../handler-function';
import type { ClickHouseVpcEndpoints } from '../network/vpc-endpoints';
import type { NodeTag } from './node-command';
import { agentCommand, nodeCommand } from './node-command';
import { SecretAccess } from './secret-access';

/** What rotation needs to know of a cluster. */
export interface RotationProps {
  readonly clusterName: string;
  readonly key: IKey;
  readonly vpc: ec2.IVpc;
  readonly subnets: readonly ec2.ISubnet[];
  /** the group of the nodes. */
  readonly nodes: ec2.ISecurityGroup;
  readonly s3PrefixListId: string;
  readonly vpcEndpoints?: ClickHouseVpcEndpoints;
  /** where the endpoints of AWS services are, when they are not the library's. */
  readonly serviceNetworks: readonly string[];
  readonly bucket: IBucket;
  readonly pointer: ssm.IStringParameter;
  readonly caCertificate: ssm.IStringParameter;
  readonly nodeTag: NodeTag;
  /** every node serves and runs the live manifest: only then can a rotation succeed. */
  readonly after: IDependable;
  /** told of the alarm. */
  readonly watch: (alarm: cloudwatch.AlarmBase) => void;
}

/** When the password of a user is replaced. */
export interface ScheduleModel {
  readonly rotateAfter: Duration;
  readonly rotateImmediately: boolean;
}

/**
 * Rotates the passwords of a cluster's users: one function in the private subnets, the document that makes nodes look at secrets at
 * once, and the alarm for what fails.
 *
 * The function proves itself over TLS on every node before a password becomes current. It holds no account on the servers: it knows
 * only the password it is rotating.
 */
export class PasswordRotation extends Construct {
  /** Ends what replaced passwords still open; see "A password has leaked" in docs/users.md. */
  public readonly revocation: ssm.CfnDocument;

  private readonly props: RotationProps;
  private readonly secrets: SecretAccess;
  private readonly rotator: HandlerFunction;
  private readonly permission: lambda.CfnPermission;

  constructor(scope: Construct, id: string, props: RotationProps) {
    super(scope, id);
    this.props = props;
    const { partition, region, account } = Stack.of(this);
    const refresh = nodeCommand(this, 'Refresh', { clusterName: props.clusterName, description: 'look at their secrets and their live manifest now', commands: [agentCommand('refresh')] });
    this.revocation = nodeCommand(this, 'Revoke', {
      clusterName: props.clusterName,
      description: 'forget every password that was replaced, and end all open sessions',
      // a session that is open outlives its password (https://github.com/ClickHouse/ClickHouse/issues/114047).
      commands: [agentCommand('revoke'), 'systemctl restart clickhouse-server'],
    });
    const manifests = props.bucket.arnForObjects('manifests/live/*');
    const instances = `arn:${partition}:ec2:${region}:${account}:instance/*`;
    this.rotator = new HandlerFunction(this, 'Rotator', {
      handler: 'rotate-password',
      description: 'Rotates the passwords of the users of a ClickHouse cluster',
      key: props.key,
      timeout: Duration.minutes(15),
      network: { vpc: props.vpc, subnets: props.subnets, securityGroup: this.securityGroup() },
      environment: {
        CLICKHOUSE_POINTER: props.pointer.parameterName,
        CLICKHOUSE_BUCKET: props.bucket.bucketName,
        CLICKHOUSE_CA: props.caCertificate.parameterName,
        CLICKHOUSE_REFRESH_DOCUMENT: refresh.ref,
        CLICKHOUSE_NODE_TAG: `${props.nodeTag.key}=${props.nodeTag.value}`,
      },
      statements: this.statements(refresh, manifests, instances),
    });
    acknowledgeWildcards(this.rotator.role, {
      '*': 'Lambda makes the interfaces of a function in a VPC with its role, which like a random password is no resource that could be named',
      [manifests]: 'live manifests are named by hashes that change; the function checks them and they hold no secret',
      [instances]: 'bound by the tag that only nodes of this cluster carry',
    });
    this.secrets = new SecretAccess(this, 'Secrets', {
      description: `Rotate the passwords of the users of the ClickHouse cluster ${props.clusterName}`,
      roles: [this.rotator.role],
      actions: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
      keyActions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      clusterKeyArn: props.key.keyArn,
    });
    // https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot_rotation.html: with the account, so that nobody else's secret calls it.
    this.permission = new lambda.CfnPermission(this, 'Permission', {
      action: 'lambda:InvokeFunction',
      functionName: this.rotator.functionArn,
      principal: 'secretsmanager.amazonaws.com',
      sourceAccount: Stack.of(this).account,
    });
    const failed = new cloudwatch.Alarm(this, 'Failed', {
      alarmDescription: `A password of the ClickHouse cluster ${props.clusterName} could not be rotated. The old one stays valid; the log of the function says why.`,
      metric: this.rotator.function.metricErrors({ period: Duration.minutes(5), statistic: cloudwatch.Stats.SUM }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    props.watch(failed);
  }

  /** Rotates a secret from now on. */
  public add(user: Construct, secret: ISecret, { rotateAfter, rotateImmediately }: ScheduleModel): void {
    this.secrets.add(secret);
    const schedule = new secretsmanager.CfnRotationSchedule(user, 'Rotation', {
      secretId: secret.secretArn,
      rotationLambdaArn: this.rotator.functionArn,
      rotationRules: { scheduleExpression: rate(rotateAfter) },
      // without it, the schedule is tried out with the step that logs in to every node with the current password
      // (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html).
      rotateImmediatelyOnUpdate: rotateImmediately,
    });
    schedule.node.addDependency(this.permission, this.secrets, this.props.after);
  }

  private securityGroup(): ec2.ISecurityGroup {
    const { vpc, nodes, vpcEndpoints, serviceNetworks, s3PrefixListId } = this.props;
    const group = new ec2.SecurityGroup(this, 'SecurityGroup', { vpc, description: 'ClickHouse password rotation: logs in to nodes over TLS', allowAllOutbound: false });
    group.connections.allowTo(nodes, ec2.Port.tcp(PORTS.https), 'rotation logs in to every node');
    group.addEgressRule(ec2.Peer.prefixList(s3PrefixListId), ec2.Port.tcp(443), 'S3 through the gateway endpoint');
    for (const network of serviceNetworks) group.addEgressRule(ec2.Peer.ipv4(network), ec2.Port.tcp(443), 'AWS services through interface endpoints');
    vpcEndpoints?.allowFrom(group);
    return group;
  }

  private statements(refresh: ssm.CfnDocument, manifests: string, instances: string): iam.PolicyStatement[] {
    const { key, pointer, caCertificate, nodeTag } = this.props;
    const { partition, region, account } = Stack.of(this);
    const through = (service: string): Record<string, unknown> => ({ StringEquals: { 'kms:ViaService': `${service}.${region}.amazonaws.com` } });
    const allow = (actions: string[], resources: string[], conditions?: Record<string, unknown>): iam.PolicyStatement => new iam.PolicyStatement({ actions, resources, conditions });
    return [
      allow(['ssm:GetParameter'], [pointer.parameterArn, caCertificate.parameterArn]),
      allow(['s3:GetObject'], [manifests]),
      allow(['kms:Decrypt'], [key.keyArn], through('s3')),
      allow(['kms:Decrypt', 'kms:GenerateDataKey'], [key.keyArn], through('secretsmanager')),
      // takes no resource (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html).
      allow(['secretsmanager:GetRandomPassword'], ['*']),
      allow(['ssm:SendCommand'], [`arn:${partition}:ssm:${region}:${account}:document/${refresh.ref}`]),
      // https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html
      allow(['ssm:SendCommand'], [instances], { StringEquals: { [`ssm:resourceTag/${nodeTag.key}`]: nodeTag.value } }),
    ];
  }
}

/** The longest a schedule can wait: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html. */
const SHORTEST = Duration.hours(4);
const LONGEST = Duration.days(999);

/** Checks that Secrets Manager has such a schedule. */
export function checkedInterval(user: Construct, rotateAfter: Duration): Duration {
  if (rotateAfter.isUnresolved()) throw new ConstructError('RotateAfter', "'rotateAfter' must be known at synthesis, got a token", user);
  const hours = rotateAfter.toHours({ integral: false });
  if (!Number.isInteger(hours) || hours < SHORTEST.toHours() || hours > LONGEST.toHours() || (hours > 24 && hours % 24 !== 0)) {
    throw new ConstructError('RotateAfter', `'rotateAfter' must be 4 to 24 whole hours, or 1 to 999 whole days, got ${rotateAfter.toHumanString()}; that is what Secrets Manager can schedule`, user);
  }
  return rotateAfter;
}

function rate(rotateAfter: Duration): string {
  const hours = rotateAfter.toHours();
  if (hours % 24 !== 0) return `rate(${hours} hours)`;
  return hours === 24 ? 'rate(1 day)' : `rate(${hours / 24} days)`;
}
