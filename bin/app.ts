// The example that cdk.json runs: a private VPC, a ClickHouse in it, and the policy checks over the whole app.
import type { AppProps, StackProps } from 'aws-cdk-lib';
import { App, CfnOutput, Fn, Stack, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as logs from 'aws-cdk-lib/aws-logs';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Construct } from 'constructs';
import { ClickHouseChecks, ClickHouseCluster, ClickHouseVpcEndpoints } from '../lib';

/** ClickHouse in a VPC that has no route to the internet at all. */
export class AnalyticsStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      // three zones whatever the region, without asking an account which it has.
      availabilityZones: [0, 1, 2].map((zone) => Fn.select(zone, Fn.getAzs())),
      ipAddresses: ec2.IpAddresses.cidr('10.20.0.0/16'),
      natGateways: 0,
      subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
      flowLogs: {
        All: {
          destination: ec2.FlowLogDestination.toCloudWatchLogs(new logs.LogGroup(this, 'FlowLogs', { retention: logs.RetentionDays.THREE_MONTHS })),
        },
      },
    });
    const vpcEndpoints = new ClickHouseVpcEndpoints(this, 'Endpoints', { vpc });

    const cluster = new ClickHouseCluster(this, 'ClickHouse', { vpc, vpcEndpoints });

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
