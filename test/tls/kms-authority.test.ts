import { App, CfnResource, Lazy, NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IConstruct } from 'constructs';
import type { ClickHouseClusterProps } from '../../lib';
import { ClickHouseCluster } from '../../lib';
import { readIdentity } from '../../lib/agent/identity';
import { metricLines } from '../../lib/agent/certificates/metrics';
import { containsCidr, parseCidr } from '../../lib/config/addresses';
import { ConstructError } from '../../lib/error';
import type { CloudFormationEvent } from '../../lib/handlers/cloudformation';
import { authorityProperties, certificateProperties, renewEvent } from '../../lib/handlers/issue-certificate/event';
import { AUTHORITY, CERTIFICATE, handleResource } from '../../lib/handlers/issue-certificate/handle';
import { renewAll } from '../../lib/handlers/issue-certificate/renew';
import { NO_AUTHORITY_YET, parseAuthority } from '../../lib/pki/authority';
import { parseNodeSecret, verifyNodeSecret } from '../../lib/pki/node-secret';
import { clusterStack, inWords, madeBefore, one, privateStack, resources } from '../cluster/stacks';
import { Account } from '../handlers/issue-certificate/world';
import { keyPair } from '../pki/authority';

type Json = Readonly<Record<string, unknown>>;

/** A stack as CloudFormation sees it: its template, and of a nested one what the stack around it hands over. */
interface Place {
  readonly template: Template;
  readonly outer?: { readonly place: Place; readonly id: string };
}

const ACCOUNT = '111122223333';
const PSEUDO: Json = { 'AWS::Partition': 'aws', 'AWS::Region': 'eu-central-1', 'AWS::AccountId': ACCOUNT, 'AWS::StackId': 'arn:aws:cloudformation:eu-central-1:111122223333:stack/test/1' };
const FINGERPRINT = 'f'.repeat(64);
const TAG = 'cdk-secure-clickhouse:node-certificate';

/** The stack itself and the ones in it. */
function placesOf(stack: Stack): readonly [Place, ...Place[]] {
  const place: Place = { template: Template.fromStack(stack) };
  const nested = stack.node.findAll().filter((each): each is NestedStack => NestedStack.isNestedStack(each));
  return [place, ...nested.map((each) => ({ template: Template.fromStack(each), outer: { place, id: stack.getLogicalId(each.nestedStackResource as CfnResource) } }))];
}

/** A value of a template as a deployment would have it, with plausible ids and addresses. */
function deployed(place: Place, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => deployed(place, each));
  if (typeof value !== 'object' || value === null) return value;
  const [[intrinsic, argument] = ['', undefined], ...more] = Object.entries(value as Json);
  if (more.length === 0 && intrinsic === 'Ref') return reference(place, String(argument));
  if (more.length === 0 && intrinsic === 'Fn::GetAtt') return attribute(place, ...(argument as [string, string]));
  if (more.length === 0 && intrinsic === 'Fn::Join') return (deployed(place, (argument as [string, unknown[]])[1]) as string[]).join((argument as [string])[0]);
  if (more.length === 0 && intrinsic === 'Fn::Base64') return deployed(place, argument);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, deployed(place, inner)]));
}

function reference(place: Place, id: string): unknown {
  if (id in PSEUDO) return PSEUDO[id];
  const resource = resources(place.template)[id];
  switch (resource?.Type) {
    case 'AWS::SecretsManager::Secret': return `arn:aws:secretsmanager:eu-central-1:${ACCOUNT}:secret:${id}-a1B2c3`;
    case 'AWS::SSM::Parameter': return `CFN-${id}-AbCdEf123456`;
    case 'AWS::EC2::Subnet': return resource.Properties.CidrBlock;
    case undefined: return place.outer === undefined ? id : deployed(place.outer.place, (resources(place.outer.place.template)[place.outer.id]?.Properties.Parameters as Json)[id]);
    default: return id;
  }
}

