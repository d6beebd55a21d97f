import { clusterStack, resources } from './stacks';

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, object>;
}
interface Role {
  readonly AssumeRolePolicyDocument: { readonly Statement: { readonly Principal: { readonly Service: string } }[] };
  readonly ManagedPolicyArns?: unknown[];
  readonly Policies: { readonly PolicyDocument: { readonly Statement: Statement[] } }[];
}

const synthesised = clusterStack().template();
const roles = Object.entries(resources(synthesised, 'AWS::IAM::Role')).map(([id, { Properties }]) => ({ id, role: Properties as unknown as Role }));

/** A resource in short: references become <Id>, so a statement reads like a sentence. */
function short(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(short).join(' + ');
  const [[intrinsic, argument] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Fn::Join') return (argument as [string, unknown[]])[1].map(short).join('');
  const name = intrinsic === 'Ref' ? String(argument) : (argument as string[])[0];
  return `<${(name ?? '').replace(/^AWS::/, '').replace(/^Analytics/, '').replace(/[0-9A-F]{8}$/, '')}>`;
}

const statements = roles.map(({ id, role }) => ({
  id,
  lines: role.Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement).map(
    ({ Effect, Action, Resource, Condition }) =>
      `${Effect} ${[Action].flat().join(',')} on ${short(Resource).replace(/[0-9a-f]{64}/g, '<sha256>')}${Condition === undefined ? '' : ` if ${Object.values(Condition).flatMap((keys) => Object.keys(keys)).sort().join(',')}`}`,
  ),
}));
const of = (name: string): string[] => statements.find(({ id }) => id.includes(name))?.lines ?? [];

test('every role there is, and no managed policy', () => {
  expect(roles.map(({ id }) => id.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual(['AnalyticsArtefactsPublisherRole', 'AnalyticsRegionLookupRole', 'AnalyticsServer11Role']);
  for (const { role } of roles) expect(role.ManagedPolicyArns).toBeUndefined();
  expect(Object.keys(resources(synthesised, 'AWS::IAM::Policy'))).toEqual([]);
});

// a change here is a change of what a stolen credential can do: each wildcard has its reason beside it.
test('everything a node may do', () => {
  expect(of('Server11')).toEqual([
    // the live manifest is named by a hash that changes without a new role.
    'Allow s3:GetObject on <ArtefactsBucket>/agent/<sha256>.js + <ArtefactsBucket>/manifests/boot/<sha256>.json + <ArtefactsBucket>/manifests/live/*',
    'Allow ssm:GetParameter on arn:<Partition>:ssm:<Region>:<AccountId>:parameter/<LiveManifest>',
    'Allow secretsmanager:GetSecretValue on <InternalSecret>',
    'Allow kms:Decrypt on <Key> if kms:ViaService',
    'Allow kms:Decrypt on <Key> if kms:ViaService',
    // any instance, but this one volume.
    'Allow ec2:AttachVolume,ec2:DetachVolume on arn:<Partition>:ec2:<Region>:<AccountId>:volume/<Server11Volume> + arn:<Partition>:ec2:<Region>:<AccountId>:instance/*',
    'Allow kms:CreateGrant on <Key> if kms:GrantIsForAWSResource,kms:ViaService',
    // these take no resource.
    'Allow ec2:DescribeVolumes,ssm:UpdateInstanceInformation,ssmmessages:CreateControlChannel,ssmmessages:CreateDataChannel,ssmmessages:OpenControlChannel,ssmmessages:OpenDataChannel on *',
    'Allow cloudformation:SignalResource on <StackId>',
    'Allow logs:CreateLogStream,logs:PutLogEvents on arn:<Partition>:logs:<Region>:<AccountId>:log-group:<Logs>:log-stream:server-1-1',
  ]);
});

test('everything the functions may do', () => {
  expect(of('Publisher')).toEqual([
    'Allow logs:CreateLogStream,logs:PutLogEvents on <ArtefactsPublisherLogs>',
    // writes and empties one bucket; keys are named by hashes that change.
    'Allow s3:PutObject,s3:DeleteObject,s3:DeleteObjectVersion on <ArtefactsBucket>/*',
    'Allow s3:ListBucketVersions on <ArtefactsBucket>',
    'Allow kms:GenerateDataKey,kms:Decrypt on <Key>',
  ]);
  expect(of('Lookup')).toEqual([
    'Allow logs:CreateLogStream,logs:PutLogEvents on <RegionLookupLogs>',
    'Allow ssm:GetParameter on arn:<Partition>:ssm:<Region>::parameter/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64 + arn:<Partition>:ssm:<Region>::parameter/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
    // takes no resource.
    'Allow ec2:DescribeManagedPrefixLists on *',
  ]);
});

test('no role reads the bucket of the CDK bootstrap, manages users or passes roles', () => {
  const all = statements.flatMap(({ lines }) => lines).join('\n');
  expect(all).not.toMatch(/cdk-|iam:|sts:|kms:\*|s3:\*|secretsmanager:\*/);
});
