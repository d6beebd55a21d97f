import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { PASSWORD_LENGTH } from '../config/password';
import { PORTS } from '../config/ports';

/** What a client reads in the secret, besides the password. */
export interface ConnectionModel {
  readonly userName: string;
  readonly host: string;
  readonly database: string;
  /** the name of the Systems Manager parameter with the certificate of the cluster's authority. */
  readonly caCertificateParameter: string;
}

/**
 * Defines the secret of a user: generated, so that it is in no template, and with the keys that clients expect.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
 */
export function userSecret(user: Construct, encryptionKey: IKey, model: ConnectionModel): secretsmanager.Secret {
  return new secretsmanager.Secret(user, 'Secret', {
    description: `The password of the ClickHouse user ${model.userName} at ${model.host}`,
    encryptionKey,
    generateSecretString: {
      secretStringTemplate: Stack.of(user).toJsonString(connectionDetails(model)),
      generateStringKey: 'password',
      passwordLength: PASSWORD_LENGTH,
      excludePunctuation: true,
    },
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** What to connect to and as whom. No address holds the password: addresses end in logs. */
export function connectionDetails({ userName, host, database, caCertificateParameter }: ConnectionModel): Record<string, string | number> {
  return {
    username: userName,
    engine: 'clickhouse',
    host,
    port: PORTS.native,
    httpsPort: PORTS.https,
    database,
    url: `https://${host}:${PORTS.https}`,
    jdbcUrl: `jdbc:clickhouse://${host}:${PORTS.https}/${database}?ssl=true`,
    caCertificateParameter,
  };
}

/**
 * Keeps everybody outside this account away from a secret, whatever else is allowed, and everybody who does not use TLS.
 *
 * Nobody is named who may: consumers carry that in their own policies, so that their stacks depend on this one and never the other way.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html
 */
export function fence(secret: ISecret): void {
  const deny = (sid: string, conditions: Record<string, Record<string, string>>): iam.PolicyStatement =>
    new iam.PolicyStatement({ sid, effect: iam.Effect.DENY, principals: [new iam.AnyPrincipal()], actions: ['secretsmanager:*'], resources: ['*'], conditions });
  // a service of AWS is in no account; it acts for this one.
  secret.addToResourcePolicy(deny('OtherAccounts', { StringNotEquals: { 'aws:PrincipalAccount': Stack.of(secret).account }, Bool: { 'aws:PrincipalIsAWSService': 'false' } }));
  secret.addToResourcePolicy(deny('WithoutTls', { Bool: { 'aws:SecureTransport': 'false' } }));
}
