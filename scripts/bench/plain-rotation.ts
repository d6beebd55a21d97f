// Users with rotated passwords, written by hand: the part of plain-app.ts that is about them.
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { IConstruct } from 'constructs';
import { Construct } from 'constructs';

/** The secret of a user, closed to other accounts. */
export function plainUserSecret(scope: Construct, user: string, zone: string, key: kms.IKey, caCertificate: ssm.IStringParameter): secretsmanager.Secret {
  const stack = Stack.of(scope);
  const secret = new secretsmanager.Secret(scope, `${user}Secret`, {
    description: `The password of the ClickHouse user ${user} at ${zone}`,
    encryptionKey: key,
    generateSecretString: {
      secretStringTemplate: stack.toJsonString({
        username: user,
        engine: 'clickhouse',
        host: zone,
        port: 9440,
        httpsPort: 8443,
        database: 'events',
        url: `https://${zone}:8443`,
        jdbcUrl: `jdbc:clickhouse://${zone}:8443/events?ssl=true`,
        caCertificateParameter: caCertificate.parameterName,
      }),
      generateStringKey: 'password',
      passwordLength: 48,
      excludePunctuation: true,
    },
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const deny = { effect: iam.Effect.DENY, principals: [new iam.AnyPrincipal()], actions: ['secretsmanager:*'], resources: ['*'] };
  const conditions = { StringNotEquals: { 'aws:PrincipalAccount': stack.account }, Bool: { 'aws:PrincipalIsAWSService': 'false' } };
  secret.addToResourcePolicy(new iam.PolicyStatement({ sid: 'OtherAccounts', ...deny, conditions }));
  secret.addToResourcePolicy(new iam.PolicyStatement({ sid: 'WithoutTls', ...deny, conditions: { Bool: { 'aws:SecureTransport': 'false' } } }));
  return secret;
}

export interface PlainRotationProps {
  readonly vpc: ec2.IVpc;
  readonly subnets: readonly ec2.ISubnet[];
  readonly key: kms.IKey;
  readonly bucket: s3.IBucket;
  readonly liveParameter: ssm.IStringParameter;
  readonly caCertificate: ssm.IStringParameter;
  readonly prefixList: string;
  readonly nodeGroup: ec2.ISecurityGroup;
  readonly servicesGroup: ec2.ISecurityGroup;
  readonly nodeTag: { readonly key: string; readonly value: string };
  readonly bundle: string;
  readonly secrets: readonly secretsmanager.ISecret[];
}

/** The function that rotates, in the VPC, and what it needs. */
export class PlainRotation extends Construct {
  private readonly function: lambda.Function;
  private readonly ready: readonly IConstruct[];

  constructor(scope: Construct, id: string, props: PlainRotationProps) {
    super(scope, id);
    const { key } = props;
    const { partition, region, account } = Stack.of(this);
    const command = (name: string, description: string, ...commands: string[]): ssm.CfnDocument =>
      new ssm.CfnDocument(this, name, {
        documentType: 'Command',
        documentFormat: 'JSON',
        targetType: '/AWS::EC2::Instance',
        updateMethod: 'NewVersion',
        content: {
          schemaVersion: '2.2',
          description,
          mainSteps: [{ action: 'aws:runShellScript', name: 'run', inputs: { timeoutSeconds: '600', runCommand: ['set -eu', ...commands] } }],
        },
      });
    const agent = (verb: string): string => `node-24 /opt/clickhouse-agent/agent.js ${verb} --identity /etc/clickhouse-agent/identity.json`;
    const refresh = command('Refresh', 'Makes nodes of ClickHouse look at their secrets now', agent('refresh'));
    command('Revoke', 'Makes nodes of ClickHouse forget replaced passwords and end all open sessions', agent('revoke'), 'systemctl restart clickhouse-server');

    const group = new ec2.SecurityGroup(this, 'Group', { vpc: props.vpc, description: 'ClickHouse password rotation', allowAllOutbound: false });
    group.connections.allowTo(props.nodeGroup, ec2.Port.tcp(8443), 'rotation logs in to every node');
    group.addEgressRule(ec2.Peer.prefixList(props.prefixList), ec2.Port.tcp(443), 'S3 through the gateway endpoint');
    group.connections.allowTo(props.servicesGroup, ec2.Port.tcp(443), 'AWS services through interface endpoints');

    const logGroup = new logs.LogGroup(this, 'Logs', { encryptionKey: key, retention: logs.RetentionDays.THREE_MONTHS, removalPolicy: RemovalPolicy.DESTROY });
    const rotate = new iam.ManagedPolicy(this, 'Rotate', { description: 'Rotate the passwords of the users of ClickHouse' });
    rotate.addStatements(
      new iam.PolicyStatement({
        actions: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
        resources: props.secrets.map(({ secretArn }) => secretArn),
      }),
    );
    const through = (service: string): Record<string, unknown> => ({ StringEquals: { 'kms:ViaService': `${service}.${region}.amazonaws.com` } });
    const interfaces = {
      actions: ['AssignPrivateIpAddresses', 'CreateNetworkInterface', 'DeleteNetworkInterface', 'DescribeNetworkInterfaces', 'DescribeSubnets', 'UnassignPrivateIpAddresses'].map((each) => `ec2:${each}`),
      resources: ['*'],
    };
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: 'Rotates the passwords of the users of ClickHouse',
      managedPolicies: [rotate],
      inlinePolicies: {
        Handler: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] }),
            new iam.PolicyStatement(interfaces),
            new iam.PolicyStatement({ ...interfaces, effect: iam.Effect.DENY, conditions: { Null: { 'lambda:SourceFunctionArn': 'false' } } }),
            new iam.PolicyStatement({ actions: ['ssm:GetParameter'], resources: [props.liveParameter.parameterArn, props.caCertificate.parameterArn] }),
            new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [props.bucket.arnForObjects('manifests/live/*')] }),
            new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [key.keyArn], conditions: through('s3') }),
            new iam.PolicyStatement({ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [key.keyArn], conditions: through('secretsmanager') }),
            new iam.PolicyStatement({ actions: ['secretsmanager:GetRandomPassword'], resources: ['*'] }),
            new iam.PolicyStatement({ actions: ['ssm:SendCommand'], resources: [`arn:${partition}:ssm:${region}:${account}:document/${refresh.ref}`] }),
            new iam.PolicyStatement({
              actions: ['ssm:SendCommand'],
              resources: [`arn:${partition}:ec2:${region}:${account}:instance/*`],
              conditions: { StringEquals: { [`ssm:resourceTag/${props.nodeTag.key}`]: props.nodeTag.value } },
            }),
          ],
        }),
      },
    });
    this.function = new lambda.Function(this, 'Function', {
      description: 'Rotates the passwords of the users of ClickHouse',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: lambda.Code.fromAsset(props.bundle),
      handler: 'index.handler',
      memorySize: 256,
      timeout: Duration.minutes(15),
      role: role.withoutPolicyUpdates(),
      environment: {
        CLICKHOUSE_POINTER: props.liveParameter.parameterName,
        CLICKHOUSE_BUCKET: props.bucket.bucketName,
        CLICKHOUSE_CA: props.caCertificate.parameterName,
        CLICKHOUSE_REFRESH_DOCUMENT: refresh.ref,
        CLICKHOUSE_NODE_TAG: `${props.nodeTag.key}=${props.nodeTag.value}`,
      },
      vpc: props.vpc,
      vpcSubnets: { subnets: [...props.subnets] },
      securityGroups: [group],
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
    });
    const permission = new lambda.CfnPermission(this, 'Permission', {
      action: 'lambda:InvokeFunction',
      functionName: this.function.functionArn,
      principal: 'secretsmanager.amazonaws.com',
      sourceAccount: account,
    });
    this.ready = [permission, rotate];
    new cloudwatch.Alarm(this, 'Failed', {
      alarmDescription: 'A password of ClickHouse could not be rotated',
      metric: this.function.metricErrors({ period: Duration.minutes(5), statistic: cloudwatch.Stats.SUM }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
  }

  /** Rotates a secret from now on, and watches that it happens. */
  public schedule(user: string, secret: secretsmanager.ISecret, days: number, after: readonly IConstruct[]): void {
    const schedule = new secretsmanager.CfnRotationSchedule(this, `${user}Schedule`, {
      secretId: secret.secretArn,
      rotationLambdaArn: this.function.functionArn,
      rotationRules: { scheduleExpression: `rate(${days} days)` },
      rotateImmediatelyOnUpdate: false,
    });
    schedule.node.addDependency(...this.ready, ...after);
    new cloudwatch.Alarm(this, `${user}Overdue`, {
      alarmDescription: `The password of the ClickHouse user ${user} is older than ${days} days`,
      metric: new cloudwatch.Metric({
        namespace: 'ClickHouse',
        metricName: 'CredentialAge',
        dimensionsMap: { Cluster: 'analytics', User: user },
        statistic: cloudwatch.Stats.MAXIMUM,
        period: Duration.hours(1),
      }),
      threshold: Duration.days(days + 2).toSeconds(),
      evaluationPeriods: 2,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    });
  }
}
