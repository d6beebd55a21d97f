import * as fc from 'fast-check';
import { containsCidr, isPrivateCidr, parseCidr } from '../../lib/config/addresses';
import type { Json } from './support';
import { front, group, instance, lines, resource, service, task, tcp, template } from './support';

const ID = 'ClickHouse-OpenIngress';
const open = (...entries: Json[]): string[] => lines(template({ Db: instance(), Group: group(...entries) }), ID);

describe('what is open', () => {
  test.each([
    ['port 8123', tcp(8123), /^Group: port 8123 \(HTTP\) of ClickHouse \(Db\) open to the internet \(0\.0\.0\.0\/0\)$/],
    ['a port written as text', tcp('9000'), /port 9000 .*the internet/],
    ['IPv6', { IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, CidrIpv6: '::/0' }, /port 8123 .*the internet \(::\/0\)/],
    ['a range', tcp(8000, '0.0.0.0/0', 9000), /ports 8123 \(HTTP\), 8443 \(HTTPS\) and 9000 /],
    ['a range of texts', tcp('0', '0.0.0.0/0', '65535'), /all ports, 8123 \(HTTP\) and 9000 /],
    ['every protocol', { IpProtocol: '-1', CidrIp: '0.0.0.0/0' }, /all ports/],
    ['every protocol as a number', { IpProtocol: -1, CidrIp: '0.0.0.0/0' }, /all ports/],
    ['tcp by its number', { IpProtocol: '6', FromPort: 9440, ToPort: 9440, CidrIp: '0.0.0.0/0' }, /port 9440/],
    ['tcp without ports', { IpProtocol: 'tcp', CidrIp: '0.0.0.0/0' }, /all ports/],
    ['tcp with -1 for ports', tcp(-1), /all ports/],
    ['Keeper', tcp(9181), /port 9181 \(Keeper\)/],
    ['the TLS port too', tcp(8443), /port 8443/],
    ['a quarter of the internet', tcp(8123, '52.0.0.0/6'), /public addresses \(52\.0\.0\.0\/6\)/],
    ['all of global IPv6', { IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, CidrIpv6: '2000::/3' }, /public addresses \(2000::\/3\)/],
    ['one office', tcp(8123, '203.0.113.7/32'), /public addresses/],
    ['a private range with public addresses around it', tcp(8123, '10.0.0.0/7'), /public addresses/],
    ['host bits that EC2 drops', tcp(8123, '10.0.0.1/0'), /the internet/],
    ['a port that is decided later', tcp({ Ref: 'AWS::StackId' }), /ports that cannot be told/],
    ['a protocol that is decided later', { IpProtocol: { Ref: 'AWS::StackId' }, FromPort: 8123, ToPort: 8123, CidrIp: '0.0.0.0/0' }, /port 8123/],
  ])('%s', (_, entry, message) => {
    expect(open(entry)).toEqual([expect.stringMatching(message)]);
  });

  test('two halves of the internet are two findings, whatever stands beside them', () => {
    expect(open(tcp(8123, '0.0.0.0/1'), tcp(8123, '10.0.0.0/8'), tcp(8123, '128.0.0.0/1'))).toHaveLength(2);
  });

  test('an entry is found open exactly when its block is not private', () => {
    const block = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([address, prefix]) => `${address}/${prefix}`);
    fc.assert(fc.property(block, (cidr) => expect(open(tcp(8123, cidr))).toHaveLength(isPrivateCidr(cidr) ? 0 : 1)));
    // the oracle itself: what holds an address of the internet is not private.
    expect(containsCidr(parseCidr('0.0.0.0/1'), parseCidr('8.8.8.8/32')) && isPrivateCidr('0.0.0.0/1')).toBe(false);
  });

  test('a port is found open exactly when the range covers it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65535 }), fc.integer({ min: 0, max: 65535 }), (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const found = open(tcp(from, '0.0.0.0/0', to)).join();
        const known = [8123, 8443, 9000, 9440, 9009, 9010, 9181, 9281, 9234, 9444];
        for (const port of known) if (from <= port && port <= to && !found.startsWith('Group: all ports')) expect(found).toContain(`${port} (`);
        if (known.every((port) => port < from || to < port)) for (const port of known) expect(found).not.toContain(`${port} (`);
      }),
    );
  });
});

