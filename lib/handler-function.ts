import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
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
  /** names and addresses that are known at deployment; never a secret, which everybody who may describe a function could read. */
  readonly environment?: Readonly<Record<string, string>>;
  /** where it runs, when it must reach what is in a VPC. */
  readonly network?: HandlerNetwork;
}

/** A place in a VPC. */
export interface HandlerNetwork {
  readonly vpc: ec2.IVpc;
  readonly subnets: readonly ec2.ISubnet[];
  readonly securityGroup: ec2.ISecurityGroup;
}

/** A function with its own log group and a role that holds nothing but what it is given. */
export class HandlerFunction extends Construct {
  public readonly functionArn: string;
  public readonly function: lambda.IFunction;
  public readonly role: iam.IRole;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, 'Logs', {
      encryptionKey: props.key,
      retention: logs.RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: `${props.description} (${Stack.of(this).stackName})`,
      inlinePolicies: {
        // inline, so that the permissions exist before the function is first called.
        Handler: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] }),
            ...(props.network ? interfaces() : []),
            ...props.statements,
          ],
        }),
      },
    });
    this.role = role;
    const handler = new lambda.Function(this, 'Function', {
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: lambda.Code.fromAsset(handlerFolder(props.handler)),
      handler: 'index.handler',
      memorySize: 256,
      timeout: props.timeout ?? Duration.minutes(5),
      // what a function in a VPC needs is in the policy above; aws-cdk-lib would add a managed policy beside it.
      role: role.withoutPolicyUpdates(),
      environment: props.environment ? { ...props.environment } : undefined,
      vpc: props.network?.vpc,
      vpcSubnets: props.network ? { subnets: [...props.network.subnets] } : undefined,
      securityGroups: props.network ? [props.network.securityGroup] : undefined,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
    });
    this.function = handler;
    this.functionArn = handler.functionArn;
  }
}

/**
 * What Lambda needs to give a function its interfaces in a VPC, and what the function itself may not do with it.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
function interfaces(): iam.PolicyStatement[] {
  const actions = [
    'ec2:AssignPrivateIpAddresses',
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:UnassignPrivateIpAddresses',
  ];
  return [
    new iam.PolicyStatement({ actions, resources: ['*'] }),
    // the key is in a request only when code inside a function makes it (https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html).
    new iam.PolicyStatement({ effect: iam.Effect.DENY, actions, resources: ['*'], conditions: { Null: { 'lambda:SourceFunctionArn': 'false' } } }),
  ];
}
