import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { ClickHouseUser } from '../../lib';
import { ClickHouseCluster, ClickHouseUser as User } from '../../lib';
import { resources } from '../cluster/stacks';

function isolated(stack: Stack): ec2.Vpc {
  return new ec2.Vpc(stack, 'Vpc', { natGateways: 0, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
}

function userIn(stack: Stack, vpc: ec2.IVpc): ClickHouseUser {
  return new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1 }).addUser('ingest');
}

function functionIn(stack: Stack, vpc: ec2.IVpc): lambda.Function {
  return new lambda.Function(stack, 'Client', { runtime: lambda.Runtime.NODEJS_24_X, handler: 'index.handler', code: lambda.Code.fromInline('exports.handler = () => {}'), vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
}

/** What the policies that are attached to a role allow, one line a statement. */
function allowed(template: Template): string[] {
  const policies = Object.values(resources(template, 'AWS::IAM::Policy'));
  return policies.flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: { Action: string | string[]; Condition?: unknown }[] }).Statement).map(({ Action, Condition }) => [Action].flat().join('+') + (Condition === undefined ? '' : ' if ' + JSON.stringify(Condition).replace(/^.*?"(kms:[A-Za-z]+)".*$/, '$1')));
}

const EVERYTHING = ['secretsmanager:GetSecretValue+secretsmanager:DescribeSecret', 'kms:Decrypt if kms:ViaService', 'ssm:GetParameter'];

/** TLS ports that groups let in, and from whom, besides what the cluster itself needs. */
function letIn(template: Template): number[] {
  return Object.values(resources(template, 'AWS::EC2::SecurityGroupIngress')).filter(({ Properties }) => String(Properties.Description).startsWith('ClickHouse over TLS')).map(({ Properties }) => Number(Properties.FromPort)).sort((a, b) => a - b);
}

test('one call gives a function everything: secret, key, certificate and the way in over TLS', () => {
  const stack = new Stack(new App(), 'Test');
  const vpc = isolated(stack);
  const user = userIn(stack, vpc);
  const client = functionIn(stack, vpc);
  user.grantConnect(client, client).assertSuccess();
  const template = Template.fromStack(stack);
  expect(allowed(template)).toEqual(EVERYTHING);
  expect(letIn(template)).toEqual([8443, 9440]);
});

test('without a client the network stays as it is', () => {
  const stack = new Stack(new App(), 'Test');
  const vpc = isolated(stack);
  const user = userIn(stack, vpc);
  user.grantConnect(functionIn(stack, vpc));
  const template = Template.fromStack(stack);
  expect(allowed(template)).toEqual(EVERYTHING);
  expect(letIn(template)).toEqual([]);
});

test('an ECS service reads with the role of its task and connects with its own group', () => {
  const stack = new Stack(new App(), 'Test');
  const vpc = isolated(stack);
  const user = userIn(stack, vpc);
  const task = new ecs.FargateTaskDefinition(stack, 'Task');
  task.addContainer('client', { image: ecs.ContainerImage.fromRegistry('public.ecr.aws/example/client:1.0.0') });
  const service = new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Ecs', { vpc }), taskDefinition: task, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
  user.grantConnect(task.taskRole, service);
  const template = Template.fromStack(stack);
  expect(allowed(template)).toEqual(EVERYTHING);
  expect(letIn(template)).toEqual([8443, 9440]);
});

test('an EC2 instance is both', () => {
  const stack = new Stack(new App(), 'Test');
  const vpc = isolated(stack);
  const user = userIn(stack, vpc);
  const instance = new ec2.Instance(stack, 'Client', { vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED }, instanceType: new ec2.InstanceType('m7g.medium'), machineImage: ec2.MachineImage.genericLinux({}) , allowAllOutbound: false });
  user.grantConnect(instance, instance);
  const template = Template.fromStack(stack);
  expect(letIn(template)).toEqual([8443, 9440]);
  // its own group lets it out to no more than that.
  const out = Object.values(resources(template, 'AWS::EC2::SecurityGroupEgress')).filter(({ Properties }) => String(Properties.Description).startsWith('ClickHouse over TLS'));
  expect(out.map(({ Properties }) => Properties.FromPort).sort()).toEqual([8443, 9440]);
});

