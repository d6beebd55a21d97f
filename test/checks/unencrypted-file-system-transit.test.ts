import { CfnResource } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { instance, lines, resource, task, template } from './support';

const ID = 'ClickHouse-UnencryptedFileSystemTransit';

describe('tasks', () => {
  const mounted = (configuration: Json, image?: string): Json => ({ Task: task(image, { Volumes: [{ Name: 'data', EFSVolumeConfiguration: { FilesystemId: 'fs-1', ...configuration } }] }) });
  const Parameters = { Given: { Type: 'String' }, Usual: { Type: 'String', Default: 'ENABLED' }, Off: { Type: 'String', Default: 'DISABLED' }, Level: { Type: 'String' } };
  const Conditions = { C: { 'Fn::Equals': [{ Ref: 'Level' }, 'high'] } };

  test.each([
    ['nothing said', mounted({}), /^Task: volume data of ClickHouse \(Task\) is mounted without TLS: TransitEncryption is not set, which means DISABLED$/],
    ['disabled', mounted({ TransitEncryption: 'DISABLED' }), /TransitEncryption is DISABLED/],
    ['a port alone', mounted({ TransitEncryptionPort: 2999 }), /is not set/],
    ['left out by one branch', mounted({ TransitEncryption: { 'Fn::If': ['C', 'ENABLED', { Ref: 'AWS::NoValue' }] } }), /is not set/],
    ['disabled by one branch', mounted({ TransitEncryption: { 'Fn::If': ['C', 'ENABLED', 'DISABLED'] } }), /is DISABLED/],
    ['the default of a parameter', mounted({ TransitEncryption: { Ref: 'Off' } }), /is DISABLED/],
    ['a parameter without', mounted({ TransitEncryption: { Ref: 'Given' } }), /^Task: whether volume data of ClickHouse \(Task\) is mounted with TLS cannot be told at synthesis: parameter Given has no default$/],
    ['an attribute', mounted({ TransitEncryption: { 'Fn::GetAtt': ['X', 'Y'] } }), /cannot be told at synthesis: X\.Y/],
  ])('%s', (_, resources, message) => {
    expect(lines(template(resources, { Parameters, Conditions }), ID)).toEqual([expect.stringMatching(message)]);
  });

  test('each volume on its own', () => {
    const Volumes = ['a', 'b', 'c'].map((Name) => ({ Name, EFSVolumeConfiguration: { FilesystemId: 'fs-1', TransitEncryption: Name === 'b' ? 'ENABLED' : undefined } }));
    expect(lines(template({ Task: task(undefined, { Volumes }) }), ID)).toHaveLength(2);
  });

  test.each([
    ['enabled', mounted({ TransitEncryption: 'ENABLED' })],
    ['the default of a parameter', mounted({ TransitEncryption: { Ref: 'Usual' } })],
    ['no file system', { Task: task(undefined, { Volumes: [{ Name: 'data' }, { Name: 'host', Host: { SourcePath: '/data' } }] }) }],
    ['something else', mounted({}, 'minio/minio')],
  ])('not: %s', (_, resources) => {
    expect(lines(template(resources, { Parameters, Conditions }), ID)).toEqual([]);
  });
});

