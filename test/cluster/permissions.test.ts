import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AnalyticsStack } from '../../bin/app';
import { clusterKey, clusterStack, inWords, resources } from './stacks';

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
  readonly Principal?: Record<string, unknown>;
}
interface Role {
  readonly AssumeRolePolicyDocument: { readonly Statement: { readonly Principal: { readonly Service: string } }[] };
  readonly ManagedPolicyArns?: unknown[];
  readonly Policies?: { readonly PolicyDocument: { readonly Statement: Statement[] } }[];
}

const synthesised = clusterStack({ replicas: 1, keepers: 1 }).template();
const roles = Object.entries(resources(synthesised, 'AWS::IAM::Role')).map(([id, { Properties }]) => ({ id, role: Properties as unknown as Role }));

/** The cluster is called Analytics; its name in front of every resource says nothing. */
const short = (value: unknown): string => inWords(value).replace(/<Analytics/g, '<');

/** A statement in a line, conditions with operator and value, so that a change of any of them shows. */
function line({ Effect, Action, Resource, Condition = {} }: Statement): string {
  const conditions = Object.entries(Condition).flatMap(([operator, keys]) => Object.entries(keys).map(([key, value]) => `${key} ${operator} ${short(value)}`));
  return [`${Effect} ${[Action].flat().join(',')} on ${short(Resource).replace(/[0-9a-f]{64}/g, '<sha256>')}`, ...conditions.sort()].join(' if ');
}

/** The tag's value is a name and a hash of where the cluster is in the app. */
const tagless = (statement: string): string => statement.replace(/StringEquals [a-z0-9]+-[0-9a-f]{12}$/, 'StringEquals <tag>');

const statements = roles.map(({ id, role }) => ({ id, lines: (role.Policies ?? []).flatMap(({ PolicyDocument }) => PolicyDocument.Statement).map(line) }));
const of = (name: string): string[] => statements.find(({ id }) => id.includes(name))?.lines ?? [];