describe('across stacks', () => {
  test('a client whose stack is above: everything is in its stack', () => {
    const app = new App();
    const below = new Stack(app, 'Below');
    const vpc = isolated(below);
    const user = userIn(below, vpc);
    const above = new Stack(app, 'Above');
    const client = functionIn(above, vpc);
    user.grantConnect(client, client);
    app.synth();
    expect(above.dependencies).toContain(below);
    expect(below.dependencies).not.toContain(above);
    expect(allowed(Template.fromStack(above))).toEqual(EVERYTHING);
    expect(letIn(Template.fromStack(above))).toEqual([8443, 9440]);
    expect(letIn(Template.fromStack(below))).toEqual([]);
  });

  test('a client beside the VPC, below the cluster: everything is in the stack of the cluster', () => {
    const app = new App();
    const below = new Stack(app, 'Below');
    const vpc = isolated(below);
    const client = functionIn(below, vpc);
    const above = new Stack(app, 'Above');
    const user = userIn(above, vpc);
    user.grantConnect(client, client).assertSuccess();
    app.synth();
    expect(above.dependencies).toContain(below);
    expect(below.dependencies).not.toContain(above);
    expect(allowed(Template.fromStack(above))).toEqual(EVERYTHING);
    expect(letIn(Template.fromStack(above))).toEqual([8443, 9440]);
  });

  test('a client of which somebody said that it is below', () => {
    const app = new App();
    const network = new Stack(app, 'Network');
    const vpc = isolated(network);
    const below = new Stack(app, 'Below');
    const client = functionIn(below, vpc);
    const above = new Stack(app, 'Above');
    above.addStackDependency(below);
    userIn(above, vpc).grantConnect(client, client);
    expect(() => app.synth()).not.toThrow();
    expect(below.dependencies).not.toContain(above);
  });

  test('two users for one client below are two policies\' worth, attached once each', () => {
    const app = new App();
    const below = new Stack(app, 'Below');
    const vpc = isolated(below);
    const client = functionIn(below, vpc);
    const cluster = new ClickHouseCluster(new Stack(app, 'Above'), 'Analytics', { vpc, replicas: 1 });
    for (const name of ['ingest', 'reports']) {
      const user = cluster.addUser(name);
      user.grantConnect(client, client);
      user.grantConnect(client, client);
    }
    expect(() => app.synth()).not.toThrow();
  });
});

test('an imported cluster and user', () => {
  const stack = new Stack(new App(), 'Test');
  const vpc = isolated(stack);
  const cluster = ClickHouseCluster.fromClusterAttributes(stack, 'Imported', {
    clusterName: 'events',
    caCertificateParameterName: '/events/ca',
    securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-0123456789abcdef0')],
  });
  const secret = secretsmanager.Secret.fromSecretCompleteArn(stack, 'Secret', 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:ingest-a1b2c3');
  const user = User.fromClickHouseUserAttributes(stack, 'User', { cluster, userName: 'ingest', secret });
  const client = functionIn(stack, vpc);
  user.grantConnect(client, client);
  const template = Template.fromStack(stack);
  expect(allowed(template)).toEqual(['secretsmanager:GetSecretValue+secretsmanager:DescribeSecret', 'ssm:GetParameter']);
  expect(letIn(template)).toEqual([8443, 9440]);
});

test('fails for an imported cluster that does not say where its certificate is: clients could not verify it', () => {
  const stack = new Stack(new App(), 'Test');
  const cluster = ClickHouseCluster.fromClusterAttributes(stack, 'Imported', { clusterName: 'events' });
  const user = User.fromClickHouseUserAttributes(stack, 'User', { cluster, userName: 'ingest' });
  expect(() => user.grantConnect(new iam.Role(stack, 'Role', { assumedBy: new iam.AccountRootPrincipal() }))).toThrow(/'caCertificateParameterName' \[Test\/Imported\]/);
});

test('fails for a client of another account, which the secret refuses', () => {
  const stack = new Stack(new App(), 'Test', { env: { account: '111111111111', region: 'eu-west-1' } });
  const user = userIn(stack, isolated(stack));
  expect(() => user.grantConnect(iam.Role.fromRoleArn(stack, 'Foreign', 'arn:aws:iam::222222222222:role/client'))).toThrow(/only clients of the account 111111111111 .* got one of 222222222222/);
});

test('a user with a certificate only is let in, and has no secret to read', () => {
  const stack = new Stack(new App(), 'Test');
  const vpc = isolated(stack);
  const user = new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1 }).addUser('ingest', { clientCertificate: { commonName: 'ingest.events' }, clientCertificateOnly: true });
  const client = functionIn(stack, vpc);
  user.grantConnect(client, client);
  const template = Template.fromStack(stack);
  expect(allowed(template)).toEqual(['ssm:GetParameter']);
  expect(letIn(template)).toEqual([8443, 9440]);
});
