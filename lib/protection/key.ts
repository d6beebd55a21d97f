import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** Defines the cluster's key: volumes, secrets, artefacts and logs are encrypted with it. */
export function clusterKey(cluster: Construct, removalPolicy: RemovalPolicy): kms.Key {
  return new kms.Key(cluster, 'Key', {
    description: `ClickHouse cluster ${cluster.node.path}`,
    enableKeyRotation: true,
    removalPolicy: keyRemoval(removalPolicy),
  });
}

/** What becomes of keys: a key has no snapshot, and a snapshot of a volume is worth nothing without its key. */
export function keyRemoval(volumes: RemovalPolicy): RemovalPolicy {
  return volumes === RemovalPolicy.SNAPSHOT ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : volumes;
}

/**
 * Lets the services that encrypt on the cluster's behalf use its key: EC2, Auto Scaling and CloudWatch Logs.
 *
 * A key that was made elsewhere in the app gets the same statements; one that is imported must have them already.
 */
export function admitServices(key: kms.IKey, cluster: Construct): void {
  const { account, region, partition } = Stack.of(cluster);
  // EC2 and Auto Scaling encrypt and attach on behalf of whoever may launch: naming the Auto Scaling service-linked role instead would
  // fail in an account where it does not exist yet. Same shape as AWS's own EBS key
  // (https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html).
  const throughEc2 = { 'kms:ViaService': `ec2.${region}.amazonaws.com`, 'kms:CallerAccount': account };
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'UseThroughEc2',
      principals: [new iam.AnyPrincipal()],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'],
      conditions: { StringEquals: throughEc2 },
    }),
  );
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'GrantThroughEc2',
      principals: [new iam.AnyPrincipal()],
      actions: ['kms:CreateGrant'],
      resources: ['*'],
      conditions: { StringEquals: throughEc2, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    }),
  );
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'EncryptLogs',
      principals: [new iam.ServicePrincipal(`logs.${region}.amazonaws.com`)],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'],
      conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:*` } },
    }),
  );
}