test('every role there is without a user, and no managed policy', () => {
  expect(roles.map(({ id }) => id.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual(['AnalyticsArtefactsPublisherRole', 'AnalyticsCertificatesIssuerRole', 'AnalyticsKeeper1Role', 'AnalyticsLiveRolloutWaiterRole', 'AnalyticsPackagesMirrorRole', 'AnalyticsRegionLookupRole', 'AnalyticsShard1Replica1Role']);
  for (const { role } of roles) expect(role.ManagedPolicyArns).toBeUndefined();
  expect(Object.keys(resources(synthesised, 'AWS::IAM::Policy'))).toEqual([]);
});

const onEveryNode = (id: string, name: string): string[] => [
  // any instance, but this one volume.
  `Allow ec2:AttachVolume on arn:<Partition>:ec2:<Region>:<AccountId>:volume/<${id}Volume> + arn:<Partition>:ec2:<Region>:<AccountId>:instance/*`,
  'Allow kms:CreateGrant on <Key> if kms:GrantIsForAWSResource Bool true if kms:ViaService StringEquals ec2.<Region>.amazonaws.com',
  // these take no resource.
  'Allow ec2:DescribeVolumes,ssm:UpdateInstanceInformation,ssmmessages:CreateControlChannel,ssmmessages:CreateDataChannel,ssmmessages:OpenControlChannel,ssmmessages:OpenDataChannel on *',
  'Allow cloudformation:SignalResource,cloudformation:DescribeStackResource on <StackId>',
  // which group is known after the role is made: it ends no wait of another cluster.
  'Allow autoscaling:CompleteLifecycleAction on arn:<Partition>:autoscaling:<Region>:<AccountId>:autoScalingGroup:*:autoScalingGroupName/* if autoscaling:ResourceTag/cdk-secure-clickhouse:cluster StringEquals <tag>',
  `Allow logs:CreateLogStream,logs:PutLogEvents on arn:<Partition>:logs:<Region>:<AccountId>:log-group:<Logs>:log-stream:${name}`,
];

const ofItsCertificate = (id: string): string[] => [
  `Allow secretsmanager:DescribeSecret,secretsmanager:GetSecretValue on <${id}CertificateSecret>`,
  'Allow ssm:GetParameter on arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<CertificatesCertificate>',
  'Allow kms:Decrypt on <Key> if kms:ViaService StringEquals secretsmanager.<Region>.amazonaws.com',
];

// a change here is a change of what a stolen credential can do: each wildcard has its reason beside it.
test('everything a server may do', () => {
  expect(of('Shard1Replica1').map(tagless)).toEqual([
    // every published one: an instance that is replaced in the middle of a change boots the one before. They hold no secret.
    'Allow s3:GetObject on <ArtefactsBucket>/agent/* + <ArtefactsBucket>/manifests/*',
    'Allow kms:Decrypt on <Key> if kms:ViaService StringEquals s3.<Region>.amazonaws.com',
    // the same of packages, which anybody may have.
    'Allow s3:GetObject on <ArtefactsBucket>/packages/*',
    ...ofItsCertificate('Shard1Replica1'),
    'Allow ssm:GetParameter on arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<LiveManifest>',
    'Allow secretsmanager:GetSecretValue on <InternalSecret>',
    'Allow s3:PutObject on <ArtefactsBucket>/reports/server-1-1.json',
    'Allow kms:GenerateDataKey on <Key> if kms:ViaService StringEquals s3.<Region>.amazonaws.com',
    ...onEveryNode('Shard1Replica1', 'server-1-1'),
  ]);
});

test('everything a Keeper may do: no live manifest, no secret but its own', () => {
  expect(of('Keeper1').map(tagless)).toEqual([
    'Allow s3:GetObject on <ArtefactsBucket>/agent/* + <ArtefactsBucket>/manifests/*',
    'Allow kms:Decrypt on <Key> if kms:ViaService StringEquals s3.<Region>.amazonaws.com',
    'Allow s3:GetObject on <ArtefactsBucket>/packages/*',
    ...ofItsCertificate('Keeper1'),
    ...onEveryNode('Keeper1', 'keeper-1'),
  ]);
});

test('a node ends the wait of groups of its own cluster and of no other', () => {
  const { Tags } = Object.values(resources(synthesised, 'AWS::AutoScaling::AutoScalingGroup'))[0]?.Properties as { Tags: { Key: string; Value: string }[] };
  const own = Tags.find(({ Key }) => Key === 'cdk-secure-clickhouse:cluster')?.Value;
  expect(own).toMatch(/^[a-z0-9]+-[0-9a-f]{12}$/);
  const drains = roles.flatMap(({ role }) => role.Policies ?? []).flatMap(({ PolicyDocument }) => PolicyDocument.Statement).filter(({ Action }) => JSON.stringify(Action).includes('autoscaling:'));
  expect(drains.map(({ Condition }) => Condition)).toEqual([1, 2].map(() => ({ StringEquals: { 'autoscaling:ResourceTag/cdk-secure-clickhouse:cluster': own } })));
  const [other] = Object.values(resources(clusterStack({ replicas: 1, clusterName: 'other' }).template(), 'AWS::AutoScaling::AutoScalingGroup'));
  expect(JSON.stringify(other?.Properties.Tags)).not.toContain(own);
});

test('everything the functions may do', () => {
  expect(of('Waiter')).toEqual([
    'Allow logs:CreateLogStream,logs:PutLogEvents on <LiveRolloutWaiterLogs>',
    'Allow ssm:PutParameter on arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<LiveManifest>',
    // reports are named by nodes, which come and go.
    'Allow s3:GetObject on <ArtefactsBucket>/reports/*',
    'Allow s3:ListBucket on <ArtefactsBucket> if s3:prefix StringEquals reports/',
    'Allow kms:Decrypt on <Key> if kms:ViaService StringEquals s3.<Region>.amazonaws.com',
  ]);
  expect(of('Publisher')).toEqual([
    'Allow logs:CreateLogStream,logs:PutLogEvents on <ArtefactsPublisherLogs>',
    // writes and empties one bucket; keys are named by hashes that change.
    'Allow s3:PutObject,s3:DeleteObject,s3:DeleteObjectVersion on <ArtefactsBucket>/*',
    'Allow s3:ListBucketVersions on <ArtefactsBucket>',
    'Allow kms:GenerateDataKey,kms:Decrypt on <Key>',
    'Allow ssm:PutParameter on arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<LiveManifest>',
  ]);
  expect(of('Mirror')).toEqual([
    'Allow logs:CreateLogStream,logs:PutLogEvents on <PackagesMirrorLogs>',
    // packages are named by hashes that are known at deployment; it deletes none.
    'Allow s3:GetObject,s3:PutObject,s3:AbortMultipartUpload on <ArtefactsBucket>/packages/*',
    'Allow s3:ListBucket on <ArtefactsBucket> if s3:prefix StringLikeIfExists packages/*',
    'Allow s3:ListBucketMultipartUploads on <ArtefactsBucket>',
    'Allow kms:GenerateDataKey,kms:Decrypt on <Key> if kms:ViaService StringEquals s3.<Region>.amazonaws.com',
  ]);
  expect(of('Issuer').map(tagless)).toEqual([
    'Allow logs:CreateLogStream,logs:PutLogEvents on <CertificatesIssuerLogs>',
    'Allow ssm:GetParameter,ssm:PutParameter on arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<CertificatesCertificate>',
    // by the tag that only the secrets of nodes carry; the right to sign is in the policy of the key.
    'Allow secretsmanager:DescribeSecret,secretsmanager:GetSecretValue,secretsmanager:PutSecretValue,secretsmanager:UpdateSecretVersionStage on arn:<Partition>:secretsmanager:<Region>:<AccountId>:secret:* if secretsmanager:ResourceTag/cdk-secure-clickhouse:node-certificate StringEquals <tag>',
    // takes no resource.
    'Allow secretsmanager:ListSecrets on *',
    'Allow kms:Decrypt,kms:GenerateDataKey on <Key> if kms:ViaService StringEquals secretsmanager.<Region>.amazonaws.com',
  ]);
  expect(of('Lookup')).toEqual([
    'Allow logs:CreateLogStream,logs:PutLogEvents on <RegionLookupLogs>',
    'Allow ssm:GetParameter on arn:<Partition>:ssm:<Region>::parameter/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64 + arn:<Partition>:ssm:<Region>::parameter/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
    // takes no resource.
    'Allow ec2:DescribeManagedPrefixLists on *',
  ]);
});

describe('with a user who has a password', () => {
  const { cluster, template } = clusterStack({ replicas: 1, keepers: 1 });
  cluster.addUser('ingest');
  const withUser = template();
  const managed = Object.fromEntries(
    Object.entries(resources(withUser, 'AWS::IAM::ManagedPolicy')).map(([id, { Properties }]) => [id.replace(/[0-9A-F]{8}$/, ''), (Properties.PolicyDocument as { Statement: Statement[] }).Statement.map(line)]),
  );
  const attached = (name: string): string[] => Object.entries(resources(withUser, 'AWS::IAM::Role')).filter(([id]) => id.includes(name)).flatMap(([, { Properties }]) => ((Properties.ManagedPolicyArns as { Ref: string }[] | undefined) ?? []).map(({ Ref }) => Ref.replace(/[0-9A-F]{8}$/, '')));

  test('servers may read its secret and nothing else is added; Keepers may not', () => {
    expect(managed.AnalyticsAccessReadersPolicy1).toEqual(['Allow secretsmanager:DescribeSecret,secretsmanager:GetSecretValue on <UsersingestSecret>']);
    expect(attached('Shard1Replica1')).toEqual(['AnalyticsAccessReadersPolicy1']);
    expect(attached('Keeper1')).toEqual([]);
  });

  test('everything rotation may do: no database, no other secret, no other command', () => {
    expect(Object.keys(managed).sort()).toEqual(['AnalyticsAccessReadersPolicy1', 'AnalyticsAccessRotationSecretsPolicy1']);
    expect(managed.AnalyticsAccessRotationSecretsPolicy1).toEqual([
      'Allow secretsmanager:DescribeSecret,secretsmanager:GetSecretValue,secretsmanager:PutSecretValue,secretsmanager:UpdateSecretVersionStage on <UsersingestSecret>',
    ]);
    expect(attached('Rotator')).toEqual(['AnalyticsAccessRotationSecretsPolicy1']);
    const [role] = Object.entries(resources(withUser, 'AWS::IAM::Role')).filter(([id]) => id.includes('Rotator'));
    const interfaces = 'ec2:AssignPrivateIpAddresses,ec2:CreateNetworkInterface,ec2:DeleteNetworkInterface,ec2:DescribeNetworkInterfaces,ec2:DescribeSubnets,ec2:UnassignPrivateIpAddresses';
    const lines = (role?.[1].Properties as unknown as Role).Policies?.flatMap(({ PolicyDocument }) => PolicyDocument.Statement).map(line);
    expect(lines?.map((each) => each.replace(/on arn:<Partition>:ssm:<Region>:<AccountId>:document\/.*/, 'on the document')).map(tagless)).toEqual([
      'Allow logs:CreateLogStream,logs:PutLogEvents on <AccessRotationRotatorLogs>',
      // Lambda makes its interfaces with the role, and code inside the function may not.
      `Allow ${interfaces} on *`,
      `Deny ${interfaces} on * if lambda:SourceFunctionArn Null false`,
      'Allow ssm:GetParameter on arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<LiveManifest> + arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<CertificatesCertificate>',
      'Allow s3:GetObject on <ArtefactsBucket>/manifests/live/*',
      'Allow kms:Decrypt on <Key> if kms:ViaService StringEquals s3.<Region>.amazonaws.com',
      'Allow kms:Decrypt,kms:GenerateDataKey on <Key> if kms:ViaService StringEquals secretsmanager.<Region>.amazonaws.com',
      // takes no resource.
      'Allow secretsmanager:GetRandomPassword on *',
      'Allow ssm:SendCommand on the document',
      'Allow ssm:SendCommand on arn:<Partition>:ec2:<Region>:<AccountId>:instance/* if ssm:resourceTag/cdk-secure-clickhouse:cluster StringEquals <tag>',
    ]);
  });

  test('the environment of the function holds names and no secret', () => {
    const [rotator] = Object.entries(resources(withUser, 'AWS::Lambda::Function')).filter(([id]) => id.includes('Rotator'));
    const { Variables } = rotator?.[1].Properties.Environment as { Variables: Record<string, unknown> };
    expect(Object.keys(Variables).sort()).toEqual(['CLICKHOUSE_BUCKET', 'CLICKHOUSE_CA', 'CLICKHOUSE_NODE_TAG', 'CLICKHOUSE_POINTER', 'CLICKHOUSE_REFRESH_DOCUMENT']);
    expect(JSON.stringify(Variables)).not.toMatch(/Secret|resolve:/);
  });

  test('what nodes are told to run takes no parameter', () => {
    const documents = Object.values(resources(withUser, 'AWS::SSM::Document')).map(({ Properties }) => Properties.Content as { parameters?: unknown; mainSteps: { inputs: { runCommand: string[] } }[] });
    expect(documents.map(({ mainSteps }) => mainSteps.map(({ inputs }) => inputs.runCommand))).toEqual([
      [['set -eu', 'node-24 /opt/clickhouse-agent/agent.js refresh --identity /etc/clickhouse-agent/identity.json']],
      [['set -eu', 'node-24 /opt/clickhouse-agent/agent.js revoke --identity /etc/clickhouse-agent/identity.json', 'systemctl restart clickhouse-server']],
    ]);
    for (const document of documents) {
      expect(document.parameters).toBeUndefined();
      expect(JSON.stringify(document)).not.toContain('{{');
    }
  });
});

test('everything the key lets others do', () => {
  const { KeyPolicy } = clusterKey(synthesised)[1].Properties as unknown as { KeyPolicy: { Statement: Statement[] } };
  const throughEc2 = 'if kms:CallerAccount StringEquals <AccountId> if kms:ViaService StringEquals ec2.<Region>.amazonaws.com';
  expect(KeyPolicy.Statement.map((statement) => `${short(Object.values(statement.Principal ?? {})[0])}: ${line(statement)}`)).toEqual([
    'arn:<Partition>:iam::<AccountId>:root: Allow kms:* on *',
    `*: Allow kms:Encrypt,kms:Decrypt,kms:ReEncrypt*,kms:GenerateDataKey*,kms:DescribeKey on * ${throughEc2}`,
    `*: Allow kms:CreateGrant on * if kms:CallerAccount StringEquals <AccountId> if kms:GrantIsForAWSResource Bool true if kms:ViaService StringEquals ec2.<Region>.amazonaws.com`,
    'logs.<Region>.amazonaws.com: Allow kms:Encrypt,kms:Decrypt,kms:ReEncrypt*,kms:GenerateDataKey*,kms:DescribeKey on * if kms:EncryptionContext:aws:logs:arn ArnLike arn:<Partition>:logs:<Region>:<AccountId>:log-group:*',
    // what aws-cdk-lib adds for a secret.
    'arn:<Partition>:iam::<AccountId>:root: Allow kms:Decrypt,kms:Encrypt,kms:ReEncrypt*,kms:GenerateDataKey* on * if kms:ViaService StringEquals secretsmanager.<Region>.amazonaws.com',
    'arn:<Partition>:iam::<AccountId>:root: Allow kms:CreateGrant,kms:DescribeKey on * if kms:ViaService StringEquals secretsmanager.<Region>.amazonaws.com',
  ]);
});

test('no role reads the bucket of the CDK bootstrap, manages users or passes roles', () => {
  const all = statements.flatMap(({ lines }) => lines).join('\n');
  expect(all).not.toMatch(/cdk-(?!secure-clickhouse:)|iam:|sts:|kms:\*|s3:\*|secretsmanager:\*/);
});

test('the example has these roles and no other statement', () => {
  const example = Template.fromStack(new AnalyticsStack(new App(), 'Analytics'));
  const found = Object.entries(resources(example, 'AWS::IAM::Role')).map(([id, { Properties }]) => ({ id: id.replace(/[0-9A-F]{8}$/, ''), role: Properties as unknown as Role }));
  const linesOf = (role: Role): string[] => (role.Policies ?? []).flatMap(({ PolicyDocument }) => PolicyDocument.Statement).map(line);
  // one server and one Keeper stand for all: only names and volumes differ.
  const general = (lines: string[]): string[] => lines.map((each) => each.replace(/(?:Shard\dReplica|Keeper)\d/g, 'Node').replace(/(?:server-\d-\d|keeper-\d)/g, 'name').replace(/<ClickHouse/g, '<')).map(tagless);
  for (const { id, role } of found) {
    const kind = /(Publisher|Mirror|Waiter|Lookup|Shard1Replica1|Keeper1)/.exec(id.replace(/Shard\dReplica\d/, 'Shard1Replica1').replace(/Keeper\d/, 'Keeper1'))?.[1];
    if (kind) expect(general(linesOf(role))).toEqual(general(of(kind)));
  }
  const others = found.filter(({ id }) => !id.startsWith('ClickHouse'));
  // the VPC's flow logs, which aws-cdk-lib defines, and the application.
  expect(others.map(({ id }) => id)).toEqual(['VpcAllIAMRole', 'ApplicationRole']);
  expect(found).toHaveLength(13);
  const [flowLogs, application] = Object.values(resources(example, 'AWS::IAM::Policy')).map(({ Properties }) => (Properties as unknown as { PolicyDocument: { Statement: Statement[] } }).PolicyDocument.Statement.map(line));
  expect(application).toEqual([
    'Allow secretsmanager:GetSecretValue,secretsmanager:DescribeSecret on <ClickHouseUsersreportsSecret>',
    'Allow kms:Decrypt on <ClickHouseKey> if kms:ViaService StringEquals secretsmanager.<Region>.amazonaws.com',
    'Allow ssm:GetParameter on arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<ClickHouseCertificatesCertificate>',
  ]);
  expect(flowLogs).toEqual(['Allow logs:CreateLogStream,logs:PutLogEvents,logs:DescribeLogStreams on <FlowLogs>']);
});
