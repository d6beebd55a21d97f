import { App, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ClickHouseChecks } from '../../lib/checks';
import { LiveRollout } from '../../lib/cluster/live-rollout';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { clusterKey, one, resources } from './stacks';

const SHA256 = 'a'.repeat(64);

function rollout(): { app: App; stack: Stack } {
  const app = new App();
  const stack = new Stack(app, 'Test');
  const key = new kms.Key(stack, 'Key', { enableKeyRotation: true });
  const bucket = new s3.Bucket(stack, 'Bucket', { encryptionKey: key, enforceSSL: true, serverAccessLogsPrefix: 'access/' });
  const pointer = ssm.StringParameter.fromStringParameterName(stack, 'Pointer', 'live');
  new LiveRollout(stack, 'Rollout', { key, bucket, pointer, sha256: SHA256, nodes: ['server-1-1', 'server-1-2'], after: [] });
  return { app, stack };
}

const template = Template.fromStack(rollout().stack);
const [bucketId] = Object.keys(resources(template, 'AWS::S3::Bucket'));
const [keyId] = clusterKey(template);
const arnOf = (id: string | undefined): object => ({ 'Fn::GetAtt': [id, 'Arn'] });

test('what is waited for is in the template, so another hash or another node waits again', () => {
  expect(one(template, 'Custom::ClickHouseLiveRollout').Properties).toMatchObject({
    Bucket: { Ref: bucketId },
    Sha256: SHA256,
    Nodes: ['server-1-1', 'server-1-2'],
  });
});

test('the function may wait as long as a function can, and its death ends the deployment soon after', () => {
  const { Timeout } = one(template, 'AWS::Lambda::Function').Properties;
  expect(Timeout).toBe(900);
  expect(Number(one(template, 'Custom::ClickHouseLiveRollout').Properties.ServiceTimeout)).toBe(960);
});

test('everything the function may do', () => {
  const { Policies } = one(template, 'AWS::IAM::Role').Properties as { Policies: { PolicyDocument: { Statement: { Action: unknown; Resource: unknown }[] } }[] };
  const statements = Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement).filter(({ Action }) => !JSON.stringify(Action).includes('logs:'));
  expect(statements).toEqual([
    { Effect: 'Allow', Action: 'ssm:PutParameter', Resource: expect.objectContaining({ 'Fn::Join': ['', expect.arrayContaining([':parameter/live'])] }) as unknown },
    { Effect: 'Allow', Action: 's3:GetObject', Resource: { 'Fn::Join': ['', [arnOf(bucketId), '/reports/*']] } },
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: arnOf(bucketId), Condition: { StringEquals: { 's3:prefix': 'reports/' } } },
    {
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: arnOf(keyId),
      Condition: { StringEquals: { 'kms:ViaService': { 'Fn::Join': ['', ['s3.', { Ref: 'AWS::Region' }, '.amazonaws.com']] } } },
    },
  ]);
});

test('both packs have nothing to say', () => {
  const { app } = rollout();
  Validations.of(app).addPlugins(new ClickHouseChecks(app), new AwsSolutionsChecks(app));
  expect(() => app.synth()).not.toThrow();
});
