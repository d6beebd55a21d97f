// The example that cdk.json runs: a private VPC, a ClickHouse in it, and the policy checks over the whole app.
import type { AppProps, StackProps } from 'aws-cdk-lib';
import { App, CfnOutput, Stack, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as logs from 'aws-cdk-lib/aws-logs';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Construct } from 'constructs';
import { ClickHouseChecks, ClickHouseCluster } from '../lib';

const CIDR = '10.20.0.0/16';

/** ClickHouse in a VPC that has no route to the internet at all. */
export class AnalyticsStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr(CIDR),
      natGateways: 0,
      subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
      flowLogs: {
        All: {
          destination: ec2.FlowLogDestination.toCloudWatchLogs(new logs.LogGroup(this, 'FlowLogs', { retention: logs.RetentionDays.THREE_MONTHS })),
        },
      },
    });
    // what the nodes call, reachable without an internet route.
    const services = {
      CloudFormation: ec2.InterfaceVpcEndpointAwsService.CLOUDFORMATION,
      Ec2: ec2.InterfaceVpcEndpointAwsService.EC2,
      Logs: ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
      SecretsManager: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
      Ssm: ec2.InterfaceVpcEndpointAwsService.SSM,
      SsmMessages: ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES,
    };
    for (const [name, service] of Object.entries(services)) {
      const endpoint = vpc.addInterfaceEndpoint(name, { service, open: false });
      endpoint.connections.allowDefaultPortFrom(ec2.Peer.ipv4(CIDR), 'from this VPC only');
    }

    const cluster = new ClickHouseCluster(this, 'ClickHouse', { vpc });

    const application = new ec2.SecurityGroup(this, 'Application', { vpc, description: 'Stands for whatever queries ClickHouse', allowAllOutbound: false });
    cluster.connections.allowDefaultPortFrom(application, 'the application queries ClickHouse');
    new CfnOutput(this, 'Endpoint', { value: cluster.clusterEndpoint.socketAddress });
  }
}

/** The app with both packs registered. */
export function exampleApp(props?: AppProps): App {
  const app = new App(props);
  new AnalyticsStack(app, 'Analytics');
  Validations.of(app).addPlugins(new ClickHouseChecks(app), new AwsSolutionsChecks(app));
  return app;
}

if (require.main === module) exampleApp().synth();