function attribute(place: Place, id: string, name: string): unknown {
  const resource = resources(place.template)[id];
  switch (`${resource?.Type} ${name}`) {
    case 'AWS::KMS::Key Arn': return `arn:aws:kms:eu-central-1:${ACCOUNT}:key/${id}`;
    case 'AWS::IAM::Role Arn': return `arn:aws:iam::${ACCOUNT}:role/${id}`;
    case 'AWS::Lambda::Function Arn': return `arn:aws:lambda:eu-central-1:${ACCOUNT}:function:${id}`;
    case 'Custom::ClickHouseAuthority Fingerprint': return FINGERPRINT;
    case 'AWS::EC2::VPC CidrBlock': return '10.0.0.0/16';
    // in its subnet, and no two alike.
    case 'AWS::EC2::NetworkInterface PrimaryPrivateIpAddress': return String(deployed(place, resource?.Properties.SubnetId)).replace(/\.\d+\/\d+$/, `.${[...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 200, 0) + 10}`);
    default: return name.endsWith('Sha256') ? 'ab'.repeat(32) : `${id}.${name}`;
  }
}

/** What a custom resource is sent. */
const sent = (place: Place, properties: Json): Json => deployed(place, properties) as Json;

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}
const inline = (role: Json): Statement[] => ((role.Policies ?? []) as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
const like = (pattern: string, text: string): boolean => new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*')}$`, 'i').test(text);

/** Whether a policy lets anybody have the value of a secret; conditions other than on a tag are taken to hold. */
function givesValue(place: Place, { Effect, Action, Resource, Condition = {} }: Statement, secretArn: string, tags: Json): boolean {
  const wanted = Object.entries(Condition.StringEquals ?? {}).filter(([key]) => key.startsWith('secretsmanager:ResourceTag/'));
  const isTagged = wanted.every(([key, value]) => tags[key.replace('secretsmanager:ResourceTag/', '')] === value);
  return Effect === 'Allow' && [Action].flat().some((each) => like(each, 'secretsmanager:GetSecretValue')) && [deployed(place, Resource)].flat().some((each) => like(String(each), secretArn)) && isTagged;
}

const ours = clusterStack({ replicas: 1, keepers: 1 });
const oneOfEach = ours.template();
const [issuerId = ''] = Object.keys(resources(oneOfEach, 'AWS::Lambda::Function')).filter((id) => id.includes('CertificatesIssuer'));

test('the parameter holds what the issuer takes for no authority', () => {
  const [parameter] = Object.entries(resources(oneOfEach, 'AWS::SSM::Parameter')).filter(([id]) => id.includes('Certificates')).map(([, each]) => each);
  expect(parameter?.Properties).toEqual({ Type: 'String', Value: NO_AUTHORITY_YET, Description: expect.stringMatching(/authority/) as unknown });
  expect(inWords(ours.stack.resolve(ours.cluster.caCertificate.parameterName))).toBe('<AnalyticsCertificatesCertificate>');
});

test('the issuer has the time that it counts on, and CloudFormation waits longer', () => {
  const { Timeout } = resources(oneOfEach)[issuerId]?.Properties ?? {};
  expect(Timeout).toBe(900);
  for (const type of [AUTHORITY, CERTIFICATE]) {
    for (const { Properties } of Object.values(resources(oneOfEach, type))) {
      expect(Number(Properties.ServiceTimeout)).toBe(1800);
      expect(Properties.ServiceToken).toEqual({ 'Fn::GetAtt': [issuerId, 'Arn'] });
    }
  }
});

test('everything the issuer may do', () => {
  const [role] = Object.entries(resources(oneOfEach, 'AWS::IAM::Role')).filter(([id]) => id.includes('CertificatesIssuer')).map(([, each]) => each);
  const tag = `${ours.cluster.clusterName}-${ours.cluster.node.addr.slice(-12)}`;
  const line = ({ Effect, Action, Resource, Condition = {} }: Statement): string => {
    const conditions = Object.entries(Condition).flatMap(([operator, keys]) => Object.entries(keys).map(([key, value]) => `${key} ${operator} ${inWords(value)}`));
    return [`${Effect} ${[Action].flat().join(',')} on ${inWords(Resource).replace(/<Analytics/g, '<')}`, ...conditions].join(' if ');
  };
  expect(role?.Properties.ManagedPolicyArns).toBeUndefined();
  expect(inline(role?.Properties ?? {}).map(line)).toEqual([
    'Allow logs:CreateLogStream,logs:PutLogEvents on <CertificatesIssuerLogs>',
    'Allow ssm:GetParameter,ssm:PutParameter on arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<CertificatesCertificate>',
    // secrets of nodes come and go, in stacks that wait for this role: what binds the statement is the tag that nothing else carries.
    `Allow secretsmanager:DescribeSecret,secretsmanager:GetSecretValue,secretsmanager:PutSecretValue,secretsmanager:UpdateSecretVersionStage on arn:<Partition>:secretsmanager:<Region>:<AccountId>:secret:* if secretsmanager:ResourceTag/${TAG} StringEquals ${tag}`,
    // takes no resource, and tells names and not values.
    'Allow secretsmanager:ListSecrets on *',
    'Allow kms:Decrypt,kms:GenerateDataKey on <Key> if kms:ViaService StringEquals secretsmanager.<Region>.amazonaws.com',
  ]);
});

test('the schedule runs every day, calls the issuer and nothing else, and only it may', () => {
  const [[ruleId = '', rule] = []] = Object.entries(resources(oneOfEach, 'AWS::Events::Rule'));
  expect(rule?.Properties).toMatchObject({ ScheduleExpression: 'rate(1 day)', State: 'ENABLED', Targets: [{ Arn: { 'Fn::GetAtt': [issuerId, 'Arn'] } }] });
  expect(one(oneOfEach, 'AWS::Lambda::Permission').Properties).toEqual({
    Action: 'lambda:InvokeFunction',
    FunctionName: { 'Fn::GetAtt': [issuerId, 'Arn'] },
    Principal: 'events.amazonaws.com',
    SourceArn: { 'Fn::GetAtt': [ruleId, 'Arn'] },
  });
});

describe.each([['in one stack', false], ['in nested stacks', true]])('%s', (_, nestedStacks) => {
  const { stack, cluster } = clusterStack({ shards: 2, nestedStacks });
  cluster.addUser('reader');
  const places = placesOf(stack);
  const [main] = places;
  const authority = one(main.template, AUTHORITY);
  const [authorityId = ''] = Object.keys(resources(main.template, AUTHORITY));
  const [keyId = ''] = Object.keys(resources(main.template, 'AWS::KMS::Key')).filter((id) => id.includes('CertificatesKey'));
  const rule = one(main.template, 'AWS::Events::Rule').Properties as { Targets: [{ Input: unknown }] };
  const nodes = places.flatMap((place) =>
    Object.entries(resources(place.template, CERTIFICATE)).map(([id, { Properties }]) => {
      const prefix = id.replace(/Certificate[0-9A-F]{8}$/, '');
      const [secretId = '', secret] = Object.entries(resources(place.template, 'AWS::SecretsManager::Secret')).find(([each]) => each.startsWith(`${prefix}CertificateSecret`)) ?? [];
      return { place, id, prefix, raw: Properties, properties: sent(place, Properties), secretId, secret, secretArn: String(reference(place, secretId)) };
    }),
  );
  const withPrefix = (node: (typeof nodes)[number], type: string): string => Object.keys(resources(node.place.template, type)).find((id) => id.startsWith(node.prefix)) ?? '';

  test('every node has a certificate and a secret of its own', () => {
    expect(nodes.map(({ properties }) => String(properties.Node).replace(/\..*/, '')).sort()).toEqual(['keeper-1', 'keeper-2', 'keeper-3', 'server-1-1', 'server-1-2', 'server-2-1', 'server-2-2']);
    expect(new Set(nodes.map(({ properties }) => properties.SecretArn)).size).toBe(7);
    expect(new Set(nodes.map(({ properties }) => properties.Ip)).size).toBe(7);
    for (const { properties, secretArn } of nodes) expect(properties.SecretArn).toBe(secretArn);
  });

  test('the authority is told what it takes, and all of it', () => {
    const properties = sent(main, authority.Properties);
    const taken = authorityProperties(properties);
    expect(taken).toEqual({
      ClusterName: cluster.clusterName,
      Zone: cluster.clusterEndpoint.hostname,
      Networks: ['10.0.0.0/17', '10.0.128.0/17'],
      KeyId: attribute(main, keyId, 'Arn'),
      AlsoTrusted: [],
      CaParameter: deployed(main, stack.resolve(cluster.caCertificate.parameterName)),
    });
    expect(Object.keys(properties).sort()).toEqual([...Object.keys(taken).filter((name) => name !== 'AlsoTrusted'), 'Description', 'ServiceTimeout', 'ServiceToken'].sort());
    for (const name of ['ClusterName', 'Zone', 'Networks', 'KeyId', 'CaParameter']) expect(() => authorityProperties({ ...properties, [name]: undefined })).toThrow(`'${name}' must be`);
  });

  test('so is every node\'s certificate', () => {
    for (const { place, raw, properties, prefix } of nodes) {
      const taken = certificateProperties(properties);
      expect(taken).toEqual({
        Node: expect.stringMatching(new RegExp(`^(?:server-\\d-\\d|keeper-\\d)\\.${cluster.clusterEndpoint.hostname}$`)) as unknown,
        Endpoint: cluster.clusterEndpoint.hostname,
        Ip: expect.stringMatching(/^10\.0\.(?:0|128)\.\d+$/) as unknown,
        SecretArn: expect.stringContaining(`:secret:${prefix}`) as unknown,
        CaParameter: authorityProperties(sent(main, authority.Properties)).CaParameter,
        KeyId: attribute(main, keyId, 'Arn'),
      });
      expect(Object.keys(properties).sort()).toEqual([...Object.keys(taken), 'Authority', 'Generation', 'ServiceTimeout', 'ServiceToken'].sort());
      // another authority is another certificate: CloudFormation calls when a property differs.
      expect(properties.Authority).toBe(FINGERPRINT);
      // known at deployment: a new interface is a new certificate.
      expect(raw.Ip).toEqual({ 'Fn::GetAtt': [expect.stringMatching(`^${prefix}Interface[0-9A-F]{8}$`), 'PrimaryPrivateIpAddress'] });
      expect(resources(place.template)[(raw.Ip as { 'Fn::GetAtt': [string] })['Fn::GetAtt'][0]]?.Type).toBe('AWS::EC2::NetworkInterface');
      for (const name of Object.keys(taken)) expect(() => certificateProperties({ ...properties, [name]: undefined })).toThrow(`'${name}' must be`);
    }
  });

  test('the schedule says what the issuer takes, of the same key and parameter, and the tag that the secrets have', () => {
    const renew = renewEvent(JSON.parse(String(deployed(main, rule.Targets[0].Input))));
    const properties = authorityProperties(sent(main, authority.Properties));
    const { KeyId, CaParameter } = properties;
    expect(renew).toEqual({ authority: properties, force: false, tag: { key: TAG, value: `${cluster.clusterName}-${cluster.node.addr.slice(-12)}` }, caParameter: CaParameter, keyId: KeyId });
    for (const { secret } of nodes) expect(secret?.Properties.Tags).toEqual([{ Key: renew?.tag.key, Value: renew?.tag.value }]);
  });

  test('no other secret has the tag, and none is made with a value in it', () => {
    for (const { place, secret } of nodes) {
      expect(Object.keys(secret?.Properties ?? {}).sort()).toEqual(['Description', 'KmsKeyId', 'Tags']);
      expect(deployed(place, secret?.Properties.KmsKeyId)).toBe(deployed(main, stack.resolve(cluster.encryptionKey.keyArn)));
    }
    const tagged = places.flatMap(({ template }) => Object.values(resources(template)).filter(({ Properties }) => JSON.stringify(Properties?.Tags ?? []).includes(TAG)));
    expect(tagged).toHaveLength(nodes.length);
  });

  test('a node is at most nine resources', () => {
    const constructs = cluster.node.findAll().filter(({ node }) => /^(?:Shard\d+Replica\d+|Keeper\d+)$/.test(node.id));
    expect(constructs).toHaveLength(7);
    const count = (construct: IConstruct): number => construct.node.findAll().filter((each) => CfnResource.isCfnResource(each)).length;
    for (const each of constructs) expect([each.node.id, count(each) <= 9]).toEqual([each.node.id, true]);
  });

  test('a node starts when its certificate is issued, which waits for the authority, which waits for its key', () => {
    for (const node of nodes) {
      const { place, id } = node;
      const group = withPrefix(node, 'AWS::AutoScaling::AutoScalingGroup');
      const before = madeBefore(place.template, [group]);
      expect([...before]).toEqual(expect.arrayContaining([id, node.secretId, withPrefix(node, 'AWS::EC2::NetworkInterface')]));
      // a certificate waits for no machine.
      expect([...madeBefore(place.template, [id])].filter((each) => /LaunchTemplate|Group[0-9A-F]{8}$/.test(each))).toEqual([]);
      expect([...madeBefore(main.template, [place.outer?.id ?? id])]).toEqual(expect.arrayContaining([authorityId, keyId, issuerId]));
    }
    expect([...madeBefore(main.template, [authorityId])]).toEqual(expect.arrayContaining([keyId, issuerId]));
    expect([...madeBefore(main.template, [keyId])]).not.toContain(authorityId);
  });

  test('the agent is told the secret, address and name that the certificate is for', () => {
    for (const node of nodes) {
      const { LaunchTemplateData } = resources(node.place.template)[withPrefix(node, 'AWS::EC2::LaunchTemplate')]?.Properties as { LaunchTemplateData: { UserData: unknown; NetworkInterfaces: unknown } };
      const script = String(deployed(node.place, LaunchTemplateData.UserData));
      const identity = readIdentity(/<<'END_OF_IDENTITY'\n([^]*?)\nEND_OF_IDENTITY/.exec(script)?.[1] ?? '');
      const { Node, Ip, SecretArn, CaParameter } = node.properties;
      expect([identity.host, identity.ip, identity.nodeSecretArn, identity.caParameter]).toEqual([Node, Ip, SecretArn, CaParameter]);
      // the address is that of the interface that the machine is launched onto.
      expect(LaunchTemplateData.NetworkInterfaces).toEqual([{ DeviceIndex: 0, NetworkInterfaceId: { Ref: (node.raw.Ip as { 'Fn::GetAtt': [string] })['Fn::GetAtt'][0] } }]);
    }
  });

  test('a node reads its own secret, no other node\'s; besides it only the issuer does', () => {
    const readers = places.flatMap((place) => Object.entries(resources(place.template, 'AWS::IAM::Role')).map(([id, { Properties }]) => ({ place, id, statements: inline(Properties) })));
    expect(readers.length).toBeGreaterThan(nodes.length + 4);
    const shared = places.flatMap((place) =>
      ['AWS::IAM::ManagedPolicy', 'AWS::IAM::Policy'].flatMap((type) => Object.values(resources(place.template, type)).flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement.map((statement) => ({ place, statement })))),
    );
    expect(shared.length).toBeGreaterThan(0);
    for (const node of nodes) {
      const tags = Object.fromEntries((node.secret?.Properties.Tags as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]));
      const admitted = readers.filter(({ place, statements }) => statements.some((each) => givesValue(place, each, node.secretArn, tags))).map(({ id }) => id);
      expect(admitted).toHaveLength(2);
      expect(admitted.filter((id) => !id.includes('CertificatesIssuerRole'))).toEqual([withPrefix(node, 'AWS::IAM::Role')]);
      expect(shared.filter(({ place, statement }) => givesValue(place, statement, node.secretArn, tags))).toEqual([]);
    }
    // the issuer has no part in what else is secret.
    const issuer = readers.find(({ id }) => id.includes('CertificatesIssuerRole'));
    const others = Object.keys(resources(main.template, 'AWS::SecretsManager::Secret')).filter((id) => !id.includes('CertificateSecret'));
    expect(others.length).toBe(2);
    for (const other of others) expect(issuer?.statements.some((each) => givesValue(main, each, String(reference(main, other)), {}))).toBe(false);
  });

  test('told by the template alone, the issuer fills the parameter and every secret with what the agent accepts, and renews all of them', async () => {
    const account = new Account();
    const { KeyId, CaParameter, Networks } = authorityProperties(sent(main, authority.Properties));
    account.keys.set(KeyId, keyPair());
    account.parameters.set(CaParameter, NO_AUTHORITY_YET);
    for (const { secretId, secret } of nodes) {
      const { ARN } = account.model.createSecret({ Name: secretId });
      account.model.tags.set(ARN, { name: secretId, tags: secret?.Properties.Tags as { Key: string; Value: string }[] });
    }
    const ask = (ResourceType: string, LogicalResourceId: string, ResourceProperties: Json): ReturnType<typeof handleResource> =>
      handleResource({ RequestType: 'Create', RequestId: `request-${LogicalResourceId}`, ResponseURL: '', StackId: '', LogicalResourceId, ResourceType, ResourceProperties } as CloudFormationEvent<Json>, account.now + 600_000, () => Promise.resolve(account.world));
    const { data } = await ask(AUTHORITY, authorityId, sent(main, authority.Properties));
    expect(data).toMatchObject({ Fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown });
    for (const { id, properties } of nodes) await ask(CERTIFICATE, id, properties);
    const authorityNow = account.parameters.get(CaParameter) ?? '';
    const parsed = parseAuthority(authorityNow);
    expect('certificates' in parsed && parsed.certificates.map(({ constraints }) => constraints.networks.length)).toEqual([Networks.length]);
    const serials = (): string[] =>
      nodes.map(({ secretArn, properties: { Node, Endpoint, Ip } }) => {
        const value = parseNodeSecret(account.model.getSecretValue({ SecretId: secretArn }).SecretString ?? '');
        if (value === 'not issued yet' || 'malformed' in value) throw new Error(`${secretArn} holds no certificate`);
        expect(verifyNodeSecret(value, { node: String(Node), names: [String(Node), String(Endpoint)], ip: String(Ip), authority: authorityNow }, account.now)).toEqual([]);
        expect(Networks.some((network) => containsCidr(parseCidr(network), parseCidr(`${String(Ip)}/32`)))).toBe(true);
        return value.serial;
      });
    const issued = serials();
    expect(new Set(issued).size).toBe(nodes.length);
    const renew = renewEvent(JSON.parse(String(deployed(main, rule.Targets[0].Input))));
    if (renew === undefined) throw new Error('the schedule says nothing');
    expect(await renewAll(renew, account.now + 600_000, account.world)).toEqual({ AlreadyCurrent: nodes.length });
    account.now += 61 * 86_400_000;
    expect(await renewAll(renew, account.now + 600_000, account.world)).toEqual({ Issued: nodes.length });
    expect(serials().filter((serial) => issued.includes(serial))).toEqual([]);
  });
});

