// The example that cdk.json runs: a private VPC, a ClickHouse in it, and the policy checks over the whole app.
import type { AppProps, StackProps } from 'aws-cdk-lib';
import { App, CfnOutput, Duration, Fn, Stack, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Construct } from 'constructs';
import { ClickHouseChecks, ClickHouseCluster, ClickHouseVpcEndpoints, Grant } from '../lib';

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

    const events = cluster.addDatabase('events');
    cluster.addUser('migrations', { grants: [Grant.schemaOwner(events)], defaultDatabase: events });
    cluster.addUser('ingest', { grants: [Grant.insertInto(events.tables('*'))], defaultDatabase: events, rotateAfter: Duration.days(7) });
    const reports = cluster.addUser('reports', {
      grants: [Grant.selectFrom(events.tables('*'))],
      defaultDatabase: events,
      settingsProfile: cluster.addSettingsProfile('readers', { readOnly: true, maxExecutionTime: Duration.minutes(1) }),
    });

    // an application that queries ClickHouse, as far as it concerns us: what it runs as, and where.
    const role = new iam.Role(this, 'ApplicationRole', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
    const securityGroup = new ec2.SecurityGroup(this, 'Application', { vpc, description: 'Stands for whatever queries ClickHouse', allowAllOutbound: false });
    reports.grantConnect(role, securityGroup);
    new CfnOutput(this, 'Endpoint', { value: cluster.clusterEndpoint.socketAddress });
    // what clients verify the servers with: docs/clients.md.
    new CfnOutput(this, 'CaCertificate', { value: cluster.caCertificate.parameterName });
    // see "A password has leaked" in docs/users.md.
    new CfnOutput(this, 'Revocation', { value: cluster.revocationCommand ?? '' });
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
