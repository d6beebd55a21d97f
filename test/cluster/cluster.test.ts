import { App, RemovalPolicy, Size, Stack, Stage, Token } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { CURRENTLY_RECOMMENDED_FLAGS } from 'aws-cdk-lib/cx-api';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { ClickHouseClusterProps } from '../../lib';
import { ClickHouseCluster, ClickHouseVersion } from '../../lib';
import { clusterKey, clusterStack, one, privateStack, resources, singleNode } from './stacks';

describe('the two-line cluster', () => {
  const { cluster, stack, template } = singleNode();
  const synthesised = template();

  test('has host names known at synthesis', () => {
    expect(cluster.clusterEndpoint.hostname).toBe(`${cluster.clusterName}.clickhouse.internal`);
    expect(cluster.clusterEndpoint.socketAddress).toMatch(/:8443$/);
    expect(cluster.nativeEndpoint.port).toBe(9440);
    expect(stack.resolve(cluster.clusterEndpoint.hostname)).toBe(cluster.clusterEndpoint.hostname);
  });

  test('the load balancer is internal, passes TCP on to TLS ports and keeps the client address', () => {
    expect(one(synthesised, 'AWS::ElasticLoadBalancingV2::LoadBalancer').Properties).toMatchObject({ Scheme: 'internal', Type: 'network' });
    const listeners = Object.values(resources(synthesised, 'AWS::ElasticLoadBalancingV2::Listener')).map(({ Properties }) => [Properties.Port, Properties.Protocol]);
    expect(listeners.sort()).toEqual([[8443, 'TCP'], [9440, 'TCP']]);
    for (const { Properties } of Object.values(resources(synthesised, 'AWS::ElasticLoadBalancingV2::TargetGroup'))) {
      expect(Properties).toMatchObject({ HealthCheckProtocol: 'HTTPS', HealthCheckPath: '/ping', HealthCheckPort: '8443', TargetType: 'instance' });
      expect(Properties.TargetGroupAttributes).toContainEqual({ Key: 'preserve_client_ip.enabled', Value: 'true' });
    }
  });

  test.each([[undefined, 'true'], [true, 'true'], [false, 'false']])('passes connections on between zones: %s', (crossZoneLoadBalancing, value) => {
    const { LoadBalancerAttributes } = one(singleNode({ crossZoneLoadBalancing }).template(), 'AWS::ElasticLoadBalancingV2::LoadBalancer').Properties;
    expect(LoadBalancerAttributes).toContainEqual({ Key: 'load_balancing.cross_zone.enabled', Value: value });
  });

  test('the private zone holds the node and the endpoint', () => {
    const records = Object.values(resources(synthesised, 'AWS::Route53::RecordSet')).map(({ Properties }) => Properties.Name);
    expect(new Set(records)).toEqual(new Set([`${cluster.clusterName}.clickhouse.internal.`, `server-1-1.${cluster.clusterName}.clickhouse.internal.`]));
    expect(one(synthesised, 'AWS::Route53::HostedZone').Properties.VPCs).toHaveLength(1);
  });

  test('everything that stores is encrypted with the one key', () => {
    const [keyId] = clusterKey(synthesised);
    const arn = { 'Fn::GetAtt': [keyId, 'Arn'] };
    expect(one(synthesised, 'AWS::EC2::Volume').Properties).toMatchObject({ Encrypted: true, KmsKeyId: arn });
    for (const { Properties } of Object.values(resources(synthesised, 'AWS::SecretsManager::Secret'))) expect(Properties.KmsKeyId).toEqual(arn);
    for (const { Properties } of Object.values(resources(synthesised, 'AWS::Logs::LogGroup'))) expect(Properties.KmsKeyId).toEqual(arn);
    expect(JSON.stringify(one(synthesised, 'AWS::S3::Bucket').Properties.BucketEncryption)).toContain(JSON.stringify(arn));
    const launch = one(synthesised, 'AWS::EC2::LaunchTemplate').Properties.LaunchTemplateData as { BlockDeviceMappings: { Ebs: object }[] };
    for (const { Ebs } of launch.BlockDeviceMappings) expect(Ebs).toMatchObject({ Encrypted: true, KmsKeyId: arn });
  });

  test('no physical names, so that a failed deployment can be repeated', () => {
    for (const resource of Object.values(resources(synthesised))) {
      if (resource.Type === 'AWS::Lambda::Function') expect(resource.Properties.FunctionName).toBeUndefined();
      for (const name of ['BucketName', 'RoleName', 'LogGroupName', 'AutoScalingGroupName', 'GroupName', 'LaunchTemplateName', 'AliasName']) {
        expect(resource.Properties?.[name]).toBeUndefined();
      }
      if (resource.Type === 'AWS::SecretsManager::Secret' || resource.Type === 'AWS::SSM::Parameter') expect(resource.Properties.Name).toBeUndefined();
    }
  });
});

