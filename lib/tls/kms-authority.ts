import type { RemovalPolicy } from 'aws-cdk-lib';
import { CustomResource, Duration, Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { IDependable } from 'constructs';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcards } from '../acknowledge';
import { ConstructError } from '../error';
import { HandlerFunction } from '../handler-function';
import { certificateAlarms } from '../observability/certificates';
import { NO_AUTHORITY_YET } from '../pki/authority';
import type { CertificateAuthority, NodeCertificate, NodeSubject } from './certificate-authority';
import { signingKey } from './signing-key';

/** What {@link KmsAuthority} needs to know. */
export interface KmsAuthorityProps {
  readonly clusterName: string;
  /** the private zone: the only names that the authority may sign for. */
  readonly zoneName: string;
  /** the networks in which nodes have their addresses: the only ones that the authority may sign for. */
  readonly networks: readonly string[];
  /** what the secrets of the nodes are encrypted with. */
  readonly key: IKey;
  /** which of the authority's keys signs. */
  readonly generation: number;
  /** a key that is trusted as well, while one takes the place of another. */
  readonly alsoTrusted?: number;
  /** another one has every node's certificate looked at again. */
  readonly certificateGeneration: string;
  /** what becomes of the authority's keys. */
  readonly removalPolicy: RemovalPolicy;
  /** tells the secrets of this cluster's nodes from all others. */
  readonly tagValue: string;
}

const SECRET_TAG = 'cdk-secure-clickhouse:node-certificate';
const ROTATED = 'the issuer replaces the certificate and its key at two thirds of its 90 days, and an alarm tells when it does not; a rotation schedule is for passwords';

/**
 * The cluster's own certificate authority: a key in AWS KMS that cannot be exported, and one function that may sign with it.
 *
 * The function issues when CloudFormation asks for a node's certificate and looks every day which are to be replaced. Certificates and
 * keys go into one secret a node, and never through CloudFormation. Nodes pull.
 */
export class KmsAuthority extends Construct implements CertificateAuthority {
  public readonly caCertificate: ssm.IStringParameter;
  public readonly trust: string;

  private readonly props: KmsAuthorityProps;
  private readonly alarms: readonly cloudwatch.AlarmBase[];
  private readonly issuer: HandlerFunction;
  private readonly keyId: string;
  private readonly authority: CustomResource;
  private readonly schedule: events.CfnRule;

  constructor(scope: Construct, id: string, props: KmsAuthorityProps) {
    super(scope, id);
    this.props = props;
    const { clusterName, zoneName, networks, generation, alsoTrusted } = props;
    const description = `The certificate of the authority of the ClickHouse cluster ${clusterName}`;
    // CloudFormation makes it, the issuer fills it.
    this.caCertificate = new ssm.StringParameter(this, 'Certificate', {
      description,
      stringValue: NO_AUTHORITY_YET,
    });
    this.issuer = this.defineIssuer();
    const keyOf = (number: number): string => signingKey(this, { generation: number, clusterName, issuer: this.issuer.role, removalPolicy: props.removalPolicy }).keyArn;
    this.keyId = keyOf(generation);
    const properties = {
      ClusterName: clusterName,
      Zone: zoneName,
      Networks: [...networks],
      KeyId: this.keyId,
      ...(alsoTrusted === undefined ? {} : { AlsoTrusted: [keyOf(alsoTrusted)] }),
      CaParameter: this.caCertificate.parameterName,
    };
    this.authority = new CustomResource(this, 'Authority', {
      resourceType: 'Custom::ClickHouseAuthority',
      serviceToken: this.issuer.functionArn,
      serviceTimeout: PATIENCE,
      // the last: a parameter that CloudFormation changes, it sets back to its first value, so the issuer is asked again in the same deployment.
      properties: { ...properties, Description: description },
    });
    this.trust = JSON.stringify([[generation, ...(alsoTrusted === undefined ? [] : [alsoTrusted])].sort((a, b) => a - b), Stack.of(this).resolve(networks)]);
    this.schedule = this.defineSchedule(properties);
    this.alarms = certificateAlarms(this, clusterName, this.issuer.function);
  }

