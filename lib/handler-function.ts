import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { handlerFolder } from './assets';

/** What {@link HandlerFunction} needs to know. */
export interface HandlerFunctionProps {
  /** the folder under lib/handlers. */
  readonly handler: string;
  readonly description: string;
  readonly key: IKey;
  /** everything the function may do, besides writing its own log. */
  readonly statements: readonly iam.PolicyStatement[];
  /** how long one call may take; five minutes unless told. */
  readonly timeout?: Duration;
}

/** A deploy-time function with its own log group and a role that holds nothing but what it is given. */
export class HandlerFunction extends Construct {
  public readonly functionArn: string;
  public readonly role: iam.IRole;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, 'Logs', {
      encryptionKey: props.key,
      retention: logs.RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: `${props.description} (${Stack.of(this).stackName})`,
      inlinePolicies: {
        // inline, so that the permissions exist before the function is first called.
        Handler: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] }),
            ...props.statements,
          ],
        }),
      },
    });
    const handler = new lambda.Function(this, 'Function', {
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: lambda.Code.fromAsset(handlerFolder(props.handler)),
      handler: 'index.handler',
      memorySize: 256,
      timeout: props.timeout ?? Duration.minutes(5),
      role: this.role,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
    });
    this.functionArn = handler.functionArn;
  }
}