describe('the key', () => {
  test('EC2 may use it for anyone of this account, grants only for AWS resources, logs only for log groups', () => {
    const { template } = singleNode();
    const { Statement } = clusterKey(template())[1].Properties.KeyPolicy as { Statement: { Sid?: string; Action: unknown; Condition: unknown }[] };
    const bySid: Record<string, (typeof Statement)[number] | undefined> = Object.fromEntries(Statement.map((statement) => [statement.Sid ?? '', statement]));
    const throughEc2 = { 'kms:ViaService': { 'Fn::Join': ['', ['ec2.', { Ref: 'AWS::Region' }, '.amazonaws.com']] }, 'kms:CallerAccount': { Ref: 'AWS::AccountId' } };
    expect(bySid.UseThroughEc2?.Condition).toEqual({ StringEquals: throughEc2 });
    expect(bySid.GrantThroughEc2?.Condition).toEqual({ StringEquals: throughEc2, Bool: { 'kms:GrantIsForAWSResource': 'true' } });
    expect(bySid.UseThroughEc2?.Action).not.toContain('kms:CreateGrant');
    expect(JSON.stringify(bySid.EncryptLogs?.Condition)).toContain(':log-group:*');
  });

  test('rotates, and one that is given is used instead', () => {
    expect(clusterKey(singleNode().template())[1].Properties.EnableKeyRotation).toBe(true);
    const { stack, vpc } = privateStack();
    new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1, encryptionKey: kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef') });
    const template = Template.fromStack(stack);
    expect(Object.values(resources(template, 'AWS::KMS::Key')).map(({ Properties }) => Properties.KeyUsage)).toEqual(['SIGN_VERIFY']);
    expect(one(template, 'AWS::EC2::Volume').Properties.KmsKeyId).toBe('arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef');
  });
});

test('a key of this app is made usable for the services, as the default one is', () => {
  const { stack, vpc } = privateStack();
  new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1, encryptionKey: new kms.Key(stack, 'Mine') });
  const sids = (clusterKey(Template.fromStack(stack))[1].Properties.KeyPolicy as { Statement: { Sid?: string }[] }).Statement.map(({ Sid }) => Sid);
  expect(sids).toEqual(expect.arrayContaining(['UseThroughEc2', 'GrantThroughEc2', 'EncryptLogs']));
});

describe('removal', () => {
  const policies = (props: Partial<ClickHouseClusterProps>) => {
    const template = singleNode(props).template();
    const keys = Object.values(resources(template, 'AWS::KMS::Key')).map(({ DeletionPolicy, UpdateReplacePolicy }) => [DeletionPolicy, UpdateReplacePolicy]);
    // that of the authority, without which no certificate is issued any more, is kept like that of the data.
    expect(keys).toEqual([keys[0], keys[0]]);
    const { DeletionPolicy, UpdateReplacePolicy } = one(template, 'AWS::EC2::Volume');
    return [[DeletionPolicy, UpdateReplacePolicy], keys[0]];
  };

  test('data and its key are kept, except when the first deployment fails', () => {
    expect(policies({})).toEqual([['RetainExceptOnCreate', 'Retain'], ['RetainExceptOnCreate', 'Retain']]);
  });

  test('a snapshot of the volumes keeps the key, without which it is worth nothing', () => {
    expect(policies({ removalPolicy: RemovalPolicy.SNAPSHOT })).toEqual([['Snapshot', 'Snapshot'], ['RetainExceptOnCreate', 'Retain']]);
  });

  test('can be said otherwise', () => {
    expect(policies({ removalPolicy: RemovalPolicy.DESTROY })).toEqual([['Delete', 'Delete'], ['Delete', 'Delete']]);
    expect(policies({ removalPolicy: RemovalPolicy.RETAIN })).toEqual([['Retain', 'Retain'], ['Retain', 'Retain']]);
  });

  test('nothing else is kept', () => {
    const kept = Object.values(resources(singleNode().template())).filter(({ DeletionPolicy }) => DeletionPolicy?.startsWith('Retain'));
    expect(kept.map(({ Type }) => Type).sort()).toEqual(['AWS::EC2::Volume', 'AWS::KMS::Key', 'AWS::KMS::Key']);
  });
});

