import type { Json } from './support';
import { INSTALLS, instance, lines, resource, service, task, template } from './support';

describe('ClickHouse-InstanceMetadataV1', () => {
  const ID = 'ClickHouse-InstanceMetadataV1';
  const launch = (data: Json, more: Json = {}): Json => resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: data, ...more });
  const without = instance({ MetadataOptions: undefined });

  test.each([
    ['nothing said', { Db: without }, /^Db: .*no MetadataOptions/],
    ['optional', { Db: instance({ MetadataOptions: { HttpTokens: 'optional' } }) }, /^Db: .*HttpTokens is 'optional'/],
    ['something else said', { Db: instance({ MetadataOptions: { HttpPutResponseHopLimit: 1 } }) }, /^Db: .*HttpTokens is not set/],
    ['undecided', { Db: instance({ MetadataOptions: { HttpTokens: { 'Fn::GetAtt': ['X', 'Y'] } } }) }, /^Db: .*cannot be told at synthesis, X\.Y/],
    ['in one branch', { Db: instance({ MetadataOptions: { 'Fn::If': ['C', { HttpTokens: 'required' }, { HttpTokens: 'optional' }] } }) }, /'optional'/],
    ['left out by one branch', { Db: instance({ MetadataOptions: { HttpTokens: { 'Fn::If': ['C', 'required', { Ref: 'AWS::NoValue' }] } } }) }, /HttpTokens is not set/],
    ['all left out by one branch', { Db: instance({ MetadataOptions: { 'Fn::If': ['C', { HttpTokens: 'required' }, { Ref: 'AWS::NoValue' }] } }) }, /no MetadataOptions/],
    ['launch template', { Template: launch({ UserData: INSTALLS }) }, /^Template: /],
    ['launch configuration', { Config: resource('AWS::AutoScaling::LaunchConfiguration', { UserData: INSTALLS }) }, /^Config: /],
    ['the launch template of an instance', { Db: instance({ MetadataOptions: undefined, LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } }), Template: launch({}) }, /^Template: /],
    ['a launch template elsewhere', { Db: instance({ MetadataOptions: undefined, LaunchTemplate: { LaunchTemplateId: 'lt-1' } }) }, /^Db: .*not in the templates/],
  ])('%s', (_, resources, message) => {
    expect(lines(template(resources), ID)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ['required', { Db: instance() }],
    ['switched off', { Db: instance({ MetadataOptions: { HttpEndpoint: 'disabled' } }) }],
    ['in a launch template by id', { Db: instance({ MetadataOptions: undefined, LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } }), Template: launch({ MetadataOptions: { HttpTokens: 'required' } }) }],
    ['left to the launch template by one branch', { Db: instance({ MetadataOptions: { 'Fn::If': ['C', { HttpTokens: 'required' }, { Ref: 'AWS::NoValue' }] }, LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } }), Template: launch({ MetadataOptions: { HttpTokens: 'required' } }) }],
    ['in a launch template by name', { Db: instance({ MetadataOptions: undefined, LaunchTemplate: { LaunchTemplateName: 'events' } }), Template: launch({ MetadataOptions: { HttpTokens: 'required' } }, { LaunchTemplateName: 'events' }) }],
    ['on the instance, whose launch template says nothing', { Db: instance({ LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } }), Template: launch({}) }],
    ['the default of a parameter', { Db: instance({ MetadataOptions: { HttpTokens: { Ref: 'Tokens' } } }) }],
    ['not ClickHouse', { Web: instance({ UserData: undefined, MetadataOptions: undefined }) }],
  ])('not: %s', (_, resources) => {
    expect(lines(template(resources, { Parameters: { Tokens: { Type: 'String', Default: 'required' } } }), ID)).toEqual([]);
  });
});