describe('what is not open', () => {
  test.each([
    ['a private range', tcp(8123, '10.1.0.0/16')],
    ['carrier-grade NAT, which a VPC may use', tcp(8123, '100.64.0.0/16')],
    ['private IPv6', { IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, CidrIpv6: 'fd00::/8' }],
    ['another group', { IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, SourceSecurityGroupId: 'sg-0123' }],
    ['the range of the VPC', tcp(8123, { 'Fn::GetAtt': ['Vpc', 'CidrBlock'] })],
    ['the IPv6 range of the VPC', { IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, CidrIpv6: { 'Fn::Select': [0, { 'Fn::GetAtt': ['Vpc', 'Ipv6CidrBlocks'] }] } }],
    ['a port that is none of ours', tcp(443)],
    ['a range between our ports', tcp(8124, '0.0.0.0/0', 8442)],
    ['udp', { IpProtocol: 'udp', FromPort: 8123, ToPort: 8123, CidrIp: '0.0.0.0/0' }],
    ['ping', { IpProtocol: 'icmp', FromPort: -1, ToPort: -1, CidrIp: '0.0.0.0/0' }],
    ['an entry that a condition leaves out', { 'Fn::If': ['Never', { Ref: 'AWS::NoValue' }, tcp(8123, '10.0.0.0/8')] }],
  ])('%s', (_, entry) => {
    expect(lines(template({ Db: instance(), Group: group(entry), Vpc: resource('AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' }) }), ID)).toEqual([]);
  });

  test.each([
    ['a game map on 8123', 'docker run -p 8123:8123 itzg/minecraft-server'],
    ['object storage on 9000', 'docker run -p 9000:9000 minio/minio server /data'],
    ['code analysis on 9000', 'docker run -p 9000:9000 sonarqube:lts'],
    ['an application that uses ClickHouse', 'export CLICKHOUSE_URL=https://clickhouse.internal:8443\nnpm start'],
    ['a client', 'yum install -y clickhouse-client\nclickhouse-client --secure --host db.internal'],
    ['a driver', 'pip install clickhouse-connect clickhouse-driver'],
    ['a comment', '# this machine used to be a clickhouse host\nyum install -y httpd'],
  ])('%s is not ClickHouse', (_, script) => {
    const entries = [tcp(8123), tcp(9000)];
    expect(lines(template({ Web: instance({ UserData: { 'Fn::Base64': `#!/bin/bash\n${script}\n` } }), Group: group(...entries) }))).toEqual([]);
  });

  test.each(['minio/minio:latest', 'sonarqube', 'acme/clickhouse-exporter:1', 'altinity/clickhouse-backup:2', 'clickhouse/clickhouse-client'])('container %s is not ClickHouse', (image) => {
    const Task = task(image, {}, { PortMappings: [{ ContainerPort: 9000 }] });
    expect(lines(template({ Task, Service: service(), Group: group(tcp(9000)) }))).toEqual([]);
  });

  test('a group that ClickHouse does not use', () => {
    expect(lines(template({ Db: instance(), Group: group(), Other: group(tcp(8123)) }), ID)).toEqual([]);
  });
});

