import { CustomResource, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IDependable } from 'constructs';
import type { IStringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { acknowledgeWildcards } from '../acknowledge';
import { REPORTS } from '../config/report';
import { HandlerFunction } from '../handler-function';

/** What {@link LiveRollout} needs to know. */
export interface LiveRolloutProps {
  readonly key: IKey;
  /** where nodes report. */
  readonly bucket: IBucket;
  /** the parameter that names the live manifest. */
  readonly pointer: IStringParameter;
  /** the SHA-256 of the live manifest that all must run. */
  readonly sha256: string;
  /** the names of all nodes that run live manifests. */
  readonly nodes: readonly string[];
  /** the nodes: the pointer moves after they are there. */
  readonly after: readonly IDependable[];
}

/**
 * The pointer to the live manifest moves here, after the last node is there, and the deployment waits until every node runs it.
 *
 * A change of users or grants restarts nothing, so no group signals it. Without this wait a deployment would be done while nodes
 * still let a removed user in. Nothing may depend on it.
 */
export class LiveRollout extends Construct {
  /** every server runs the live manifest. */
  public readonly done: IDependable;

  constructor(scope: Construct, id: string, props: LiveRolloutProps) {
    super(scope, id);
    const reports = props.bucket.arnForObjects(`${REPORTS}*`);
    const waiter = new HandlerFunction(this, 'Waiter', {
      handler: 'await-live-manifest',
      description: 'Waits until every node of a ClickHouse cluster runs the live manifest',
      key: props.key,
      // the longest there is: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
      timeout: Duration.minutes(15),
      statements: [
        new iam.PolicyStatement({ actions: ['ssm:PutParameter'], resources: [props.pointer.parameterArn] }),
        new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [reports] }),
        // listing tells who never reported. Asking for a missing object would not: without the permission to list, S3 answers 403
        // (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
        new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [props.bucket.bucketArn], conditions: { StringEquals: { 's3:prefix': REPORTS } } }),
        new iam.PolicyStatement({
          actions: ['kms:Decrypt'],
          resources: [props.key.keyArn],
          conditions: { StringEquals: { 'kms:ViaService': `s3.${Stack.of(this).region}.amazonaws.com` } },
        }),
      ],
    });
    acknowledgeWildcards(waiter.role, { [reports]: 'reports are named by nodes, which come and go without a new role; they hold a hash and a time' });
    const wait = new CustomResource(this, 'Resource', {
      resourceType: 'Custom::ClickHouseLiveRollout',
      serviceToken: waiter.functionArn,
      // a function that dies without an answer fails the deployment soon after, not after an hour.
      serviceTimeout: Duration.minutes(16),
      properties: { Bucket: props.bucket.bucketName, Pointer: props.pointer.parameterName, Sha256: props.sha256, Nodes: props.nodes },
    });
    wait.node.addDependency(...props.after);
    this.done = wait;
  }
}