describe('the hops of our own nodes', () => {
  const ID = 'ClickHouse-InstanceMetadataV1';
  const ours = (options: Json, role: unknown = 'server'): Json => ({
    Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { MetadataOptions: { HttpTokens: 'required', ...options } } }, { Metadata: { 'cdk-secure-clickhouse': { role } } }),
  });

  test.each([
    ['2', ours({ HttpPutResponseHopLimit: 2 }), /HttpPutResponseHopLimit is 2$/],
    ['as text', ours({ HttpPutResponseHopLimit: '64' }), /is 64$/],
    ['of a Keeper', ours({ HttpPutResponseHopLimit: 2 }, 'keeper'), /is 2$/],
    ['not set', ours({}), /is not set/],
    ['left out by one branch', ours({ HttpPutResponseHopLimit: { 'Fn::If': ['C', 1, { Ref: 'AWS::NoValue' }] } }), /is not set/],
    ['undecided', ours({ HttpPutResponseHopLimit: { 'Fn::GetAtt': ['X', 'Y'] } }), /cannot be told at synthesis, X\.Y/],
  ])('%s', (_, resources, message) => {
    expect(lines(template(resources), ID)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ['one', ours({ HttpPutResponseHopLimit: 1 })],
    ['one as text', ours({ HttpPutResponseHopLimit: '1' })],
    ['switched off', ours({ HttpEndpoint: 'disabled', HttpPutResponseHopLimit: 2 })],
    ['somebody else, whose containers may need it', { Db: instance({ MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 } }) }],
  ])('not: %s', (_, resources) => {
    expect(lines(template(resources), ID)).toEqual([]);
  });
});

describe('ClickHouse-UnencryptedStorage', () => {
  const ID = 'ClickHouse-UnencryptedStorage';
  const device = (ebs: Json): Json => ({ BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: ebs }] });
  const attached = (volume: Json): Json => ({
    Db: instance(),
    Volume: resource('AWS::EC2::Volume', volume),
    Attachment: resource('AWS::EC2::VolumeAttachment', { InstanceId: { Ref: 'Db' }, VolumeId: { Ref: 'Volume' } }),
  });
  const mounted = (system: Json, image?: string): Json => ({
    Task: task(image, { Volumes: [{ Name: 'data', EFSVolumeConfiguration: { FilesystemId: { Ref: 'System' } } }] }),
    System: resource('AWS::EFS::FileSystem', system),
  });

  test.each([
    ['a device', { Db: instance(device({ VolumeSize: 100 })) }, /^Db: device \/dev\/xvda of Db is not encrypted/],
    ['a device, plainly', { Db: instance(device({ Encrypted: false })) }, /is not encrypted/],
    ['a key without the switch', { Db: instance(device({ KmsKeyId: 'alias/events' })) }, /is not encrypted/],
    ['undecided', { Db: instance(device({ Encrypted: { 'Fn::GetAtt': ['X', 'Y'] } })) }, /whether device .* cannot be told at synthesis: X\.Y/],
    ['one of two branches', { Db: instance(device({ Encrypted: { 'Fn::If': ['C', true, false] } })) }, /is not encrypted/],
    ['left out by one branch', { Db: instance(device({ Encrypted: { 'Fn::If': ['C', true, { Ref: 'AWS::NoValue' }] } })) }, /is not encrypted/],
    ['no device at all', { Db: instance({ BlockDeviceMappings: undefined }) }, /root volume of Db/],
    ['a launch template', { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS, ...device({}) } }) }, /^Template: device/],
    ['a launch template without devices', { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS } }) }, /^Template: the root volume/],
    ['a volume', attached({ Size: 100 }), /^Volume: volume Volume is not encrypted/],
    ['a volume named by the instance', { Db: instance({ Volumes: [{ VolumeId: { Ref: 'Volume' }, Device: '/dev/sdf' }] }), Volume: resource('AWS::EC2::Volume', {}) }, /^Volume: /],
    ['a volume that the script attaches', { Db: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': 'aws ec2 attach-volume --volume-id ${Volume}; yum install clickhouse-server' } } }), Volume: resource('AWS::EC2::Volume', {}) }, /^Volume: /],
    ['a marked volume', { Volume: resource('AWS::EC2::Volume', {}, { Metadata: { 'cdk-secure-clickhouse': { role: 'server' } } }) }, /^Volume: /],
    ['a file system', mounted({}), /^System: file system System is not encrypted/],
    ['a managed volume', { Task: task(), Service: service({ VolumeConfigurations: [{ Name: 'data', ManagedEBSVolume: { SizeInGiB: 100 } }] }) }, /^Service: the managed volume/],
  ])('%s', (_, resources, message) => {
    expect(lines(template(resources), ID)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ['a device', { Db: instance() }],
    ['as text', { Db: instance(device({ Encrypted: 'true' })) }],
    ['instance storage', { Db: instance({ BlockDeviceMappings: [{ DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' }, { DeviceName: '/dev/xvda', Ebs: { Encrypted: true } }] }) }],
    ['devices in the launch template', { Db: instance({ BlockDeviceMappings: undefined, LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } }), Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: device({ Encrypted: true }) }) }],
    ['a launch template that only adds settings', { Db: instance({ LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } }), Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { MetadataOptions: { HttpTokens: 'required' } } }) }],
    ['a volume', attached({ Encrypted: true })],
    ['a file system', mounted({ Encrypted: true })],
    ['storage of something else', mounted({}, 'minio/minio')],
  ])('not: %s', (_, resources) => {
    expect(lines(template(resources), ID)).toEqual([]);
  });
});