describe('alarms', () => {
  const { cluster, template } = clusterStack({ replicas: 1, keepers: 1 });
  cluster.addAlarmAction({ bind: () => ({ alarmActionArn: 'arn:aws:sns:eu-central-1:111122223333:pager' }) });
  const alarms = Object.entries(resources(template(), 'AWS::CloudWatch::Alarm')).filter(([id]) => id.includes('Certificates')).map(([, { Properties }]) => Properties);
  const [failed, expires, behind] = alarms;

  test('are three, and each says when', () => {
    const said = alarms.map(({ MetricName, Statistic, ComparisonOperator, Threshold, Period, EvaluationPeriods, TreatMissingData }) => [MetricName, Statistic, ComparisonOperator, Threshold, Period, EvaluationPeriods, TreatMissingData]);
    expect(said).toEqual([
      ['Errors', 'Sum', 'GreaterThanOrEqualToThreshold', 1, 300, 1, 'notBreaching'],
      // no node that says anything is trouble, and so is the worst of them.
      ['CertificateDaysToExpiry', 'Minimum', 'LessThanOrEqualToThreshold', 21, 3600, 2, 'breaching'],
      ['ServedSerialBehind', 'Maximum', 'GreaterThanOrEqualToThreshold', 1, 3600, 2, 'notBreaching'],
    ]);
  });

  test('watch the issuer, and what the agent of every node publishes', () => {
    expect([failed?.Namespace, failed?.Dimensions]).toEqual(['AWS/Lambda', [{ Name: 'FunctionName', Value: { Ref: issuerId } }]]);
    const published = ['server-1-1', 'keeper-1'].map((node) =>
      metricLines({ daysToExpiry: 80, behind: false }, cluster.clusterName, node, 0).flatMap((line) => {
        const { _aws, ...values } = JSON.parse(line) as { _aws: { CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[] }; [dimension: string]: unknown };
        return _aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
          Metrics.flatMap(({ Name }) => Dimensions.map((set) => ({ Namespace, MetricName: Name, Dimensions: set.map((dimension) => ({ Name: dimension, Value: values[dimension] })) }))),
        );
      }),
    );
    for (const { Namespace, MetricName, Dimensions } of [expires, behind].map((each) => each ?? {})) {
      for (const ofNode of published) expect(ofNode).toContainEqual({ Namespace, MetricName, Dimensions });
    }
    // what is published of one node alone is not what is watched.
    expect(published[0]).toContainEqual({ Namespace: 'SecureClickHouse', MetricName: 'ServedSerialBehind', Dimensions: [{ Name: 'Cluster', Value: cluster.clusterName }, { Name: 'Node', Value: 'server-1-1' }] });
  });

  test('the metric of the cluster is the one that is watched, and can be looked at in another way', () => {
    const { namespace, metricName, dimensions, statistic } = cluster.metricCertificateDaysToExpiry();
    expect([namespace, metricName, statistic, dimensions]).toEqual([expires?.Namespace, expires?.MetricName, expires?.Statistic, { Cluster: cluster.clusterName }]);
    expect(cluster.metricCertificateDaysToExpiry({ statistic: 'Average' }).statistic).toBe('Average');
  });

  test('do what alarms of the cluster do', () => {
    for (const { AlarmActions } of alarms) expect(AlarmActions).toEqual(['arn:aws:sns:eu-central-1:111122223333:pager']);
  });
});

