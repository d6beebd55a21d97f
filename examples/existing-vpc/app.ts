// ClickHouse in a VPC that exists already, used by a service that does too: nothing is looked up, so it synthesises without an account.
import type { AppProps, StackProps } from 'aws-cdk-lib';
import { App, Duration, Size, Stack, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Construct } from 'constructs';
import { ClickHouseChecks, ClickHouseCluster, ClickHouseVersion, Grant } from '../../lib';

/** A cluster in imported subnets, with more room and tuned settings. */
export class ExistingVpcStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vpc = ec2.Vpc.fromVpcAttributes(this, 'Vpc', {
      vpcId: 'vpc-0123456789abcdef0',
      vpcCidrBlock: '10.40.0.0/16',
      availabilityZones: ['eu-west-1a', 'eu-west-1b'],
      privateSubnetIds: ['subnet-0aaaaaaaaaaaaaaa1', 'subnet-0aaaaaaaaaaaaaaa2'],
      privateSubnetRouteTableIds: ['rtb-0aaaaaaaaaaaaaaa1', 'rtb-0aaaaaaaaaaaaaaa2'],
    });
    const cluster = new ClickHouseCluster(this, 'Events', {
      vpc,
      version: ClickHouseVersion.of('26.8.36.3'),
      instanceType: ec2.InstanceType.of(ec2.InstanceClass.R7G, ec2.InstanceSize.XLARGE),
      storageSize: Size.tebibytes(1),
      storageIops: 6000,
      storageThroughput: 500,
      clientCidrs: ['10.40.0.0/16', '10.41.0.0/16'],
      settings: { maxConcurrentQueries: 400, auditLogRetention: Duration.days(180) },
      extraServerDocuments: {
        merges: '<clickhouse><background_pool_size>8</background_pool_size></clickhouse>',
      },
    });
    const events = cluster.addDatabase('events');
    const ingest = cluster.addUser('ingest', { grants: [Grant.insertInto(events.tables('*'))], defaultDatabase: events, clientCidrs: ['10.41.0.0/16'] });
    // the ingest service exists already, as a role and a security group.
    const role = iam.Role.fromRoleName(this, 'IngestRole', 'ingest-service');
    const securityGroup = ec2.SecurityGroup.fromSecurityGroupId(this, 'Ingest', 'sg-0123456789abcdef0');
    ingest.grantConnect(role, securityGroup);
  }
}

/** The app with both packs registered. */
export function existingVpcApp(props?: AppProps): App {
  const app = new App(props);
  new ExistingVpcStack(app, 'Events', { env: { region: 'eu-west-1' } });
  Validations.of(app).addPlugins(new ClickHouseChecks(app), new AwsSolutionsChecks(app));
  return app;
}

if (require.main === module) existingVpcApp().synth();