describe('ClickHouse-VulnerableVersion', () => {
  const ID = 'ClickHouse-VulnerableVersion';
  const script = (text: string): Json => ({ Db: instance({ UserData: { 'Fn::Base64': `#!/bin/bash\n${text}\n` } }) });
  const marked = (version: string): Json => ({ Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: {} }, { Metadata: { 'cdk-secure-clickhouse': { role: 'server', version } } }) });

  test.each([
    ['an image', { Task: task('clickhouse/clickhouse-server:24.3.1.1') }, /^Task: ClickHouse 24\.3\.1\.1 \(Task\).*CVE-2026-116366/],
    ['a line without a fix', { Task: task('clickhouse/clickhouse-server:25.8') }, /ClickHouse 25\.8 /],
    ['a variant', { Task: task('bitnami/clickhouse:26.7.2-debian-12-r1') }, /26\.7\.2/],
    ['a year', { Task: task('clickhouse/clickhouse-server:23-alpine') }, /23-alpine/],
    ['an image put together', { Task: task({ 'Fn::Join': ['', ['public.ecr.aws/', { Ref: 'AWS::Partition' }, '/clickhouse-server:24.8.1.1']] }) }, /24\.8\.1\.1/],
    ['a pinned package', script('apt-get install -y clickhouse-server=24.3.1.1'), /^Db: ClickHouse 24\.3\.1\.1/],
    ['an RPM', script('yum install -y clickhouse-server-26.8.36.2'), /26\.8\.36\.2/],
    ['an archive', script('curl -O https://packages.clickhouse.com/tgz/lts/clickhouse-common-static-25.3.2.39-amd64.tgz'), /25\.3\.2\.39/],
    ['a variable', script('CLICKHOUSE_VERSION="24.3.1.1"\nyum install -y clickhouse-server-$CLICKHOUSE_VERSION'), /24\.3\.1\.1/],
    ['an image in a script', script('docker run clickhouse/clickhouse-server:24.8'), /24\.8/],
    ['a cluster of ours', marked('26.3.62.2'), /^Template: ClickHouse 26\.3\.62\.2/],
  ])('%s', (_, resources, message) => {
    expect(lines(template(resources), ID)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ['the floor', { Task: task('clickhouse/clickhouse-server:26.8.36.3') }],
    ['the newest of a fixed line', { Task: task('clickhouse/clickhouse-server:26.8') }],
    ['latest', { Task: task('clickhouse/clickhouse-server:latest') }],
    ['no tag', { Task: task('clickhouse/clickhouse-server') }],
    ['a digest', { Task: task('clickhouse/clickhouse-server@sha256:2403') }],
    ['a version of somebody else', { Task: task('acme/clickhouse:1.4.2') }],
    ['an unpinned package', script('apt-get install -y clickhouse-server')],
    ['the version of something else', script('yum install -y clickhouse-server java-17.0.9.9 nginx-18.1.1.1')],
    ['a client of another version', script('yum install -y clickhouse-server-26.8.36.3 clickhouse-odbc-24.3.1.1')],
    ['a cluster of ours', marked('26.8.36.3')],
  ])('not: %s', (_, resources) => {
    expect(lines(template(resources), ID)).toEqual([]);
  });
});