describe('machines', () => {
  const script = (text: unknown): Json => ({ Db: instance({ UserData: { 'Fn::Base64': text } }) });
  const found = (text: string): string[] => lines(template(script(`#!/bin/bash\nyum install -y clickhouse-server-26.8.36.3\n${text}\n`)), ID);
  const NFS4 = 'nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2';
  const NAME = 'fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com';

  test.each([
    [`mount -t nfs4 -o ${NFS4} ${NAME}:/ /var/lib/clickhouse`],
    [`sudo mount -t nfs4 -o ${NFS4} \\\n  ${NAME}:/ /data`],
    [`mount -o ${NFS4},nofail -t nfs ${NAME}:/ /data`],
    [`mount ${NAME}:/ /data`],
    [`/sbin/mount.nfs4 ${NAME}:/ /data`],
    ['mount -t efs fs-0123456789abcdef0:/ /data'],
    ['mount -t efs -o accesspoint=fsap-0123456789abcdef0,iam fs-0123456789abcdef0:/ /data'],
    ['mkdir -p /tls && mount -t efs fs-0123456789abcdef0:/ /data'],
    [`FS=${NAME}\nmount -t nfs4 $FS:/ /data`],
    [`echo "${NAME}:/ /data nfs4 ${NFS4},_netdev 0 0" >> /etc/fstab\nmount -a`],
    ['echo "fs-0123456789abcdef0:/ /data efs _netdev,noresvport 0 0" >> /etc/fstab'],
    [`printf "\\n${NAME}:/\\t/data\\tnfs4\\t${NFS4}\\t0 0\\n" >> /etc/fstab`],
    [`cat >> /etc/fstab <<E\n${NAME}:/ /data nfs4 defaults 0 0\nE`],
  ])('%s', (text) => {
    expect(found(text)).toEqual([expect.stringMatching(/^Db: Db mounts a file system without TLS: '.{10,80}'$/)]);
  });

  test.each([
    ['mount -t efs -o tls fs-0123456789abcdef0:/ /data'],
    ['mount -t efs -o _netdev,tls,accesspoint=fsap-0123456789abcdef0 fs-0123456789abcdef0:/ /data'],
    ['echo "fs-0123456789abcdef0:/ /data efs _netdev,tls,iam 0 0" >> /etc/fstab\nmount -a -t efs defaults'],
    ['printf "\\nfs-0123456789abcdef0:/ /data efs tls,_netdev\\n" >> /etc/fstab'],
    [`stunnel efs.conf\nmount -t nfs4 -o ${NFS4},port=20049 127.0.0.1:/ /data # ${NAME}`],
    ['mount -t nfs4 -o sec=krb5p files.example.internal:/ /data'],
    ['mount -t nfs4 tools.example.internal:/ /opt/tools'],
    [`# mount -t nfs4 ${NAME}:/ /data`],
    ['mount /dev/nvme1n1 /var/lib/clickhouse'],
    ['mkfs.ext4 /dev/nvme1n1\nmount -t ext4 /dev/nvme1n1 /var/lib/clickhouse'],
    ['yum install -y amazon-efs-utils nfs-utils'],
    ['docker run -v /mount/tools:/tools:ro --mount type=bind,source=/data,target=/data clickhouse/clickhouse-server:26.8.36.3'],
    ['umount /data'],
  ])('not: %s', (text) => {
    expect(found(text)).toEqual([]);
  });

  test('a file system of the templates is known, however its name is put together', () => {
    const System = resource('AWS::EFS::FileSystem', { Encrypted: true });
    const judge = (text: string): string[] => lines(template({ ...script({ 'Fn::Sub': `yum install clickhouse-server-26.8.36.3\n${text}` }), System }), ID);
    expect(judge('mount -t nfs4 ${System}.efs.${AWS::Region}.amazonaws.com:/ /data')).toHaveLength(1);
    expect(judge('NAME=${System}\nmount -t nfs4 $(resolve $NAME):/ /data')).toHaveLength(1);
    expect(judge('mount -t efs ${System}:/ /data')).toHaveLength(1);
    expect(judge('echo "${System} /data efs _netdev 0 0" >> /etc/fstab')).toHaveLength(1);
    expect(judge('mount -t efs -o tls ${System}:/ /data')).toEqual([]);
    expect(judge('echo "${System} /data efs _netdev,tls 0 0" >> /etc/fstab')).toEqual([]);
  });

  test('in cfn-init', () => {
    const commands = { 1: { command: 'mount -t efs fs-0123456789abcdef0:/ /data' }, 2: { command: 'echo tls' } };
    const Db = { ...instance(), Metadata: { 'AWS::CloudFormation::Init': { config: { commands } } } };
    expect(lines(template({ Db }), ID)).toHaveLength(1);
  });

  test('not of something else', () => {
    expect(lines(template({ Web: instance({ UserData: { 'Fn::Base64': 'mount -t efs fs-0123456789abcdef0:/ /data' } }) }), ID)).toEqual([]);
  });
});

test('constructs: in order, after a property override, and by a raw resource', () => {
  const withVolume = (damage: (definition: CfnResource) => void): string[] => judged((stack) => {
    const definition = new ecs.FargateTaskDefinition(stack, 'Task', { volumes: [{ name: 'data', efsVolumeConfiguration: { fileSystemId: 'fs-1', transitEncryption: 'ENABLED' } }] });
    definition.addContainer('Db', { image: ecs.ContainerImage.fromRegistry('clickhouse/clickhouse-server:26.8.36.3') });
    damage(cfn(definition));
  }, ID);
  expect(withVolume(() => undefined)).toEqual([]);
  expect(withVolume((definition) => definition.addPropertyDeletionOverride('Volumes.0.EFSVolumeConfiguration.TransitEncryption'))).toEqual([`error: ${ID} on Stack/Task/Resource`]);
  expect(withVolume((definition) => definition.addPropertyOverride('Volumes.0.EFSVolumeConfiguration.TransitEncryption', 'DISABLED'))).toEqual([`error: ${ID} on Stack/Task/Resource`]);
  const raw = judged((stack) => {
    const ContainerDefinitions = [{ Name: 'db', Image: 'clickhouse/clickhouse-server:26.8.36.3' }];
    new CfnResource(stack, 'Raw', { type: 'AWS::ECS::TaskDefinition', properties: { ContainerDefinitions, Volumes: [{ Name: 'data', EFSVolumeConfiguration: { FilesystemId: 'fs-1' } }] } });
  }, ID);
  expect(raw).toEqual([`error: ${ID} on Stack/Raw`]);
  const script = { 'Fn::Base64': 'yum install -y clickhouse-server-26.8.36.3\nmount -t efs fs-0123456789abcdef0:/ /data' };
  expect(judged((stack) => cfn(database(stack).server).addPropertyOverride('UserData', script))).toEqual([`error: ${ID} on Stack/Server/Resource`]);
});
