// A cluster that is meant to grow: shards and replicas in nested stacks, the network in a stack of its own, five Keepers.
import type { AppProps, StackProps } from 'aws-cdk-lib';
import { App, Fn, Stack, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as logs from 'aws-cdk-lib/aws-logs';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Construct } from 'constructs';
import { ClickHouseChecks, ClickHouseCluster, ClickHouseVpcEndpoints, Grant } from '../../lib';

/** The VPC and its endpoints, made once for whatever runs in it. */
export class NetworkStack extends Stack {
  public readonly vpc: ec2.Vpc;
  public readonly endpoints: ClickHouseVpcEndpoints;

  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const flowLogs = new logs.LogGroup(this, 'FlowLogs', { retention: logs.RetentionDays.THREE_MONTHS });
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: [0, 1, 2].map((zone) => Fn.select(zone, Fn.getAzs())),
      natGateways: 0,
      subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
      flowLogs: { All: { destination: ec2.FlowLogDestination.toCloudWatchLogs(flowLogs) } },
    });
    this.endpoints = new ClickHouseVpcEndpoints(this, 'Endpoints', { vpc: this.vpc });
  }
}

/** What a cluster that shares a network needs of it. */
export interface EventsStackProps extends StackProps {
  readonly network: NetworkStack;
}

/** Two shards of three replicas; both numbers can grow. */
export class EventsStack extends Stack {
  constructor(scope: Construct, id: string, props: EventsStackProps) {
    super(scope, id, props);
    const cluster = new ClickHouseCluster(this, 'ClickHouse', {
      vpc: props.network.vpc,
      vpcEndpoints: props.network.endpoints,
      clusterName: 'events',
      shards: 2,
      replicas: 3,
      keepers: 5,
      nestedStacks: true,
      deletionProtection: true,
    });
    const facts = cluster.addDatabase('facts');
    // a cluster of several shards is queried through Distributed tables.
    cluster.addUser('migrations', { grants: [Grant.schemaOwner(facts, { distributedTablesShowColumns: true })], defaultDatabase: facts });
    const analyst = cluster.addRole('analyst', { grants: [Grant.selectFrom(facts.tables('*'))] });
    for (const name of ['dashboards', 'notebooks']) cluster.addUser(name, { roles: [analyst], defaultDatabase: facts });
  }
}

/** The app with both packs registered. */
export function shardedApp(props?: AppProps): App {
  const app = new App(props);
  new EventsStack(app, 'Events', { network: new NetworkStack(app, 'Network') });
  Validations.of(app).addPlugins(new ClickHouseChecks(app), new AwsSolutionsChecks(app));
  return app;
}

if (require.main === module) shardedApp().synth();