describe('VPCs', () => {
  const inImported = (attributes: Partial<ec2.VpcAttributes>, props: Partial<ClickHouseClusterProps> = {}) => {
    const stack = new Stack(new App(), 'Test');
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-1',
      availabilityZones: ['eu-west-1a', 'eu-west-1b'],
      privateSubnetIds: ['subnet-1', 'subnet-2'],
      ...attributes,
    });
    new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1, ...props });
    return Template.fromStack(stack);
  };

  test('an imported one works with its range', () => {
    expect(one(inImported({ vpcCidrBlock: '10.9.0.0/16' }), 'AWS::EC2::NetworkInterface').Properties.SubnetId).toBe('subnet-1');
  });

  test.each(['0.0.0.0/0', '3.0.0.0/8', '2000::/3'])('an imported one that claims the range %s is refused: no VPC has it', (vpcCidrBlock) => {
    expect(() => inImported({ vpcCidrBlock })).toThrow(/must be one that a VPC can have .*\[Test\/Analytics\]/);
  });

  test('two clusters of one VPC cannot share a zone', () => {
    const { stack, vpc } = privateStack();
    new ClickHouseCluster(stack, 'One', { vpc, zoneName: 'data.internal' });
    expect(() => new ClickHouseCluster(stack, 'Two', { vpc, zoneName: 'data.internal' })).toThrow(/'data.internal' already.*\[Test\/Two\]/);
  });

  test('an imported one without its range says what to give; with client ranges it works', () => {
    expect(() => inImported({})).toThrow(/vpcCidrBlock.*or 'clientCidrs'.*\[Test\/Analytics\]/);
    inImported({}, { clientCidrs: ['10.9.0.0/16'] }).resourceCountIs('AWS::EC2::NetworkInterface', 1);
  });

  test('one made of tokens works', () => {
    const lazy = (text: string): string => Token.asString({ 'Fn::ImportValue': text });
    const template = inImported({
      vpcId: lazy('vpc'),
      vpcCidrBlock: lazy('cidr'),
      availabilityZones: [lazy('zone')],
      privateSubnetIds: [lazy('subnet')],
    });
    expect(one(template, 'AWS::EC2::NetworkInterface').Properties.SubnetId).toEqual({ 'Fn::ImportValue': 'subnet' });
    expect(one(template, 'AWS::AutoScaling::AutoScalingGroup').Properties.AvailabilityZones).toEqual([{ 'Fn::ImportValue': 'zone' }]);
  });

  test('one that is being looked up works with its placeholders', () => {
    const stack = new Stack(new App(), 'Test', { env: { account: '111122223333', region: 'eu-west-1' } });
    const vpc = ec2.Vpc.fromLookup(stack, 'Vpc', { vpcId: 'vpc-1' });
    new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1 });
    Template.fromStack(stack).resourceCountIs('AWS::EC2::NetworkInterface', 1);
  });

  test('with private and public subnets the private ones are taken', () => {
    const stack = new Stack(new App(), 'Test');
    const vpc = new ec2.Vpc(stack, 'Vpc');
    new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1 });
    const template = Template.fromStack(stack);
    const privateIds = vpc.privateSubnets.map((subnet) => stack.resolve(subnet.subnetId) as unknown);
    expect(privateIds).toContainEqual(one(template, 'AWS::EC2::NetworkInterface').Properties.SubnetId);
    const balancer = one(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer').Properties.Subnets as unknown[];
    for (const subnet of balancer) expect(privateIds).toContainEqual(subnet);
  });

  test('two clusters live in one stack and one VPC', () => {
    const { stack, vpc } = privateStack();
    const clusters = ['One', 'Two'].map((id) => new ClickHouseCluster(stack, id, { vpc, replicas: 1 }));
    expect(new Set(clusters.map((cluster) => cluster.clusterEndpoint.hostname)).size).toBe(2);
    Template.fromStack(stack).resourceCountIs('AWS::EC2::NetworkInterface', 2);
  });
});

