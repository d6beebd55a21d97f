/**
 * DELIBERATELY WRONG. Never copy anything from this file: it can never be synthesised successfully, and that is its purpose.
 *
 * It is the DeepSeek breach of January 2025 written as infrastructure: a ClickHouse on a machine in a public subnet, ports 8123 and
 * 9000 open to the internet, and a `default` user without a password, so that anybody could read more than a million log rows, API keys
 * among them. Nothing here is exotic: it is aws-cdk-lib alone, used as most public examples use it.
 *
 * `npx cdk synth --app "npx tsx examples/exposed/app.ts"` exits 1, because the policy pack is registered on the app.
 *
 * @see https://www.wiz.io/blog/wiz-research-uncovers-exposed-deepseek-database-leak
 */
import type { AppProps } from 'aws-cdk-lib';
import { App, Stack, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { ClickHouseChecks } from '../../lib';

/** Builds the app without synthesising it. */
export function buildExposedApp(props?: AppProps): App {
  const app = new App(props);
  const stack = new Stack(app, 'ExposedClickHouse');
  const vpc = new ec2.Vpc(stack, 'Network', {
    natGateways: 0,
    maxAzs: 1,
    subnetConfiguration: [{ name: 'Public', subnetType: ec2.SubnetType.PUBLIC }],
  });

  const securityGroup = new ec2.SecurityGroup(stack, 'Access', { vpc });
  securityGroup.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(8123), 'HTTP interface');
  securityGroup.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(9000), 'native protocol');

  const userData = ec2.UserData.forLinux();
  userData.addCommands(
    'curl -o /etc/yum.repos.d/clickhouse.repo https://packages.clickhouse.com/rpm/clickhouse.repo',
    'yum install -y clickhouse-server clickhouse-client',
    "echo '<clickhouse><listen_host>0.0.0.0</listen_host></clickhouse>' > /etc/clickhouse-server/config.d/listen.xml",
    "echo '<clickhouse><users><default><password></password></default></users></clickhouse>' > /etc/clickhouse-server/users.d/default.xml",
    'systemctl enable --now clickhouse-server',
  );
  new ec2.Instance(stack, 'Server', {
    vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
    instanceType: ec2.InstanceType.of(ec2.InstanceClass.T3, ec2.InstanceSize.LARGE),
    machineImage: ec2.MachineImage.latestAmazonLinux2023(),
    securityGroup,
    userData,
  });

  Validations.of(app).addPlugins(new ClickHouseChecks(app));
  return app;
}

if (require.main === module) buildExposedApp().synth();