  public certify(node: Construct, { host, ip }: NodeSubject): NodeCertificate {
    const { key, zoneName, tagValue, certificateGeneration } = this.props;
    const secret = new secretsmanager.CfnSecret(node, 'CertificateSecret', {
      description: `The certificate and key of the ClickHouse node ${host}`,
      kmsKeyId: key.keyArn,
      tags: [{ key: SECRET_TAG, value: tagValue }],
    });
    acknowledge(secret, 'AwsSolutions-SMG4', ROTATED);
    const issued = new CustomResource(node, 'Certificate', {
      resourceType: 'Custom::ClickHouseCertificate',
      serviceToken: this.issuer.functionArn,
      serviceTimeout: PATIENCE,
      properties: {
        Node: host,
        Endpoint: zoneName,
        Ip: ip,
        SecretArn: secret.ref,
        CaParameter: this.caCertificate.parameterName,
        KeyId: this.keyId,
        // another authority, another certificate.
        Authority: this.authority.getAttString('Fingerprint'),
        Generation: certificateGeneration,
      },
    });
    return { secretArn: secret.ref, issued };
  }

  public begin(after: IDependable, watch: (alarm: cloudwatch.AlarmBase) => void): void {
    this.schedule.node.addDependency(after);
    for (const alarm of this.alarms) {
      alarm.node.addDependency(after);
      watch(alarm);
    }
  }

  private defineIssuer(): HandlerFunction {
    const { clusterName, key, tagValue } = this.props;
    const { partition, region, account } = Stack.of(this);
    const secrets = `arn:${partition}:secretsmanager:${region}:${account}:secret:*`;
    const issuer = new HandlerFunction(this, 'Issuer', {
      handler: 'issue-certificate',
      description: `Issues the certificates of the ClickHouse cluster ${clusterName}`,
      key,
      timeout: Duration.minutes(15),
      statements: [
        new iam.PolicyStatement({ actions: ['ssm:GetParameter', 'ssm:PutParameter'], resources: [this.caCertificate.parameterArn] }),
        // by their tag: they are in nested stacks that wait for this role, and are more than a policy can name.
        new iam.PolicyStatement({
          actions: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
          resources: [secrets],
          conditions: { StringEquals: { [`secretsmanager:ResourceTag/${SECRET_TAG}`]: tagValue } },
        }),
        // takes no resource (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html).
        new iam.PolicyStatement({ actions: ['secretsmanager:ListSecrets'], resources: ['*'] }),
        new iam.PolicyStatement({
          actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
          resources: [key.keyArn],
          conditions: { StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` } },
        }),
      ],
    });
    acknowledgeWildcards(issuer.role, {
      '*': 'secretsmanager:ListSecrets takes no resource, and tells names and not values',
      [secrets]: 'bound by the tag that only the secrets of this cluster\'s nodes carry',
    });
    return issuer;
  }

  /** Certificates are valid for 90 days and replaced after 60: a day more or less is nothing. */
  private defineSchedule(authority: Readonly<Record<string, unknown>>): events.CfnRule {
    const input = { renew: { tag: { key: SECRET_TAG, value: this.props.tagValue }, caParameter: this.caCertificate.parameterName, keyId: this.keyId, authority } };
    const rule = new events.CfnRule(this, 'Daily', {
      description: `Renews the certificates of the ClickHouse cluster ${this.props.clusterName}`,
      scheduleExpression: 'rate(1 day)',
      state: 'ENABLED',
      targets: [{ id: 'Issuer', arn: this.issuer.functionArn, input: Stack.of(this).toJsonString(input) }],
    });
    new lambda.CfnPermission(this, 'Permission', {
      action: 'lambda:InvokeFunction',
      functionName: this.issuer.functionArn,
      principal: 'events.amazonaws.com',
      sourceArn: rule.attrArn,
    });
    return rule;
  }
}

/** An answer takes seconds; without one, CloudFormation would wait an hour. */
const PATIENCE = Duration.minutes(30);

/** Checks which keys an authority has. */
export function checkedGenerations(scope: Construct, generation: number, alsoTrusted: number | undefined): void {
  for (const [prop, value] of Object.entries({ caGeneration: generation, trustedCaGeneration: alsoTrusted })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new ConstructError('CaGeneration', `'${prop}' must be a whole number from 1, known at synthesis, got ${value}`, scope);
  }
  if (generation === alsoTrusted) {
    throw new ConstructError('CaGeneration', `'trustedCaGeneration' must be another one than 'caGeneration', got ${generation} for both; leave it out unless one key takes the place of another`, scope);
  }
}
