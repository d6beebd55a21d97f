// The certificate authority and the certificates of nodes, written by hand: the part of plain-app.ts that is about them.
import { CustomResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { plainFunction } from './plain-function';

const CLUSTER = 'analytics';
const TAG = { key: 'clickhouse:node-certificate', value: CLUSTER };
const SIGNATURE = { 'kms:SigningAlgorithm': 'ECDSA_SHA_256' };
const PATIENCE = Duration.minutes(30);

export interface PlainAuthorityProps {
  readonly zone: string;
  readonly networks: readonly string[];
  readonly key: kms.IKey;
  readonly bundle: string;
}

/** The certificate of a node: where it is, and what is there once it has been issued. */
export interface PlainCertificate {
  readonly secretArn: string;
  readonly issued: CustomResource;
}

/** The key that signs, the function that may sign with it, and what watches both. */
export class PlainAuthority extends Construct {
  public readonly caCertificate: ssm.StringParameter;
  private readonly props: PlainAuthorityProps;
  private readonly issuer: lambda.Function;
  private readonly keyId: string;
  private readonly fingerprint: string;
  /** what begins when nodes serve. */
  public readonly late: readonly Construct[];

  constructor(scope: Construct, id: string, props: PlainAuthorityProps) {
    super(scope, id);
    this.props = props;
    const { key, zone, networks } = props;
    const stack = Stack.of(this);
    const { partition, region, account } = stack;

    // --- the function that issues
    const description = `The certificate of the authority of the ClickHouse cluster ${CLUSTER}`;
    this.caCertificate = new ssm.StringParameter(this, 'CaCertificate', { description, stringValue: 'none yet' });
    const [issuer, role] = plainFunction(this, 'Issuer', `Issues the certificates of the ClickHouse cluster ${CLUSTER}`, props.bundle, key, [
      new iam.PolicyStatement({ actions: ['ssm:GetParameter', 'ssm:PutParameter'], resources: [this.caCertificate.parameterArn] }),
      new iam.PolicyStatement({
        actions: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
        resources: [`arn:${partition}:secretsmanager:${region}:${account}:secret:*`],
        conditions: { StringEquals: { [`secretsmanager:ResourceTag/${TAG.key}`]: TAG.value } },
      }),
      new iam.PolicyStatement({ actions: ['secretsmanager:ListSecrets'], resources: ['*'] }),
      new iam.PolicyStatement({
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: [key.keyArn],
        conditions: { StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` } },
      }),
    ], Duration.minutes(15));
    this.issuer = issuer;

    // --- the key, with which nobody else may sign
    const signing = new kms.Key(this, 'Key', {
      description: `Signs the certificates of the ClickHouse cluster ${CLUSTER}`,
      keySpec: kms.KeySpec.ECC_NIST_P256,
      keyUsage: kms.KeyUsage.SIGN_VERIFY,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    const onlyIssuer = { principals: [new iam.ArnPrincipal(role.roleArn)], resources: ['*'] };
    const nobody = { effect: iam.Effect.DENY, principals: [new iam.AnyPrincipal()], actions: ['kms:Sign'], resources: ['*'] };
    for (const statement of [
      new iam.PolicyStatement({ sid: 'Sign', ...onlyIssuer, actions: ['kms:Sign'], conditions: { StringEquals: { ...SIGNATURE, 'kms:MessageType': 'DIGEST' } } }),
      new iam.PolicyStatement({ sid: 'ReadPublicKey', ...onlyIssuer, actions: ['kms:GetPublicKey'] }),
      new iam.PolicyStatement({ sid: 'NobodyElseSigns', ...nobody, conditions: { ArnNotEquals: { 'aws:PrincipalArn': role.roleArn } } }),
      new iam.PolicyStatement({ sid: 'NothingElseIsSigned', ...nobody, conditions: { StringNotEquals: SIGNATURE } }),
    ]) signing.addToResourcePolicy(statement);
    this.keyId = signing.keyArn;

    // --- the authority's own certificate, and the daily look at those of nodes
    const properties = { ClusterName: CLUSTER, Zone: zone, Networks: [...networks], KeyId: this.keyId, CaParameter: this.caCertificate.parameterName };
    const authority = new CustomResource(this, 'Authority', {
      resourceType: 'Custom::ClickHouseAuthority',
      serviceToken: issuer.functionArn,
      serviceTimeout: PATIENCE,
      properties: { ...properties, Description: description },
    });
    this.fingerprint = authority.getAttString('Fingerprint');
    const daily = new events.CfnRule(this, 'Daily', {
      description: `Renews the certificates of the ClickHouse cluster ${CLUSTER}`,
      scheduleExpression: 'rate(1 day)',
      state: 'ENABLED',
      targets: [{ id: 'Issuer', arn: issuer.functionArn, input: stack.toJsonString({ renew: { tag: TAG, caParameter: this.caCertificate.parameterName, keyId: this.keyId, authority: properties } }) }],
    });
    new lambda.CfnPermission(this, 'Permission', {
      action: 'lambda:InvokeFunction',
      functionName: issuer.functionArn,
      principal: 'events.amazonaws.com',
      sourceArn: daily.attrArn,
    });

    // --- alarms
    const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD, LESS_THAN_OR_EQUAL_TO_THRESHOLD } = cloudwatch.ComparisonOperator;
    const { BREACHING, NOT_BREACHING } = cloudwatch.TreatMissingData;
    const ofNodes = (metricName: string, statistic: string): cloudwatch.Metric =>
      new cloudwatch.Metric({ namespace: 'ClickHouse', metricName, dimensionsMap: { Cluster: CLUSTER }, statistic, period: Duration.hours(1) });
    const failed = new cloudwatch.Alarm(this, 'Failed', {
      alarmDescription: `A certificate of the ClickHouse cluster ${CLUSTER} could not be issued. The log of the function says why.`,
      metric: issuer.metricErrors({ period: Duration.minutes(5), statistic: cloudwatch.Stats.SUM }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: NOT_BREACHING,
    });
    const expires = new cloudwatch.Alarm(this, 'Expires', {
      alarmDescription: `A certificate on a node of the ClickHouse cluster ${CLUSTER} ends within 21 days, or no node says when its own does`,
      metric: ofNodes('CertificateDaysToExpiry', cloudwatch.Stats.MINIMUM),
      threshold: 21,
      evaluationPeriods: 2,
      comparisonOperator: LESS_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: BREACHING,
    });
    const behind = new cloudwatch.Alarm(this, 'Behind', {
      alarmDescription: `A node of the ClickHouse cluster ${CLUSTER} shows another certificate than the one that was issued for it`,
      metric: ofNodes('ServedSerialBehind', cloudwatch.Stats.MAXIMUM),
      threshold: 1,
      evaluationPeriods: 2,
      comparisonOperator: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: NOT_BREACHING,
    });
    this.late = [daily, failed, expires, behind];
  }

  /** Issues the certificate of a node into a secret of its own. */
  public certify(node: Construct, host: string, ip: string): PlainCertificate {
    const { key, zone } = this.props;
    // aws-cdk-lib's Secret would generate a value.
    const secret = new secretsmanager.CfnSecret(node, 'CertificateSecret', {
      description: `The certificate and key of the ClickHouse node ${host}`,
      kmsKeyId: key.keyArn,
      tags: [TAG],
    });
    const issued = new CustomResource(node, 'Certificate', {
      resourceType: 'Custom::ClickHouseCertificate',
      serviceToken: this.issuer.functionArn,
      serviceTimeout: PATIENCE,
      properties: { Node: host, Endpoint: zone, Ip: ip, SecretArn: secret.ref, CaParameter: this.caCertificate.parameterName, KeyId: this.keyId, Authority: this.fingerprint, Generation: '1' },
    });
    return { secretArn: secret.ref, issued };
  }
}