test('an imported cluster is reached by the same names, and opens both sides', () => {
  const { stack, vpc } = privateStack();
  const cluster = ClickHouseCluster.fromClusterAttributes(stack, 'Imported', {
    clusterName: 'analytics',
    securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, 'Endpoint', 'sg-1')],
  });
  expect(cluster.clusterEndpoint.socketAddress).toBe('analytics.clickhouse.internal:8443');
  expect(cluster.nativeEndpoint.socketAddress).toBe('analytics.clickhouse.internal:9440');
  cluster.connections.allowDefaultPortFrom(new ec2.SecurityGroup(stack, 'Client', { vpc, allowAllOutbound: false }));
  const template = Template.fromStack(stack);
  expect(one(template, 'AWS::EC2::SecurityGroupIngress').Properties).toMatchObject({ GroupId: 'sg-1', FromPort: 8443 });
  expect(one(template, 'AWS::EC2::SecurityGroupEgress').Properties).toMatchObject({ DestinationSecurityGroupId: 'sg-1', FromPort: 8443 });
});

test('every server has an endpoint of its own', () => {
  const { cluster } = clusterStack({ shards: 2, replicas: 2, zoneName: 'data.internal' });
  expect(cluster.nodeEndpoints.map(({ socketAddress }) => socketAddress)).toEqual(
    ['server-1-1', 'server-1-2', 'server-2-1', 'server-2-2'].map((name) => `${name}.data.internal:9440`),
  );
});

test('with every recommended feature flag it is the same cluster', () => {
  const stack = new Stack(new App({ context: { ...CURRENTLY_RECOMMENDED_FLAGS } }), 'Test');
  const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
  new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1 });
  const flagged = Template.fromStack(stack);
  const plain = singleNode().template();
  for (const type of ['AWS::EC2::NetworkInterface', 'AWS::EC2::Volume', 'AWS::EC2::LaunchTemplate', 'AWS::AutoScaling::AutoScalingGroup']) {
    expect(Object.keys(one(flagged, type).Properties).sort()).toEqual(Object.keys(one(plain, type).Properties).sort());
  }
  expect(one(flagged, 'AWS::ElasticLoadBalancingV2::LoadBalancer').Properties).toMatchObject({ Scheme: 'internal' });
});

test('in another stack than its VPC, in a stage, it synthesises', () => {
  const app = new App();
  const stage = new Stage(app, 'Production', { env: { account: '111122223333', region: 'eu-west-1' } });
  const vpc = new ec2.Vpc(new Stack(stage, 'Network'), 'Vpc', { availabilityZones: ['eu-west-1a', 'eu-west-1b'] });
  new ClickHouseCluster(new Stack(stage, 'Data'), 'Analytics', { vpc });
  const assembly = app.synth().getNestedAssembly('assembly-Production');
  expect(assembly.stacks.map(({ displayName }) => displayName)).toHaveLength(2);
});

