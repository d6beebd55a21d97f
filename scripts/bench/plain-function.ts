// A function written by hand: the part of plain-app.ts that each of its functions outside the VPC repeats.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** A function with its own log group, and the role it runs as. */
export function plainFunction(
  scope: Construct,
  id: string,
  description: string,
  folder: string,
  key: kms.IKey,
  statements: readonly iam.PolicyStatement[],
  timeout = Duration.minutes(5),
): readonly [lambda.Function, iam.Role] {
  const logGroup = new logs.LogGroup(scope, `${id}Logs`, {
    encryptionKey: key,
    retention: logs.RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const log = new iam.PolicyStatement({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] });
  const role = new iam.Role(scope, `${id}Role`, {
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    description,
    inlinePolicies: { Handler: new iam.PolicyDocument({ statements: [log, ...statements] }) },
  });
  const handler = new lambda.Function(scope, id, {
    description,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    code: lambda.Code.fromAsset(folder),
    handler: 'index.handler',
    memorySize: 256,
    timeout,
    role,
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
  });
  return [handler, role];
}