describe('another key takes the place of the first', () => {
  const STEPS: readonly Partial<ClickHouseClusterProps>[] = [{}, { caGeneration: 1, trustedCaGeneration: 2 }, { caGeneration: 2, trustedCaGeneration: 1 }, { caGeneration: 2 }];
  const steps = STEPS.map((props) => {
    const template = clusterStack({ replicas: 1, keepers: 1, ...props }).template();
    const ids = (type: string, part = ''): string[] => Object.keys(resources(template, type)).filter((id) => id.includes(part)).sort();
    return { template, machines: ids('AWS::EC2::LaunchTemplate'), keys: ids('AWS::KMS::Key', 'CertificatesKey'), signing: resources(template, 'AWS::KMS::Key'), others: [...ids(AUTHORITY), ...ids(CERTIFICATE), ...ids('AWS::SecretsManager::Secret')], parameters: resources(template, 'AWS::SSM::Parameter') };
  });
  const [before, both, exchanged, after] = steps;
  const [first = ''] = before?.keys ?? [];
  const [second = ''] = after?.keys ?? [];

  test('machines start anew when whom they trust changes, and not when another key signs', () => {
    expect(before?.machines).toHaveLength(2);
    for (const [index, id] of (both?.machines ?? []).entries()) expect([before?.machines[index], after?.machines[index]]).not.toContain(id);
    expect(exchanged?.machines).toEqual(both?.machines);
    for (const [index, id] of (after?.machines ?? []).entries()) expect(id).not.toBe(before?.machines[index]);
  });

  test('keys stay what they are, and so does everything but the machines', () => {
    expect([first, second].map((id) => id.replace(/[0-9A-F]{8}$/, ''))).toEqual(['AnalyticsCertificatesKey1', 'AnalyticsCertificatesKey2']);
    expect(steps.map(({ keys }) => keys)).toEqual([[first], [first, second], [first, second], [second]]);
    expect(both?.signing[first]).toEqual(before?.signing[first]);
    expect(exchanged?.signing[second]).toEqual(after?.signing[second]);
    for (const key of [before?.signing[first], after?.signing[second]]) expect(key?.Properties.KeyUsage).toBe('SIGN_VERIFY');
    for (const { others } of steps) expect(others).toEqual(before?.others);
    // what the issuer wrote into them is not written over.
    for (const { parameters } of steps) expect(parameters).toEqual(before?.parameters);
  });

  const propertiesOf = (template?: Template): Json => (template === undefined ? {} : sent({ template }, one(template, AUTHORITY).Properties));

  test('each step says who signs and who is trusted besides', () => {
    const said = steps.map(({ template }) => authorityProperties(propertiesOf(template))).map(({ KeyId, AlsoTrusted }) => [KeyId, ...AlsoTrusted].map((arn) => arn.replace(/.*\//, '')));
    expect(said).toEqual([[first], [first, second], [second, first], [second]]);
    for (const { template } of steps) {
      const { KeyId } = authorityProperties(propertiesOf(template));
      for (const { Properties } of Object.values(resources(template, CERTIFICATE))) expect(sent({ template }, Properties).KeyId).toBe(KeyId);
      expect(renewEvent(JSON.parse(String(deployed({ template }, (one(template, 'AWS::Events::Rule').Properties as { Targets: [{ Input: unknown }] }).Targets[0].Input))))?.keyId).toBe(KeyId);
    }
  });

  test('the issuer takes the steps in their order and refuses to skip one', async () => {
    const { CaParameter } = authorityProperties(propertiesOf(before?.template));
    const run = async (order: typeof steps): Promise<number[]> => {
      const account = new Account();
      account.parameters.set(CaParameter, NO_AUTHORITY_YET);
      for (const id of [first, second]) account.keys.set(`arn:aws:kms:eu-central-1:${ACCOUNT}:key/${id}`, keyPair());
      const trusted: number[] = [];
      for (const { template } of order) {
        const event = { RequestType: 'Update', RequestId: '1', ResponseURL: '', StackId: '', LogicalResourceId: 'Authority', PhysicalResourceId: 'authority-of-Authority', ResourceType: AUTHORITY, ResourceProperties: propertiesOf(template) };
        await handleResource(event as unknown as CloudFormationEvent<Json>, account.now + 600_000, () => Promise.resolve(account.world));
        const parsed = parseAuthority(account.parameters.get(CaParameter) ?? '');
        trusted.push('certificates' in parsed ? parsed.certificates.length : 0);
      }
      return trusted;
    };
    expect(await run(steps)).toEqual([1, 2, 2, 1]);
    await expect(run(steps.filter((each) => each !== both && each !== exchanged))).rejects.toMatchObject({ name: 'UntrustedKey' });
    await expect(run(steps.filter((each) => each !== both))).rejects.toMatchObject({ name: 'UntrustedKey' });
  });
});

test('machines start anew when their networks change, which the authority is bound to', () => {
  const machines = (vpcCidrBlock: string): string[] => {
    const stack = new Stack(new App(), 'Test');
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', { vpcId: 'vpc-1', vpcCidrBlock, availabilityZones: ['a'], isolatedSubnetIds: ['subnet-1'], isolatedSubnetRouteTableIds: ['rtb-1'] });
    // whom users may log in from is part of the launch script, and stays.
    new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1, clientCidrs: ['10.20.0.0/16'] });
    const template = Template.fromStack(stack);
    expect(authorityProperties(sent({ template }, one(template, AUTHORITY).Properties)).Networks).toEqual([vpcCidrBlock]);
    return Object.keys(resources(template, 'AWS::EC2::LaunchTemplate'));
  };
  const [narrow] = machines('10.20.0.0/17');
  expect(machines('10.20.0.0/17')).toEqual([narrow]);
  expect(machines('10.20.0.0/16')).not.toEqual([narrow]);
});

describe('keys that cannot be', () => {
  test.each<[string, Partial<ClickHouseClusterProps>, RegExp]>([
    ['none', { caGeneration: 0 }, /^'caGeneration' must be a whole number from 1, known at synthesis, got 0 \[Test\/Analytics\]$/],
    ['less than none', { caGeneration: -1 }, /^'caGeneration' must be .*, got -1 \[Test\/Analytics\]$/],
    ['one and a half', { caGeneration: 1.5 }, /^'caGeneration' must be .*, got 1\.5 \[Test\/Analytics\]$/],
    ['not a number', { caGeneration: NaN }, /^'caGeneration' must be .*, got NaN \[Test\/Analytics\]$/],
    ['without end', { caGeneration: Infinity }, /^'caGeneration' must be .*, got Infinity \[Test\/Analytics\]$/],
    ['known at deployment', { caGeneration: Lazy.number({ produce: () => 1 }) }, /^'caGeneration' must be .*, known at synthesis, .* \[Test\/Analytics\]$/],
    ['trusted, none', { trustedCaGeneration: 0 }, /^'trustedCaGeneration' must be .*, got 0 \[Test\/Analytics\]$/],
    ['trusted, one and a half', { caGeneration: 2, trustedCaGeneration: 1.5 }, /^'trustedCaGeneration' must be .*, got 1\.5 \[Test\/Analytics\]$/],
    ['trusted, not a number', { trustedCaGeneration: NaN }, /^'trustedCaGeneration' must be .*, got NaN \[Test\/Analytics\]$/],
    ['the same twice', { caGeneration: 3, trustedCaGeneration: 3 }, /^'trustedCaGeneration' must be another one than 'caGeneration', got 3 for both; leave it out .* \[Test\/Analytics\]$/],
    ['the same twice, by default', { trustedCaGeneration: 1 }, /got 1 for both/],
  ])('%s', (_, props, message) => {
    const { stack, vpc } = privateStack();
    let error: unknown;
    try {
      new ClickHouseCluster(stack, 'Analytics', { vpc, ...props });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConstructError);
    expect(error).toMatchObject({ code: 'CaGeneration', constructPath: 'Test/Analytics', message: expect.stringMatching(message) as unknown });
    // nothing was defined before it was refused.
    expect(stack.node.findChild('Analytics').node.children).toEqual([]);
  });
});