describe('fails with one clear error that ends with the construct path', () => {
  const publicVpc = (stack: Stack): ec2.IVpc => new ec2.Vpc(stack, 'Public', { natGateways: 0, subnetConfiguration: [{ name: 'Public', subnetType: ec2.SubnetType.PUBLIC }] });
  const mixedVpc = (stack: Stack): ec2.IVpc => new ec2.Vpc(stack, 'Mixed');
  const cases: [string, (stack: Stack) => Partial<ClickHouseClusterProps>, RegExp][] = [
    ['public subnets by type', () => ({ vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } }), /private or isolated subnets, got subnetType PUBLIC/],
    ['public subnets by object', (stack) => { const vpc = mixedVpc(stack); return { vpc, vpcSubnets: { subnets: [...vpc.privateSubnets, ...vpc.publicSubnets.slice(0, 1)] } }; }, /got the public Test\/Mixed\/PublicSubnet1/],
    ['public subnets by group name', (stack) => ({ vpc: mixedVpc(stack), vpcSubnets: { subnetGroupName: 'Public' } }), /got the public/],
    ['a public subnet imported again under another name', (stack) => {
      const vpc = mixedVpc(stack);
      const [first] = vpc.publicSubnets;
      const disguised = ec2.Subnet.fromSubnetAttributes(stack, 'Private', { subnetId: first?.subnetId ?? '', availabilityZone: first?.availabilityZone });
      return { vpc, vpcSubnets: { subnets: [disguised] } };
    }, /got the public Test\/Private/],
    ['a public subnet that the VPC does not know', (stack) => {
      const vpc = mixedVpc(stack);
      const open = new ec2.PublicSubnet(stack, 'Open', { vpcId: vpc.vpcId, availabilityZone: 'eu-west-1a', cidrBlock: '10.0.250.0/24' });
      return { vpc, vpcSubnets: { subnets: [open] } };
    }, /got the public Test\/Open/],
    ['a subnet that does not say its zone', (stack) => ({ vpcSubnets: { subnets: [ec2.Subnet.fromSubnetId(stack, 'Bare', 'subnet-1')] } }), /Test\/Bare does not say its availability zone.*fromSubnetAttributes/],
    ['a zone that hides AWS from the VPC', () => ({ zoneName: 'eu-west-1.amazonaws.com' }), /must not be in 'amazonaws.com'/],
    ['a zone that hides the names of instances', () => ({ zoneName: 'db.eu-west-1.compute.internal' }), /must not be in 'compute.internal'/],
    ['a VPC with public subnets only', (stack) => ({ vpc: publicVpc(stack) }), /selects no subnet/],
    ['a name that is no DNS label', () => ({ clusterName: 'My_Cluster' }), /DNS label.*got "My_Cluster"/],
    ['a name that is a token', () => ({ clusterName: Token.asString({ Ref: 'Name' }) }), /'clusterName' must be known at synthesis/],
    ['a zone that is a token', () => ({ zoneName: Token.asString({ Ref: 'Zone' }) }), /'zoneName' must be known at synthesis/],
    ['a zone of one label', () => ({ zoneName: 'internal' }), /at least two lower-case DNS labels/],
    ['a public client range', () => ({ clientCidrs: ['10.0.0.0/8', '0.0.0.0/0'] }), /private CIDR blocks .* got 0\.0\.0\.0\/0/],
    ['half of the internet', () => ({ clientCidrs: ['128.0.0.0/1'] }), /got 128\.0\.0\.0\/1/],
    ['the IPv6 internet', () => ({ clientCidrs: ['2000::/3'] }), /got 2000::\/3/],
    ['a range around a private one', () => ({ clientCidrs: ['10.0.0.0/7'] }), /10\.0\.0\.0\/7/],
    ['a client range that is none', () => ({ clientCidrs: ['ten slash eight'] }), /ten slash eight/],
    ['client ranges that are one token', () => ({ clientCidrs: Token.asList({ Ref: 'Cidrs' }) }), /got a token for the whole list/],
    ['no client range', () => ({ clientCidrs: [] }), /at least one private CIDR block, got none/],
    ['a volume too small', () => ({ storageSize: Size.gibibytes(1) }), /'storageSize' must be a whole number from 10 to 65536 GiB, got 1/],
    ['half a gibibyte', () => ({ storageSize: Size.mebibytes(10_752) }), /'storageSize' must be a whole number .* got 10.5/],
    ['more operations than the size carries', () => ({ storageSize: Size.gibibytes(10), storageIops: 6000 }), /'storageIops' must be a whole number from 3000 to 5000 operations per second at this size, got 6000/],
    ['more throughput than the operations carry', () => ({ storageThroughput: 800 }), /'storageThroughput' must be a whole number from 125 to 750 .* got 800/],
    ['a plaintext port in an extra document', () => ({ extraServerDocuments: { tuning: '<clickhouse><http_port>8123</http_port></clickhouse>' } }), /'tuning'.*http_port/],
    ['a user in an extra document', () => ({ extraUsersDocuments: { more: '<clickhouse><users><default><no_password/></default></users></clickhouse>' } }), /'more'.*users/],
  ];
  test.each(cases)('%s', (_, props, message) => {
    const { stack, vpc } = privateStack();
    const create = (): ClickHouseCluster => new ClickHouseCluster(stack, 'Analytics', { vpc, ...props(stack) });
    expect(create).toThrow(message);
    expect(create).toThrow(/\[Test\/Analytics\]$|already a Construct/);
  });

  test.each(['latest', '26.8', '26.8.36', 'v26.8.36.3', '26.8.36.3; rm', ''])('the version %j', (version) => {
    expect(() => ClickHouseVersion.of(version)).toThrow(/must be complete, such as 26\.8\.36\.3, got/);
  });

  test.each(['24.3.1.1', '26.3.61.9', '26.7.2.1', '26.8.35.9', '26.9.26.0', '26.10.3.6'])('the vulnerable version %s', (version) => {
    expect(() => ClickHouseVersion.of(version)).toThrow(/without logging in \(CVE-2026-116366.*use 26\./);
  });

  test('the fixed 26.3 LTS, which cannot hold two passwords', () => {
    expect(() => ClickHouseVersion.of('26.3.62.3')).toThrow(/two passwords per user/);
  });
});
