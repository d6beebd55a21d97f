import type { RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** What {@link signingKey} needs to know. */
export interface SigningKeyModel {
  /** which key it is: one that is replaced stays what it is in the template. */
  readonly generation: number;
  readonly clusterName: string;
  /** the only one that may sign. */
  readonly issuer: iam.IRole;
  readonly removalPolicy: RemovalPolicy;
}

const ALGORITHM = { 'kms:SigningAlgorithm': 'ECDSA_SHA_256' };

/**
 * Defines a key of the authority: an asymmetric key that never leaves AWS KMS.
 *
 * Whoever signs with it is every node of the cluster, so the right to sign is in the key's own policy and nowhere else, and nobody but the
 * issuer gets it from anywhere: an explicit deny outweighs every policy, every grant, and the root user
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html). Who may change the policy of the key, or the
 * code of the issuer, can still sign; docs/threat-model.md says so.
 *
 * The issuer's role does not name the key: the key names the role already, and the two would wait for each other.
 */
export function signingKey(authority: Construct, { generation, clusterName, issuer, removalPolicy }: SigningKeyModel): kms.Key {
  // eslint-disable-next-line awscdk/no-variable-construct-id -- the number is literal, and a key that is replaced keeps its own.
  const key = new kms.Key(authority, `Key${generation}`, {
    description: `Signs the certificates of the ClickHouse cluster ${clusterName}`,
    keySpec: kms.KeySpec.ECC_NIST_P256,
    keyUsage: kms.KeyUsage.SIGN_VERIFY,
    removalPolicy,
  });
  const allow = (sid: string, actions: string[], conditions?: Record<string, Record<string, string>>): iam.PolicyStatement =>
    new iam.PolicyStatement({ sid, principals: [new iam.ArnPrincipal(issuer.roleArn)], actions, resources: ['*'], conditions });
  const refuse = (sid: string, conditions: Record<string, Record<string, string>>): iam.PolicyStatement =>
    new iam.PolicyStatement({ sid, effect: iam.Effect.DENY, principals: [new iam.AnyPrincipal()], actions: ['kms:Sign'], resources: ['*'], conditions });
  // https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-signing-algorithm
  key.addToResourcePolicy(allow('Sign', ['kms:Sign'], { StringEquals: { ...ALGORITHM, 'kms:MessageType': 'DIGEST' } }));
  key.addToResourcePolicy(allow('ReadPublicKey', ['kms:GetPublicKey']));
  // the role's own name, also when a session of it asks (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn).
  key.addToResourcePolicy(refuse('NobodyElseSigns', { ArnNotEquals: { 'aws:PrincipalArn': issuer.roleArn } }));
  key.addToResourcePolicy(refuse('NothingElseIsSigned', { StringNotEquals: ALGORITHM }));
  return key;
}