describe('what cannot be told is said', () => {
  test.each([
    ['a parameter without default', { Ref: 'Clients' }, /cannot be told at synthesis: parameter Clients has no default/],
    ['a parameter of the Systems Manager', { Ref: 'Stored' }, /cannot be told at synthesis: parameter Stored/],
    ['an export of someone else', { 'Fn::ImportValue': 'office-range' }, /export office-range is not among the templates/],
    ['an attribute', { 'Fn::GetAtt': ['Custom', 'Range'] }, /Custom\.Range is only known at deployment/],
    ['something put together', { 'Fn::Sub': '${AWS::StackId}/8' }, /AWS::StackId is only known at deployment/],
    ['what is no block', '10.0.0.0', /"10\.0\.0\.0" is not a CIDR block/],
    ['what is no text', { some: 'thing' }, /is not a plain value/],
  ])('%s', (_, source, message) => {
    const parameters = { Clients: { Type: 'String' }, Stored: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/net/clients' } };
    expect(lines(template({ Db: instance(), Group: group(tcp(8123, source)) }, { Parameters: parameters }), ID)).toEqual([expect.stringMatching(message)]);
  });

  test('an entry that cannot be told hides no other', () => {
    expect(open(tcp(8123, { 'Fn::GetAtt': ['Custom', 'Range'] }), tcp(9000))).toEqual([expect.stringMatching(/8123 .*cannot be told/), expect.stringMatching(/9000 .*the internet/)]);
  });

  test('a list that a macro writes, and an entry without source', () => {
    const Group = resource('AWS::EC2::SecurityGroup', { SecurityGroupIngress: { 'Fn::Transform': { Name: 'Rules' } } });
    expect(lines(template({ Db: instance(), Group }), ID)).toEqual([expect.stringMatching(/names no source/)]);
    expect(open({ IpProtocol: 'tcp', FromPort: 22, ToPort: 65000 })).toEqual([expect.stringMatching(/names no source/)]);
  });
});

describe('values', () => {
  test('the default of a parameter counts, and either branch of a condition', () => {
    const Parameters = { Clients: { Type: 'String', Default: '0.0.0.0/0' }, Port: { Type: 'Number', Default: 9000 } };
    expect(lines(template({ Db: instance(), Group: group(tcp({ Ref: 'Port' }, { Ref: 'Clients' })) }, { Parameters }), ID)).toEqual([expect.stringMatching(/port 9000 .*the internet/)]);
    expect(open(tcp(8123, { 'Fn::If': ['Production', '10.0.0.0/8', '0.0.0.0/0'] }))).toEqual([expect.stringMatching(/the internet/)]);
    const conditional = { 'Fn::If': ['Development', tcp(8123), { Ref: 'AWS::NoValue' }] };
    expect(open(conditional)).toEqual([expect.stringMatching(/the internet/)]);
  });

  test('text put together from literals counts', () => {
    expect(open(tcp(8123, { 'Fn::Join': ['/', ['0.0.0.0', '0']] }))).toEqual([expect.stringMatching(/the internet/)]);
    expect(open(tcp(8123, { 'Fn::Sub': ['${Any}/0', { Any: '0.0.0.0' }] }))).toEqual([expect.stringMatching(/the internet/)]);
  });

  test('a prefix list in the template is opened, any other cannot be told', () => {
    const entry = (id: unknown): Json => ({ IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, SourcePrefixListId: id });
    const list = (...cidrs: string[]): Json => resource('AWS::EC2::PrefixList', { Entries: cidrs.map((Cidr) => ({ Cidr })) });
    const check = (List: Json, id: unknown = { Ref: 'List' }): string[] => lines(template({ Db: instance(), Group: group(entry(id)), List }), ID);
    expect(check(list('10.0.0.0/8', '172.16.0.0/12'))).toEqual([]);
    expect(check(list('10.0.0.0/8', '0.0.0.0/0'), { 'Fn::GetAtt': ['List', 'PrefixListId'] })).toEqual([expect.stringMatching(/the internet \(0\.0\.0\.0\/0\) in prefix list List/)]);
    expect(check(list(), 'pl-6fa54006')).toEqual([expect.stringMatching(/pl-6fa54006 is not in the templates/)]);
    expect(check(resource('AWS::EC2::PrefixList', {}))).toEqual([expect.stringMatching(/entries of prefix list List/)]);
  });
});

describe('whose group it is', () => {
  const rule = (groupId: unknown): Json => resource('AWS::EC2::SecurityGroupIngress', { GroupId: groupId, ...tcp(9000) });

  test('a standalone entry, by reference, literal id or parameter', () => {
    expect(lines(template({ Db: instance(), Group: group(), Rule: rule({ Ref: 'Group' }) }), ID)).toEqual([expect.stringMatching(/^Rule: port 9000/)]);
    expect(lines(template({ Db: instance({ SecurityGroupIds: ['sg-0abc'] }), Rule: rule('sg-0abc'), Other: rule('sg-0def') }), ID)).toEqual([expect.stringMatching(/^Rule: port 9000/)]);
    const Parameters = { Given: { Type: 'AWS::EC2::SecurityGroup::Id' }, Many: { Type: 'List<AWS::EC2::SecurityGroup::Id>' } };
    expect(lines(template({ Db: instance({ SecurityGroupIds: [{ Ref: 'Given' }] }), Rule: rule({ Ref: 'Given' }) }, { Parameters }), ID)).toHaveLength(1);
  });

  test.each([
    ['launch template and group', { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { ...(instance().Properties as Json) } }) }],
    ['launch template interface', { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: (instance().Properties as Json).UserData, NetworkInterfaces: [{ Groups: [{ Ref: 'Group' }] }] } }) }],
    ['launch configuration', { Config: resource('AWS::AutoScaling::LaunchConfiguration', { UserData: (instance().Properties as Json).UserData, SecurityGroups: [{ Ref: 'Group' }] }) }],
    ['instance interface', { Db: instance({ SecurityGroupIds: undefined, NetworkInterfaces: [{ GroupSet: [{ Ref: 'Group' }] }] }) }],
    ['network interface', { Db: instance({ SecurityGroupIds: undefined, NetworkInterfaces: [{ NetworkInterfaceId: { Ref: 'Card' } }] }), Card: resource('AWS::EC2::NetworkInterface', { GroupSet: [{ Ref: 'Group' }] }) }],
    ['attached interface', { Db: instance({ SecurityGroupIds: undefined }), Card: resource('AWS::EC2::NetworkInterface', { GroupSet: [{ Ref: 'Group' }] }), Attach: resource('AWS::EC2::NetworkInterfaceAttachment', { InstanceId: { Ref: 'Db' }, NetworkInterfaceId: { Ref: 'Card' } }) }],
    ['ECS service', { Task: task(), Service: service() }],
    ['marked interface', { Card: resource('AWS::EC2::NetworkInterface', { GroupSet: [{ Ref: 'Group' }] }, { Metadata: { 'cdk-secure-clickhouse': { role: 'server' } } }) }],
    ['marked group', { Group: { ...group(tcp(8123)), Metadata: { 'cdk-secure-clickhouse': { role: 'endpoint' } } } }],
    ['host of bridge containers', {
      Task: task('clickhouse/clickhouse-server:26.8.36.3', { NetworkMode: 'bridge' }), Service: resource('AWS::ECS::Service', { TaskDefinition: { Ref: 'Task' }, Cluster: { Ref: 'Cluster' } }), Cluster: resource('AWS::ECS::Cluster'),
      Host: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': 'echo ECS_CLUSTER=${Cluster} >> /etc/ecs/ecs.config' } } }),
    }],
  ])('%s', (_, resources) => {
    const found = lines(template({ Group: group(tcp(8123)), ...resources }), ID);
    expect(found).toEqual([expect.stringMatching(/^Group: port 8123/)]);
  });

  test('the port that a container publishes counts as well', () => {
    const Task = task('clickhouse/clickhouse-server:26.8.36.3', {}, { PortMappings: [{ ContainerPort: 18123 }] });
    expect(lines(template({ Task, Service: service(), Group: group(tcp(18123)) }), ID)).toEqual([expect.stringMatching(/port 18123 of/)]);
  });

  // the ports that are moved: a script or a mapping, and the port that this opens.
  const script = (text: string): Json => ({ UserData: { 'Fn::Base64': `#!/bin/bash\n${text}\n` } });
  const run = 'docker run -d';
  const server = 'clickhouse/clickhouse-server:26.8.36.3';

  test.each([
    [`${run} -p 80:8123 ${server}`, 80],
    [`${run} -p80:8123 ${server}`, 80],
    [`docker run -dp 80:8123 ${server}`, 80],
    [`${run} --publish 0.0.0.0:80:8123/tcp ${server}`, 80],
    [`${run} --publish=[::]:80:8123 ${server}`, 80],
    [`${run} -p "80:8123" ${server}`, 80],
    [`${run} \\\n  -p 80:8123 \\\n  ${server}`, 80],
    [`${run} -p 79-81:8122-8124 ${server}`, 80],
    [`${run} -p 80:18123 ${server}`, 80],
    [`IMAGE=${server}\n${run} -p 80:8123 $IMAGE`, 80],
    [`cat > compose.yaml <<E\nservices:\n  db:\n    image: ${server}\n    ports:\n      - "80:8123"\nE`, 80],
    ["yum install clickhouse-server\necho '<clickhouse><http_port>80</http_port></clickhouse>' > /etc/clickhouse-server/config.d/a.xml", 80],
    ['yum install clickhouse-server\necho "<tcp_port_secure replace=\\"1\\"> 443 </tcp_port_secure>" > a.xml', 443],
    ['yum install clickhouse-server\nprintf "http_port: 80\\n" > /etc/clickhouse-server/config.d/a.yaml', 80],
    ['yum install clickhouse-server\necho "https_port: \'443\'" > /etc/clickhouse-server/config.d/a.yaml', 443],
    ['clickhouse-server -- --http_port=80', 80],
  ])('a script that moves the port: %j', (text, port) => {
    expect(lines(template({ Db: instance(script(text)), Group: group(tcp(port)) }), ID)).toEqual([expect.stringMatching(new RegExp(`^Group: port ${port} of ClickHouse \\(Db\\) open to the internet`))]);
    expect(lines(template({ Db: instance(script(text)), Group: group(tcp(port, '10.0.0.0/8'), tcp(1234)) }), ID)).toEqual([]);
  });

  test.each([
    [`${run} -p 127.0.0.1:80:8123 ${server}`],
    [`${run} -p localhost:80:8123 ${server}`],
    [`${run} --publish [::1]:80:8123 ${server}`],
    [`# ${run} -p 80:8123 ${server}\n${run} ${server}`],
    [`${run} ${server}\n${run} -p 80:80 nginx`],
    [`${run} ${server}\n${run} -p 80:9000 -v $HOME:/data minio/minio`],
    [`${run} ${server} && ${run} -p 80:8443 keycloak/keycloak`],
    [`${run} ${server}\nmkdir -p 80/8123`],
    [`${run} -p 8123:80 ${server}`],
    [`${run} ${server}\necho '<!-- <http_port>80</http_port> -->' > a.xml`],
    [`${run} ${server}\necho 'app_port: 80' > app.yaml`],
    [`${run} ${server}\necho 'http_port = 80' > grafana.ini`],
    [`${run} ${server}\necho '<max_connections>80</max_connections>' > a.xml`],
    ['yum install -y nginx\necho "http_port: 80"'],
  ])('a script that does not: %j', (text) => {
    expect(lines(template({ Db: instance(script(text)), Group: group(tcp(80)) }), ID)).toEqual([]);
  });

  const moved = script(`${run} -p 80:8123 ${server}`);
  const launch = (data: Json): Json => resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: data });
  const from = { LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } };
  const bridge = (mapping: Json): Json => ({
    Task: task(server, { NetworkMode: 'bridge' }, { PortMappings: [mapping] }), Service: resource('AWS::ECS::Service', { TaskDefinition: { Ref: 'Task' }, Cluster: { Ref: 'Cluster' } }), Cluster: resource('AWS::ECS::Cluster'),
    Host: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': 'echo ECS_CLUSTER=${Cluster} >> /etc/ecs/ecs.config' } } }),
  });

  test.each([
    ['in cfn-init', { Db: { ...instance(), Metadata: { 'AWS::CloudFormation::Init': { config: { files: { '/etc/clickhouse-server/config.d/a.xml': { content: '<clickhouse>\n<http_port>80</http_port></clickhouse>' } } } } } } }],
    ['in the launch template, with the group at the instance', { Db: instance({ UserData: undefined, ...from }), Template: launch(moved) }],
    ['at the instance, with the group in the launch template', { Db: instance({ ...moved, SecurityGroupIds: undefined, ...from }), Template: launch({ SecurityGroupIds: [{ Ref: 'Group' }] }) }],
    ['with the group at the interface', { Db: instance({ ...moved, SecurityGroupIds: undefined, NetworkInterfaces: [{ NetworkInterfaceId: { Ref: 'Card' } }] }), Card: resource('AWS::EC2::NetworkInterface', { GroupSet: [{ Ref: 'Group' }] }) }],
    ['by the mapping of a container on a host', bridge({ ContainerPort: 8123, HostPort: 80 })],
    ['by the command of a container', { Task: task(server, {}, { Command: ['--', '--http_port=80'] }), Service: service() }],
  ])('moved %s', (_, resources) => {
    expect(lines(template({ Group: group(tcp(80)), ...resources }), ID)).toEqual([expect.stringMatching(/^Group: port 80 of ClickHouse/)]);
  });

  test.each([
    ['on another machine', { Db: instance(), Other: instance({ ...moved, SecurityGroupIds: ['sg-1'] }) }],
    ['by the mapping of a container on another host', { ...bridge({ ContainerPort: 8123, HostPort: 81 }) }],
    ['by the mapping of a container that is none', { Task: resource('AWS::ECS::TaskDefinition', { ContainerDefinitions: [{ Name: 'db', Image: server }, { Name: 'web', Image: 'nginx', PortMappings: [{ ContainerPort: 80 }] }] }), Service: service() }],
  ])('not moved %s', (_, resources) => {
    expect(lines(template({ Group: group(tcp(80)), ...resources }), ID)).toEqual([]);
  });

  test('a listener for something else on the same load balancer is not ClickHouse', () => {
    const resources = {
      Db: instance(), Group: group(), Access: group(tcp(443)), Web: resource('AWS::EC2::Instance'),
      ...front({ Scheme: 'internal', SecurityGroups: [{ Ref: 'Access' }] }, { Targets: [{ Id: { Ref: 'Db' } }] }, { Port: 8123 }),
      WebTargets: resource('AWS::ElasticLoadBalancingV2::TargetGroup', { Targets: [{ Id: { Ref: 'Web' } }] }),
      WebListener: resource('AWS::ElasticLoadBalancingV2::Listener', { LoadBalancerArn: { Ref: 'Front' }, Port: 443, DefaultActions: [{ Type: 'forward', TargetGroupArn: { Ref: 'WebTargets' } }] }),
    };
    expect(lines(template(resources), ID)).toEqual([]);
  });

  test('a classic load balancer is judged by the port it listens on', () => {
    const Classic = resource('AWS::ElasticLoadBalancing::LoadBalancer', { Instances: [{ Ref: 'Db' }], Listeners: [{ LoadBalancerPort: '80', InstancePort: '8123' }], SecurityGroups: [{ Ref: 'Access' }] });
    const found = (port: number): string[] => lines(template({ Db: instance(), Group: group(), Classic, Access: group(tcp(port)) }), ID);
    expect(found(80)).toEqual([expect.stringMatching(/^Access: port 80 of ClickHouse \(Classic\)/)]);
    expect(found(81)).toEqual([]);
  });

  test('a load balancer in front of ClickHouse is judged by the port it listens on', () => {
    const balancer = (port: number): Json => ({
      Db: instance(), Group: group(),
      Front: group(tcp(80)),
      Balancer: resource('AWS::ElasticLoadBalancingV2::LoadBalancer', { SecurityGroups: [{ Ref: 'Front' }] }),
      Targets: resource('AWS::ElasticLoadBalancingV2::TargetGroup', { Port: 8123, Targets: [{ Id: { Ref: 'Db' } }] }),
      Listener: resource('AWS::ElasticLoadBalancingV2::Listener', { LoadBalancerArn: { Ref: 'Balancer' }, Port: port, DefaultActions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Targets' } }] }),
    });
    expect(lines(template(balancer(80)), ID)).toEqual([expect.stringMatching(/^Front: port 80 of ClickHouse \(Balancer\)/)]);
    expect(lines(template(balancer(443)), ID)).toEqual([]);
  });

  test('across stacks: exports, stack outputs and nested stacks', () => {
    const network = template({ Group: group(tcp(8123)) }, { Outputs: { Id: { Value: { 'Fn::GetAtt': ['Group', 'GroupId'] }, Export: { Name: 'network:group' } } } }, 'network.json');
    const db = (id: unknown): ReturnType<typeof template> => template({ Db: instance({ SecurityGroupIds: [id] }) }, {}, 'db.json');
    const found = [expect.objectContaining({ template: 'network.json', logicalId: 'Group' })];
    const judged = (...sources: ReturnType<typeof template>[]): unknown[] => lines(sources, ID).map((line) => ({ template: 'network.json', logicalId: line.split(':')[0] }));
    expect(judged(network, db({ 'Fn::ImportValue': 'network:group' }))).toEqual(found);
    expect(judged({ ...network, stackName: 'network' }, db({ 'Fn::GetStackOutput': { StackName: 'network', OutputName: 'Id' } }))).toEqual(found);

    const parent = template({ Nested: resource('AWS::CloudFormation::Stack', { Parameters: { Address: '0.0.0.0/0' } }), Db: instance({ SecurityGroupIds: [{ 'Fn::GetAtt': ['Nested', 'Outputs.Id'] }] }) }, {}, 'parent.json');
    const child = template({ Group: group(tcp(8123, { Ref: 'Address' })) }, { Parameters: { Address: { Type: 'String', Default: '10.0.0.0/8' } }, Outputs: { Id: { Value: { Ref: 'Group' } } } }, 'child.json');
    expect(lines([parent, { ...child, parent: { path: 'parent.json', logicalId: 'Nested' } }], ID)).toEqual([expect.stringMatching(/^Group: port 8123 .*the internet/)]);
  });
});
