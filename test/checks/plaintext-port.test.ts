import { CfnResource, Fn } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as fc from 'fast-check';
import { USUAL } from '../../lib/checks/transport/ports';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { front, group, instance, INSTALLS, lines, resource, service, task, tcp, template } from './support';

const ID = 'ClickHouse-PlaintextPort';
const found = (resources: Json, more: Json = {}): string[] => lines(template(resources, more), ID);
const VPC = '10.0.0.0/16';
const script = (...commands: string[]): Json => ({ UserData: { 'Fn::Base64': ['#!/bin/bash', 'yum install -y clickhouse-server-26.8.36.3', ...commands, ''].join('\n') } });
const write = (inner: string, file = 'config.d/a.xml'): string => `cat > /etc/clickhouse-server/${file} <<E\n<clickhouse>${inner}</clickhouse>\nE`;
const machine = (...commands: string[]): Json => ({ Db: instance(script(...commands)) });
const manifest = (...objects: Json[]): Json => ({ Manifest: resource('Custom::AWSCDK-EKS-KubernetesResource', { ClusterName: 'tools', Manifest: JSON.stringify(objects) }) });
const chart = (Chart: string, values: Json): Json => ({ Chart: resource('Custom::AWSCDK-EKS-HelmChart', { ClusterName: 'tools', Release: 'db', Namespace: 'data', Repository: 'https://charts.example.com', Chart, Values: JSON.stringify(values) }) });

describe('security groups', () => {
  const open = (entry: Json, more: Json = {}): string[] => found({ Db: instance(), Group: group(entry), ...more });

  test.each([...USUAL.keys()].map((port) => [port, { 8123: 8443, 9000: 9440, 9009: 9010, 9181: 9281, 9234: 9444, 2181: 2281 }[port] ?? 8443]))('port %i from inside the VPC, and not its twin %i', (port, twin) => {
    expect(open(tcp(port, VPC))).toEqual([expect.stringMatching(new RegExp(`^Group: port ${port} \\([^)]+\\) of ClickHouse \\(Db\\) is open in plain text; use .`))]);
    expect(open(tcp(twin, VPC))).toEqual([]);
  });

  test('says what to use instead', () => {
    expect(open(tcp(8123, VPC))).toEqual(['Group: port 8123 (HTTP) of ClickHouse (Db) is open in plain text; use 8443 (https_port)']);
    expect(open(tcp(8100, VPC, 9009))).toEqual(['Group: ports 8123 (HTTP), 9000 (native protocol), 9004 (MySQL protocol), 9005 (PostgreSQL protocol) and 9009 (interserver) of ClickHouse (Db) are open in plain text; use 8443 (https_port), 9440 (tcp_port_secure), mysql_require_secure_transport, postgresql_require_secure_transport and 9010 (interserver_https_port)']);
  });

  test.each([
    ['another group', { IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, SourceSecurityGroupId: 'sg-0123' }, { IpProtocol: 'tcp', FromPort: 8443, ToPort: 8443, SourceSecurityGroupId: 'sg-0123' }],
    ['the group itself', { IpProtocol: 'tcp', FromPort: 9009, ToPort: 9009, SourceSecurityGroupId: { 'Fn::GetAtt': ['Group', 'GroupId'] } }, { IpProtocol: 'tcp', FromPort: 9010, ToPort: 9010, SourceSecurityGroupId: { 'Fn::GetAtt': ['Group', 'GroupId'] } }],
    ['the internet, whoever says that as well', tcp(9000), tcp(9440)],
    ['a text', tcp('8123', VPC), tcp('8443', VPC)],
    ['every protocol', { IpProtocol: '-1', CidrIp: VPC }, { IpProtocol: 'icmp', FromPort: -1, ToPort: -1, CidrIp: VPC }],
    ['all ports', tcp(0, VPC, 65535), tcp(8124, VPC, 8999)],
    ['another protocol', { IpProtocol: '6', FromPort: 8123, ToPort: 8123, CidrIp: VPC }, { IpProtocol: 'udp', FromPort: 8123, ToPort: 8123, CidrIp: VPC }],
    ['one branch', tcp({ 'Fn::If': ['C', 8123, 8443] }, VPC, 8443), tcp(8443, VPC)],
  ])('from %s', (_, bad, twin) => {
    expect(open(bad)).toHaveLength(1);
    expect(open(twin)).toEqual([]);
  });

  test('tokens: the default of a parameter counts, one without cannot be told', () => {
    const entry = tcp({ Ref: 'Port' }, VPC);
    expect(found({ Db: instance(), Group: group(entry) }, { Parameters: { Port: { Type: 'Number', Default: 8123 } } })).toEqual([expect.stringContaining('is open in plain text')]);
    expect(found({ Db: instance(), Group: group(entry) }, { Parameters: { Port: { Type: 'Number', Default: 8443 } } })).toEqual([]);
    expect(found({ Db: instance(), Group: group(entry) }, { Parameters: { Port: { Type: 'Number' } } })).toEqual(['Group: whether ports of ClickHouse (Db) in plain text are open cannot be told at synthesis: the ports of the entry are not known']);
  });

  test('an entry that is a resource of its own, one finding each', () => {
    const Entry = (port: number): Json => resource('AWS::EC2::SecurityGroupIngress', { GroupId: { 'Fn::GetAtt': ['Group', 'GroupId'] }, ...tcp(port, VPC) });
    expect(found({ Db: instance(), Group: group(), A: Entry(8123), B: Entry(9000), C: Entry(8443) })).toEqual([expect.stringMatching(/^A: port 8123/), expect.stringMatching(/^B: port 9000/)]);
  });

  test.each([
    ['a game map', 'docker run -p 8123:8123 itzg/minecraft-server', 8123],
    ['object storage', 'docker run -p 9000:9000 minio/minio server /data', 9000],
    ['code analysis', 'docker run -p 9000:9000 sonarqube:lts', 9000],
    ['PHP', 'yum install -y php-fpm', 9000],
    ['a node exporter', 'docker run -p 9100:9100 prom/node-exporter', 9100],
  ])('%s is not ClickHouse', (_, text, port) => {
    expect(found({ Web: instance({ UserData: { 'Fn::Base64': `#!/bin/bash\n${text}\n` } }), Group: group(tcp(port, VPC)) })).toEqual([]);
    expect(open(tcp(port, VPC))).toHaveLength(1);
  });

  test('services, interfaces and groups of machines; the group of a load balancer is judged by its listeners', () => {
    expect(found({ Task: task(), Service: service(), Group: group(tcp(8123, VPC)) })).toHaveLength(1);
    expect(found({ Task: task('nginx:1'), Service: service(), Group: group(tcp(8123, VPC)) })).toEqual([]);
    const Card = resource('AWS::EC2::NetworkInterface', { GroupSet: [{ Ref: 'Group' }] });
    expect(found({ Db: instance({ SecurityGroupIds: undefined, NetworkInterfaces: [{ NetworkInterfaceId: { Ref: 'Card' }, DeviceIndex: '0' }] }), Card, Group: group(tcp(8123, VPC)) })).toHaveLength(1);
    const balanced = { Db: instance({ SecurityGroupIds: [] }), ...front({ SecurityGroups: [{ Ref: 'Group' }] }, { Port: 8443, Targets: [{ Id: { Ref: 'Db' } }] }, { Port: 8123, Protocol: 'TCP' }) };
    expect(found({ ...balanced, Group: group(tcp(8123, VPC)) })).toEqual([]);
  });
});

describe('ports that a machine says it has', () => {
  const open = (port: number, ...commands: string[]): string[] => found({ ...machine(...commands), Group: group(tcp(port, VPC)) }).filter((each) => each.startsWith('Group'));

  test.each([
    ['moved', 80, write('<http_port>80</http_port>'), write('<https_port>80</https_port>')],
    ['moved in YAML', 80, 'cat > /etc/clickhouse-server/config.d/a.yaml <<E\nhttp_port: 80\nE', 'cat > /etc/clickhouse-server/config.d/a.yaml <<E\nhttps_port: 80\nE'],
    ['moved by an option', 80, 'clickhouse-server -- --http_port=80', 'clickhouse-server -- --https_port=80'],
    ['left', 8123, write('<http_port>8123</http_port>'), write('<http_port remove="1"/>')],
    ['left in YAML', 8123, 'cat > /etc/clickhouse-server/config.d/a.yaml <<E\ntcp_port: 9000\nE', 'cat > /etc/clickhouse-server/config.d/a.yaml <<E\nhttp_port:\n  "@remove": 1\nE'],
    ['taken over by TLS', 9000, write('<tcp_port>9000</tcp_port>'), write('<tcp_port remove="1"/><tcp_port_secure>9000</tcp_port_secure>')],
    ['taken over by TLS without a word about the other', 8123, write('<https_port>8124</https_port>'), write('<https_port>8123</https_port>')],
    ['of MySQL', 9004, write('<mysql_require_secure_transport>0</mysql_require_secure_transport>'), write('<mysql_require_secure_transport>1</mysql_require_secure_transport>')],
    ['of gRPC', 9100, write('<grpc_port>9100</grpc_port><grpc><enable_ssl>false</enable_ssl></grpc>'), write('<grpc_port>9100</grpc_port><grpc><enable_ssl>true</enable_ssl></grpc>')],
    ['of Keeper', 9181, write('<keeper_server><tcp_port>9181</tcp_port></keeper_server>'), write('<keeper_server><tcp_port remove="1"/><tcp_port_secure>9181</tcp_port_secure></keeper_server>')],
    ['of Raft', 9234, write('<keeper_server><raft_configuration><server><port>9234</port></server></raft_configuration></keeper_server>'), write('<keeper_server><raft_configuration><secure>true</secure><server><port>9234</port></server></raft_configuration></keeper_server>')],
    ['of Keeper, moved', 5000, write('<keeper_server><tcp_port>5000</tcp_port></keeper_server>'), write('<keeper_server><tcp_port_secure>5000</tcp_port_secure></keeper_server>')],
    ['of metrics', 9363, write('<prometheus><port>9363</port></prometheus>'), write('<prometheus><port>9364</port></prometheus>')],
    ['of a composed protocol', 81, write('<protocols><a><type>http</type><port>81</port></a></protocols>'), write('<protocols><a><type>tls</type><impl>http</impl><port>81</port></a></protocols>')],
    ['for others', 8123, write('<listen_host>::</listen_host>'), write('<listen_host>::1</listen_host><listen_host>127.0.0.1</listen_host>')],
    ['taken out by a sed', 8123, "sed -i 's|<http_port>1</http_port>|<http_port>8123</http_port>|' /etc/clickhouse-server/config.xml", "sed -i 's|<http_port>8123</http_port>|<!-- <http_port>8123</http_port> -->|' /etc/clickhouse-server/config.xml"],
    ['deleted by a sed', 9000, "sed -i 's|<tcp_port>1</tcp_port>|<tcp_port>9000</tcp_port>|' /etc/clickhouse-server/config.xml", "sed -i '/<tcp_port>/d' /etc/clickhouse-server/config.xml"],
  ])('%s', (_, port, bad, twin) => {
    expect(open(port, bad)).toHaveLength(1);
    expect(open(port, twin)).toEqual([]);
  });

  test('a port that is only known at deployment leaves the usual one', () => {
    const db = (setting: string): string[] => found({ Db: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': `yum install -y clickhouse-server\n${write(setting)}` } } }), Group: group(tcp(8123, VPC)) }, { Parameters: { Port: { Type: 'Number' } } });
    expect(db('<http_port>${Port}</http_port>')).toEqual([expect.stringMatching(/^Group: port 8123/), expect.stringMatching(/^Db: .*http_port with a port that is filled in later/)]);
    expect(db('<https_port>${Port}</https_port><http_port remove="1"/>')).toEqual([]);
  });

  test('what the launch template says counts for the interface and the group of machines', () => {
    const UserData = { 'Fn::Base64': `yum install -y clickhouse-server\n${write('<http_port remove="1"/>')}` };
    const Template = (data: Json): Json => resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { SecurityGroupIds: [{ Ref: 'Group' }], ...data } });
    const machines = (data: Json): Json => ({ Template: Template(data), Machines: resource('AWS::AutoScaling::AutoScalingGroup', { LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } }), Group: group(tcp(8123, VPC)) });
    expect(found(machines({ UserData: INSTALLS }))).toHaveLength(1);
    expect(found(machines({ UserData }))).toEqual([]);
  });

  test('containers on the machine: where their ports are mapped to', () => {
    const Cluster = resource('AWS::ECS::Cluster');
    const Host = resource('AWS::EC2::Instance', { UserData: { 'Fn::Base64': { 'Fn::Sub': 'echo ECS_CLUSTER=${Cluster} >> /etc/ecs/ecs.config' } }, SecurityGroupIds: [{ Ref: 'Group' }] });
    const bridge = (ContainerPort: number): Json => ({ Cluster, Host, Task: task(undefined, { NetworkMode: 'bridge' }, { PortMappings: [{ ContainerPort, HostPort: 80 }] }), Service: resource('AWS::ECS::Service', { TaskDefinition: { Ref: 'Task' }, Cluster: { Ref: 'Cluster' } }), Group: group(tcp(80, VPC)) });
    expect(found(bridge(8123))).toEqual([expect.stringMatching(/^Group: port 80 .*8443/), expect.stringMatching(/^Task: /)]);
    expect(found(bridge(8443))).toEqual([]);
  });
});

describe('containers', () => {
  const mapped = (mapping: Json, image?: string): string[] => found({ Task: task(image, {}, { PortMappings: [mapping] }) });

  test.each([
    ['a port', { ContainerPort: 8123 }, { ContainerPort: 8443 }],
    ['a text', { ContainerPort: '9000' }, { ContainerPort: '9440' }],
    ['a port that the machine has as another', { ContainerPort: 8123, HostPort: 443 }, { ContainerPort: 8443, HostPort: 8123 }],
    ['a range', { ContainerPortRange: '8100-8200' }, { ContainerPortRange: '8400-8500' }],
    ['one branch', { ContainerPort: { 'Fn::If': ['C', 8123, 8443] } }, { ContainerPort: { 'Fn::If': ['C', 9440, 8443] } }],
  ])('%s', (_, bad, twin) => {
    expect(mapped(bad)).toEqual([expect.stringMatching(/^Task: container db \(Task\) opens port \d+ \([^)]+\) of ClickHouse in plain text; use /)]);
    expect(mapped(twin)).toEqual([]);
    expect(mapped(bad, 'minio/minio:1')).toEqual([]);
  });

  test('ports that are told by a command, and tokens', () => {
    const of = (Command: string[]): string[] => found({ Task: task(undefined, {}, { Command, PortMappings: [{ ContainerPort: 80 }] }) });
    expect(of(['clickhouse-server', '--', '--http_port=80'])).toEqual([expect.stringMatching(/opens port 80 of ClickHouse/), expect.stringMatching(/listen in plain text: http_port 80/)]);
    expect(of(['clickhouse-server', '--', '--https_port=80'])).toEqual([]);
    const later = (more: Json): string[] => found({ Task: task(undefined, {}, { PortMappings: [{ ContainerPort: { Ref: 'Port' } }] }) }, { Parameters: { Port: { Type: 'Number', ...more } } });
    expect(later({})).toEqual(['Task: whether container db (Task) opens a port in plain text cannot be told at synthesis: parameter Port has no default']);
    expect(later({ Default: 8123 })).toHaveLength(1);
    expect(later({ Default: 8443 })).toEqual([]);
  });

  test('a sidecar is not ClickHouse', () => {
    const Task = (name: string): Json => resource('AWS::ECS::TaskDefinition', { ContainerDefinitions: [{ Name: 'db', Image: 'clickhouse/clickhouse-server:26.8.36.3' }, { Name: name, Image: name === 'db2' ? 'clickhouse/clickhouse-server:26.8.36.3' : 'minio/minio:1', PortMappings: [{ ContainerPort: 9000 }] }] });
    expect(found({ Task: Task('storage') })).toEqual([]);
    expect(found({ Task: Task('db2') })).toHaveLength(1);
  });
});

describe('load balancers', () => {
  const machines = (targets: Json, listener: Json, balancer: Json = {}): string[] => found({ Db: instance(), ...front(balancer, { Targets: [{ Id: { Ref: 'Db' } }], ...targets }, listener) });

  test.each([
    ['HTTP to 8123', { Protocol: 'HTTP', Port: 8123 }, { Protocol: 'HTTPS', Port: 8443 }],
    ['TCP to 9000', { Protocol: 'TCP', Port: 9000 }, { Protocol: 'TCP', Port: 9440 }],
    ['TCP and UDP', { Protocol: 'TCP_UDP', Port: 9000 }, { Protocol: 'UDP', Port: 9000 }],
    ['a port of the target', { Protocol: 'TCP', Port: 8443, Targets: [{ Id: { Ref: 'Db' }, Port: 8123 }] }, { Protocol: 'TCP', Port: 8123, Targets: [{ Id: { Ref: 'Db' }, Port: 8443 }] }],
    ['no protocol', { Protocol: undefined, Port: 8123 }, { Protocol: undefined, Port: 8443 }],
    ['TLS is not plain', { Protocol: 'TCP', Port: 8123 }, { Protocol: 'TLS', Port: 8123 }],
    ['another program on the machine', { Protocol: 'HTTP', Port: 8123 }, { Protocol: 'HTTP', Port: 3000 }],
    ['another machine', { Protocol: 'HTTP', Port: 8123 }, { Protocol: 'HTTP', Port: 8123, Targets: [{ Id: 'i-0123456789abcdef0' }] }],
  ])('a target group: %s', (_, bad, twin) => {
    expect(machines(bad, { Protocol: 'TLS' })).toEqual([expect.stringMatching(/^Targets: target group Targets sends .* in plain text to port \d+ \([^)]+\) of ClickHouse \(Db\); use /)]);
    expect(machines(twin, { Protocol: 'TLS' })).toEqual([]);
  });

  test('a listener that passes on what it gets, and one that does not', () => {
    expect(machines({ Protocol: 'TCP', Port: 9000 }, { Protocol: 'TCP' })).toEqual([expect.stringMatching(/^Targets: /), 'Listener: listener Listener passes TCP in plain text on to port 9000 (native protocol) of ClickHouse (Db); use 9440 (tcp_port_secure)']);
    expect(machines({ Protocol: 'TCP', Port: 9440 }, { Protocol: 'TCP' })).toEqual([]);
    // what is taken by HTTP is said by the other rule.
    expect(machines({ Protocol: 'HTTP', Port: 8123 }, { Protocol: 'HTTP' }, { Type: 'application' })).toEqual([expect.stringMatching(/^Targets: /)]);
  });

  test('services: the port of the container, and of which', () => {
    const Two = (container: string, ContainerPort: number): Json => ({
      Task: resource('AWS::ECS::TaskDefinition', { NetworkMode: 'awsvpc', ContainerDefinitions: [{ Name: 'db', Image: 'clickhouse/clickhouse-server:26.8.36.3' }, { Name: 'web', Image: 'nginx:1' }] }),
      Service: service({ LoadBalancers: [{ ContainerName: container, ContainerPort, TargetGroupArn: { Ref: 'Targets' } }] }),
      ...front({ Type: 'application' }, { Protocol: 'HTTP', Port: 80 }, { Protocol: 'HTTPS' }),
    });
    expect(found(Two('db', 8123))).toEqual([expect.stringMatching(/^Targets: .* HTTP in plain text to port 8123 \(HTTP\) of ClickHouse \(Service\)/)]);
    expect(found(Two('db', 8443))).toEqual([]);
    expect(found(Two('web', 8123))).toEqual([]);
  });

  test('groups of machines', () => {
    const all = (Port: number): Json => ({
      Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS } }),
      Machines: resource('AWS::AutoScaling::AutoScalingGroup', { LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } }, TargetGroupARNs: [{ Ref: 'Targets' }] }),
      ...front({ Type: 'application' }, { Protocol: 'HTTP', Port }, { Protocol: 'HTTPS' }),
    });
    expect(found(all(8123))).toHaveLength(1);
    expect(found(all(8443))).toEqual([]);
  });

  test('what cannot be told is said', () => {
    expect(machines({ Protocol: 'HTTP', Port: { Ref: 'Port' } }, { Protocol: 'HTTPS' })).toEqual([expect.stringMatching(/^Targets: whether .* cannot be told at synthesis: the port is not known/)]);
    expect(machines({ Protocol: { Ref: 'Protocol' }, Port: 8123 }, { Protocol: 'HTTPS' })).toEqual([expect.stringMatching(/^Targets: whether target group Targets sends plain text .* cannot be told at synthesis/)]);
  });

  test.each([
    ['TCP to 9000', { Protocol: 'TCP', InstancePort: '9000' }, { Protocol: 'TCP', InstancePort: '9440' }],
    ['HTTPS, and HTTP behind it', { Protocol: 'HTTPS', InstanceProtocol: 'HTTP', InstancePort: '8123' }, { Protocol: 'HTTPS', InstanceProtocol: 'HTTPS', InstancePort: '8443' }],
    ['TLS, and TCP behind it', { Protocol: 'SSL', InstanceProtocol: 'TCP', InstancePort: '9000' }, { Protocol: 'SSL', InstanceProtocol: 'SSL', InstancePort: '9440' }],
  ])('a classic load balancer: %s', (_, bad, twin) => {
    const classic = (listener: Json): string[] => found({ Db: instance(), Front: resource('AWS::ElasticLoadBalancing::LoadBalancer', { Instances: [{ Ref: 'Db' }], Listeners: [{ LoadBalancerPort: '443', ...listener }] }) });
    expect(classic(bad)).toEqual([expect.stringMatching(/^Front: the listener on port 443 of Front sends .* in plain text to port \d+/)]);
    expect(classic(twin)).toEqual([]);
  });
});

describe('configuration', () => {
  test.each([
    ['an HTTP port', write('<http_port>8123</http_port>'), write('<https_port>8443</https_port>'), /listen in plain text: http_port 8123; use 8443 \(https_port\), and remove the others/],
    ['a native port', write('<tcp_port>9000</tcp_port>'), write('<tcp_port_secure>9440</tcp_port_secure>'), /tcp_port 9000; use 9440/],
    ['several', write('<http_port>8123</http_port><tcp_port>9000</tcp_port>'), write('<http_port remove="1"/><tcp_port remove="1"/>'), /http_port 8123, tcp_port 9000/],
    ['YAML', 'cat > /etc/clickhouse-server/config.d/a.yaml <<E\nhttp_port: 8123\nE', 'cat > /etc/clickhouse-server/config.d/a.yaml <<E\nhttps_port: 8443\nE', /http_port 8123/],
    ['a variable of the script', `P=8123\n${write('<http_port>$P</http_port>')}`, `P=8443\n${write('<https_port>$P</https_port>')}`, /http_port 8123/],
    ['loopback only', write('<http_port>8123</http_port><listen_host>0.0.0.0</listen_host>', 'config.xml'), write('<http_port>8123</http_port><listen_host>127.0.0.1</listen_host>', 'config.xml'), /http_port 8123/],
    ['a comment', write('<http_port>8123</http_port>'), write('<!-- <http_port>8123</http_port> -->'), /http_port 8123/],
    ['another listener', write('<interserver_http_port>9009</interserver_http_port>'), write('<interserver_https_port>9010</interserver_https_port>'), /interserver_http_port 9009; use 9010/],
    ['Keeper', write('<keeper_server><tcp_port>9181</tcp_port></keeper_server>'), write('<keeper_server><tcp_port_secure>9281</tcp_port_secure></keeper_server>'), /Keeper's tcp_port 9181; use 9281/],
    ['Raft', write('<keeper_server><raft_configuration><server><id>1</id><port>9234</port></server></raft_configuration></keeper_server>'), write('<keeper_server><raft_configuration><secure>1</secure><server><id>1</id><port>9234</port></server></raft_configuration></keeper_server>'), /Raft's port 9234; use 9444/],
    ['a composed protocol', write('<protocols><a><type>http</type><port>81</port></a></protocols>'), write('<protocols><a><type>http</type><host>127.0.0.1</host><port>81</port></a></protocols>'), /protocols on port 81/],
    ['a shard', write('<remote_servers><a><shard><replica><host>db-2</host><port>9000</port></replica></shard></a></remote_servers>'), write('<remote_servers><a><shard><replica><host>db-2</host><port>9440</port><secure>1</secure></replica></shard></a></remote_servers>'), /ask other nodes in plain text, on port 9000; use secure, with port 9440/],
    ['the second of two', write('<remote_servers><a><shard><replica><host>db-1</host><port>9440</port><secure>1</secure></replica><replica><host>db-2</host><port>9000</port></replica></shard></a></remote_servers>'), write('<remote_servers><a><shard><replica><host>db-1</host><port>9440</port><secure>1</secure></replica><replica><host>localhost</host><port>9000</port></replica></shard></a></remote_servers>'), /ask other nodes/],
    ['Keeper elsewhere', write('<zookeeper><node><host>keeper-1</host><port>2181</port></node></zookeeper>'), write('<zookeeper><node><host>keeper-1</host><port>9281</port><secure>1</secure></node></zookeeper>'), /ask Keeper in plain text, on port 2181/],
    ['a port put there by sed', "sed -i 's|<http_port>8123</http_port>|<http_port>80</http_port>|' /etc/clickhouse-server/config.xml", "sed -i 's|<http_port>8123</http_port>||' /etc/clickhouse-server/config.xml", /http_port 80;/],
  ])('%s', (_, bad, twin, message) => {
    expect(found(machine(bad))).toEqual([expect.stringMatching(message)]);
    expect(found(machine(twin))).toEqual([]);
  });

  test('what the package listens on, opened to others', () => {
    const others = '<listen_host>::</listen_host>';
    const all = ['http_port', 'tcp_port', 'mysql_port', 'postgresql_port', 'interserver_http_port'].map((name) => `<${name} remove="1"/>`).join('');
    expect(found(machine(write(others)))).toEqual([expect.stringMatching(/leaves what the package has in plain text: http_port 8123, tcp_port 9000, mysql_port 9004, postgresql_port 9005, interserver_http_port 9009;/)]);
    expect(found(machine(write(`${others}${all.replace('<tcp_port remove="1"/>', '')}`)))).toEqual([expect.stringMatching(/in plain text: tcp_port 9000; remove it/)]);
    expect(found(machine(write(`${others}${all}`)))).toEqual([]);
    expect(found(machine(write('<listen_host>127.0.0.1</listen_host>')))).toEqual([]);
    // a configuration of one's own, or one from elsewhere, need not have them.
    expect(found(machine(write(`${others}<https_port>8443</https_port>`, 'config.xml')))).toEqual([]);
    expect(found(machine(write(others), 'aws s3 cp s3://bucket/config.d /etc/clickhouse-server/config.d --recursive'))).toEqual([]);
  });

  test.each([
    ['a container', 'docker run -d -p 8123:8123 clickhouse/clickhouse-server:26.8.36.3', 'docker run -d -p 8443:8443 clickhouse/clickhouse-server:26.8.36.3', 1],
    ['for the machine itself', 'docker run -d -p 9000:9000 clickhouse/clickhouse-server:26.8.36.3', 'docker run -d -p 127.0.0.1:9000:9000 clickhouse/clickhouse-server:26.8.36.3', 1],
    ['another container', 'docker run -d -p 9000:9000 clickhouse/clickhouse-server:26.8.36.3', 'docker run -d -p 9000:9000 minio/minio', 1],
    ['compose', 'cat > c.yaml <<E\nservices:\n  db:\n    image: clickhouse/clickhouse-server:26.8.36.3\n    ports:\n      - "8123:8123"\nE', 'cat > c.yaml <<E\nservices:\n  db:\n    image: clickhouse/clickhouse-server:26.8.36.3\n    ports:\n      - "8443:8443"\nE', 1],
    ['compose, for the machine itself', 'cat > c.yaml <<E\nservices:\n  clickhouse:\n    ports:\n    - 80:8123\nE', 'cat > c.yaml <<E\nservices:\n  clickhouse:\n    ports:\n    - 127.0.0.1:80:8123\nE', 1],
    ['compose, of another service', 'cat > c.yaml <<E\nservices:\n  clickhouse:\n    ports:\n      - 9000:9000\n  storage:\n    image: minio/minio\nE', 'cat > c.yaml <<E\nservices:\n  clickhouse:\n    ports:\n      - 9440:9440\n  storage:\n    image: minio/minio\n    ports:\n      - 9000:9000\nE', 1],
  ])('ports of containers on a machine: %s', (_, bad, twin, count) => {
    expect(found(machine(bad))).toHaveLength(count);
    expect(found(machine(bad))[0]).toMatch(/^Db: the start-up script of Db publishes port \d+ .* of a ClickHouse container in plain text; use /);
    expect(found(machine(twin))).toEqual([]);
  });

  test('cfn-init, base64 and launch templates', () => {
    const init = (files: Json): Json => ({ Db: { ...instance(), Metadata: { 'AWS::CloudFormation::Init': { config: { files } } } } });
    expect(found(init({ '/etc/clickhouse-server/config.d/a.xml': { content: '<clickhouse><http_port>8123</http_port></clickhouse>' } }))).toHaveLength(1);
    expect(found(init({ '/etc/clickhouse-server/config.d/a.xml': { content: '<clickhouse><https_port>8443</https_port></clickhouse>' } }))).toEqual([]);
    expect(found(init({ '/etc/clickhouse-server/config.d/a.json': { content: { http_port: 8123 } } }))).toHaveLength(1);
    expect(found(init({ '/etc/clickhouse-server/config.d/a.json': { content: { https_port: 8443 } } }))).toEqual([]);
    const text = `yum install -y clickhouse-server\n${write('<http_port>8123</http_port>')}`;
    expect(found({ Db: instance({ UserData: Buffer.from(text).toString('base64') }) })).toHaveLength(1);
    expect(found({ Db: instance({ UserData: Buffer.from(text.replaceAll('http_port', 'https_port')).toString('base64') }) })).toEqual([]);
    expect(found({ Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: { 'Fn::Base64': text } } }) })).toHaveLength(1);
  });
});

describe('clients', () => {
  const web = (variables: Json): string[] => found({ Web: task('registry.example.com/web:3', {}, { Name: 'web', Environment: Object.entries(variables).map(([Name, Value]) => ({ Name, Value })) }) });

  test.each([
    ['HTTP', { CLICKHOUSE_URL: 'http://db.internal:8123' }, { CLICKHOUSE_URL: 'https://db.internal:8443' }],
    ['HTTP without a port', { CLICKHOUSE_URL: 'http://db.internal' }, { CLICKHOUSE_URL: 'https://db.internal' }],
    ['HTTP, by the name of the host', { STORE: 'http://clickhouse.internal:8123' }, { STORE: 'https://clickhouse.internal:8123' }],
    ['its own scheme', { STORE: 'clickhouse://db.internal:9000/events' }, { STORE: 'clickhouse://db.internal:9000/events?secure=true' }],
    ['its own scheme without a port', { STORE: 'clickhouse://db.internal/events' }, { STORE: 'clickhouse://db.internal/events?secure=1' }],
    ['its own scheme on a port with TLS', { STORE: 'clickhouse://db.internal:9000' }, { STORE: 'clickhouse://db.internal:9440' }],
    ['a switch that is off', { STORE: 'clickhouse://db.internal:9440?secure=false' }, { STORE: 'clickhouse://db.internal:9440?secure=true' }],
    ['SQLAlchemy', { STORE: 'clickhouse+native://db.internal/events' }, { STORE: 'clickhouse+native://db.internal/events?secure=True' }],
    ['SQLAlchemy by HTTP', { STORE: 'clickhouse+http://db.internal/events' }, { STORE: 'clickhouse+https://db.internal/events' }],
    ['clickhouse-connect', { STORE: 'clickhousedb://db.internal:8123/events' }, { STORE: 'clickhousedb://db.internal:8443/events' }],
    ['JDBC', { STORE: 'jdbc:clickhouse://db.internal:8123/events' }, { STORE: 'jdbc:clickhouse://db.internal:8443/events?ssl=true' }],
    ['JDBC by HTTP', { STORE: 'jdbc:ch:http://db.internal:8123/events' }, { STORE: 'jdbc:ch:https://db.internal:8123/events' }],
    ['a data source name of Go', { STORE: 'tcp://clickhouse:9000?database=x' }, { STORE: 'tcp://clickhouse:9000?database=x&secure=true' }],
    ['several hosts', { STORE: 'clickhouse://db-1:9440,db-2:9000/events' }, { STORE: 'clickhouse://db-1:9440,db-2:9440/events' }],
    ['the machine itself', { CLICKHOUSE_URL: 'http://db.internal:8123' }, { CLICKHOUSE_URL: 'http://localhost:8123' }],
    ['the same task', { CLICKHOUSE_URL: 'clickhouse://db.internal:9000' }, { CLICKHOUSE_URL: 'clickhouse://127.0.0.1:9000' }],
    ['somebody who logs in', { CLICKHOUSE_URL: 'http://app:p%40ss@db.internal:8123/?a=1' }, { CLICKHOUSE_URL: 'https://app:p%40ss@db.internal:8443/?a=1' }],
    ['a host and a port', { CLICKHOUSE_ADDR: 'db.internal:9000' }, { CLICKHOUSE_ADDR: 'db.internal:9440' }],
    ['a port of its own', { CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_PORT: '8123' }, { CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_PORT: '8443' }],
    ['a port of its own, and a switch', { CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_PORT: '9000' }, { CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_PORT: '9000', CLICKHOUSE_SECURE: 'true' }],
    ['a port of its own, of the machine itself', { CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_PORT: '9000' }, { CLICKHOUSE_HOST: 'localhost', CLICKHOUSE_PORT: '9000' }],
    ['a switch of its own that is off', { CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_SECURE: 'false' }, { CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_SECURE: 'true' }],
    ['a protocol of its own', { CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_PROTOCOL: 'http' }, { CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_PROTOCOL: 'https' }],
    ['another name of the same port', { APP_CLICKHOUSE_HTTP_PORT: '8123' }, { APP_CLICKHOUSE_HTTPS_PORT: '8123' }],
  ])('%s', (_, bad, twin) => {
    expect(web(bad)).toEqual([expect.stringMatching(/^Web: \w+ of container web \(Web\) /)]);
    expect(web(bad).join()).not.toMatch(/p%40ss|app:/);
    expect(web(twin)).toEqual([]);
  });

  test.each([
    ['object storage on 9000', { CLICKHOUSE_SECURE: 'true', S3_ENDPOINT: 'http://storage.internal:9000' }],
    ['a map on 8123', { NOTE: 'clickhouse', MAP: 'http://map.internal:8123' }],
    ['packages', { CLICKHOUSE_REPO_URL: 'http://packages.example.com' }],
    ['another port of a host with the name', { STORE: 'http://clickhouse.internal:3000' }],
    ['ClickHouse Cloud', { CLICKHOUSE_URL: 'https://abc.eu-west-1.aws.clickhouse.cloud:8443' }],
    ['another database', { NOTE: 'clickhouse', STORE: 'postgres://db.internal:9000' }],
  ])('not: %s', (_, variables) => {
    expect(web(variables)).toEqual([]);
  });

  test('a URL to a ClickHouse of the templates, whatever it is called', () => {
    const of = (url: string, more: Json = {}): string[] => found({ Db: instance({ SecurityGroupIds: [] }), Other: resource('AWS::EC2::Instance'), Web: task('registry.example.com/web:3', {}, { Name: 'web', Environment: [{ Name: 'STORE', Value: { 'Fn::Sub': url } }] }), ...more });
    expect(of('http://${Db.PrivateIp}:8123')).toEqual(['Web: STORE of container web (Web) reaches ClickHouse in plain text: http on port 8123; use https and port 8443']);
    expect(of('https://${Db.PrivateIp}:8443')).toEqual([]);
    expect(of('http://${Other.PrivateIp}:8123')).toEqual([]);
  });

  test('tokens: what cannot be told is said', () => {
    const Parameters = { Host: { Type: 'String' }, Secure: { Type: 'String' }, Url: { Type: 'String', Default: 'http://db.internal:8123' } };
    const of = (Value: unknown): string[] => found({ Web: task('registry.example.com/web:3', {}, { Name: 'web', Environment: [{ Name: 'CLICKHOUSE_URL', Value }] }) }, { Parameters });
    expect(of({ 'Fn::Join': ['', ['http://', { Ref: 'Host' }, ':8123']] })).toHaveLength(1);
    expect(of({ 'Fn::Join': ['', ['https://', { Ref: 'Host' }, ':8443']] })).toEqual([]);
    expect(of({ Ref: 'Url' })).toHaveLength(1);
    expect(of({ 'Fn::Sub': 'clickhouse://db.internal:9000?secure=${Secure}' })).toEqual([expect.stringMatching(/whether CLICKHOUSE_URL .* cannot be told at synthesis/)]);
    expect(of({ 'Fn::Sub': 'http://${Host}:8443' })).toHaveLength(1);
  });

  test('functions, scripts and commands', () => {
    const lambda = (Variables: Json): string[] => found({ Loader: resource('AWS::Lambda::Function', { Environment: { Variables } }) });
    expect(lambda({ CLICKHOUSE_URL: 'http://db.internal:8123' })).toEqual(['Loader: CLICKHOUSE_URL of function Loader reaches ClickHouse in plain text: http on port 8123; use https and port 8443']);
    expect(lambda({ CLICKHOUSE_URL: 'https://db.internal:8443' })).toEqual([]);
    const text = (line: string): string[] => found({ Web: instance({ SecurityGroupIds: [], UserData: { 'Fn::Base64': `#!/bin/bash\n${line}\n` } }) });
    expect(text('docker run -e CLICKHOUSE_URL=http://db.internal:8123 registry.example.com/web:3')).toHaveLength(1);
    expect(text('docker run -e "CLICKHOUSE_URL=clickhouse://db.internal:9000?a=1&secure=true" registry.example.com/web:3')).toEqual([]);
    expect(text('echo "CLICKHOUSE_URL=clickhouse://db.internal:9000?a=1&secure=true" > .env')).toEqual([]);
    expect(text('curl -d "SELECT 1" http://clickhouse.internal:8123/')).toHaveLength(1);
    expect(text('curl -d "SELECT 1" https://clickhouse.internal:8443/')).toEqual([]);
    expect(text('curl http://packages.clickhouse.com/rpm/stable > x')).toEqual([]);
    expect(text('clickhouse-client --host db.internal -q "SELECT 1"')).toHaveLength(1);
    expect(text('clickhouse-client --host db.internal --secure -q "SELECT 1"')).toEqual([]);
    expect(text('clickhouse-client --host db.internal --port 9440 -q "SELECT 1"')).toEqual([]);
    expect(text('clickhouse-client -h db.internal -q "SELECT 1"')).toHaveLength(1);
    expect(text('clickhouse-client -h 127.0.0.1 -q "SELECT 1"')).toEqual([]);
  });

  test('between containers of a machine nothing leaves it', () => {
    const text = (host: string): string[] => found({ Host: instance({ SecurityGroupIds: [], UserData: { 'Fn::Base64': `#!/bin/bash\ncat > c.yaml <<E\nservices:\n  web:\n    environment:\n      CLICKHOUSE_URL: http://${host}:8123\n  clickhouse:\n    image: clickhouse/clickhouse-server:26.8.36.3\nE\n` } }) });
    expect(text('clickhouse')).toEqual([]);
    expect(text('clickhouse.internal')).toHaveLength(1);
    expect(found({ Web: instance({ SecurityGroupIds: [], UserData: { 'Fn::Base64': 'docker run -e CLICKHOUSE_URL=http://clickhouse:8123 web' } }) })).toHaveLength(1);
  });
});

describe('Kubernetes', () => {
  const pods = (ports: Json[], image = 'clickhouse/clickhouse-server:26.8.36.3'): Json => ({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'data' }, spec: { template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image, ports }] } } } });
  const serviceOf = (spec: Json, namespace = 'data'): Json => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'db', namespace }, spec: { selector: { app: 'db' }, ...spec } });
  const installation = (spec: Json, kind = 'ClickHouseInstallation'): Json => manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind, metadata: { name: 'events', namespace: 'data' }, spec });
  const closed = { clusters: [{ name: 'a', secure: 'yes', insecure: 'no' }] };

  test.each([
    ['a container', manifest(pods([{ containerPort: 8123 }])), manifest(pods([{ containerPort: 8443 }])), /^Manifest: container db of StatefulSet data\/db opens port 8123 \(HTTP\) of ClickHouse in plain text; use 8443/],
    ['another container', manifest(pods([{ containerPort: 9000 }])), manifest(pods([{ containerPort: 9000 }], 'minio/minio:1')), /9000/],
    ['a Service', manifest(pods([]), serviceOf({ ports: [{ port: 8123 }] })), manifest(pods([]), serviceOf({ ports: [{ port: 8443 }] })), /^Manifest: Service data\/db hands port 8123 \(HTTP\) of ClickHouse \(StatefulSet data\/db\) on in plain text; use 8443 \(https_port\)/],
    ['another port of a Service', manifest(pods([]), serviceOf({ ports: [{ port: 443, targetPort: 8123 }] })), manifest(pods([]), serviceOf({ ports: [{ port: 8123, targetPort: 8443 }] })), /port 8123/],
    ['a port of the nodes', manifest(pods([]), serviceOf({ type: 'NodePort', ports: [{ port: 9000 }] })), manifest(pods([]), serviceOf({ type: 'NodePort', ports: [{ port: 9440 }] })), /9000/],
    ['other pods', manifest(pods([]), serviceOf({ ports: [{ port: 8123 }] })), manifest(pods([]), serviceOf({ selector: { app: 'web' }, ports: [{ port: 8123 }] })), /8123/],
    ['another namespace', manifest(pods([]), serviceOf({ ports: [{ port: 8123 }] })), manifest(pods([]), serviceOf({ ports: [{ port: 8123 }] }, 'other')), /8123/],
    ["Altinity's operator", installation({ configuration: {} }), installation({ configuration: closed }), /^Manifest: ClickHouseInstallation data\/events leaves port 8123 \(HTTP\) and port 9000 \(native protocol\) of its operator open in plain text/],
    ["Altinity's operator, one cluster", installation({ configuration: { clusters: [{ name: 'a', insecure: 'no' }, { name: 'b' }] } }), installation({ configuration: { clusters: [{ name: 'a', insecure: 'no' }] } }), /operator/],
    ["Altinity's operator, settings", installation({ configuration: { settings: { http_port: 8123, tcp_port: '_removed_' } } }), installation({ configuration: { settings: { http_port: '_removed_', tcp_port: '_removed_', https_port: 8443 } } }), /http_port 8123/],
    ["Altinity's operator, a template", installation({ configuration: closed, templates: { serviceTemplates: [{ name: 's', spec: { ports: [{ port: 8123 }] } }] } }), installation({ configuration: closed, templates: { serviceTemplates: [{ name: 's', spec: { ports: [{ port: 8443 }] } }] } }), /opens port 8123/],
    ["Altinity's operator, a host template", installation({ configuration: closed, templates: { hostTemplates: [{ name: 'h', spec: { httpPort: 8123 } }] } }), installation({ configuration: closed, templates: { hostTemplates: [{ name: 'h', spec: { httpsPort: 8443 } }] } }), /http_port 8123/],
    ["Altinity's operator, ZooKeeper", installation({ configuration: { ...closed, zookeeper: { nodes: [{ host: 'zk', port: 2181 }] } } }), installation({ configuration: { ...closed, zookeeper: { nodes: [{ host: 'zk', port: 2281, secure: 'yes' }] } } }), /ask Keeper in plain text/],
    ['the operator of ClickHouse', manifest({ apiVersion: 'clickhouse.com/v1alpha1', kind: 'ClickHouseCluster', metadata: { name: 'a' }, spec: { settings: { tls: { enabled: true } } } }), manifest({ apiVersion: 'clickhouse.com/v1alpha1', kind: 'ClickHouseCluster', metadata: { name: 'a' }, spec: { settings: { tls: { enabled: true, required: true } } } }), /operator open in plain text/],
    ['a map of configuration', manifest({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'clickhouse' }, data: { 'a.xml': '<clickhouse><http_port>8123</http_port></clickhouse>' } }), manifest({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'clickhouse' }, data: { 'a.xml': '<clickhouse><https_port>8443</https_port></clickhouse>' } }), /http_port 8123/],
    ["the values of ClickHouse's chart", chart('clickhouse', { service: { ports: { http: 8123 } } }), chart('clickhouse', { service: { ports: { https: 8443 } } }), /^Chart: Helm release data\/db opens port 8123/],
    ['the values of a chart that brings it along', chart('langfuse', { clickhouse: { service: { ports: { tcp: 9000 } } } }), chart('langfuse', { minio: { service: { ports: { api: 9000 } } } }), /opens port 9000/],
    ['the port of a Service that is called tcpPort', chart('clickhouse', { service: { tcpPort: 9000 } }), chart('clickhouse', { service: { tcpPort: 9440 } }), /opens port 9000/],
    ['configuration in values', chart('clickhouse', { configdFiles: { 'a.xml': '<clickhouse><tcp_port>9000</tcp_port></clickhouse>' } }), chart('clickhouse', { configdFiles: { 'a.xml': '<clickhouse><tcp_port_secure>9440</tcp_port_secure></clickhouse>' } }), /tcp_port 9000/],
    ['a client', manifest({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { template: { spec: { containers: [{ name: 'web', image: 'web', env: [{ name: 'CLICKHOUSE_URL', value: 'http://db.data:8123' }] }] } } } }), manifest({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { template: { spec: { containers: [{ name: 'web', image: 'web', env: [{ name: 'CLICKHOUSE_URL', value: 'https://db.data:8443' }] }] } } } }), /CLICKHOUSE_URL of container web/],
    ['a client in values', chart('web', { clickhouse: { url: 'http://db.data:8123' } }), chart('web', { clickhouse: { url: 'https://db.data:8443' } }), /clickhouse\.url of Helm release data\/db reaches/],
  ])('%s', (_, bad, twin, message) => {
    expect(found(bad)).toEqual([expect.stringMatching(message)]);
    expect(found(twin)).toEqual([]);
  });

  test('a port by its name, the container and the Service', () => {
    const named = (containerPort: number): string[] => found(manifest(pods([{ name: 'x', containerPort }]), serviceOf({ ports: [{ port: 1, targetPort: 'x' }] })));
    expect(named(9000)).toEqual([expect.stringMatching(/container db .* opens port 9000/), expect.stringMatching(/Service data\/db hands port 9000/)]);
    expect(named(9440)).toEqual([]);
  });

  test('tokens', () => {
    const Manifest = (port: unknown): Json => ({ Manifest: resource('Custom::AWSCDK-EKS-KubernetesResource', { ClusterName: 'tools', Manifest: { 'Fn::Join': ['', [JSON.stringify([pods([])]).slice(0, -1), `,{"apiVersion":"v1","kind":"Service","metadata":{"name":"db","namespace":"data"},"spec":{"selector":{"app":"db"},"ports":[{"port":`, port, '}]}}]']] } }) });
    expect(found(Manifest({ Ref: 'Port' }), { Parameters: { Port: { Type: 'Number', Default: 8123 } } })).toHaveLength(1);
    expect(found(Manifest({ Ref: 'Port' }), { Parameters: { Port: { Type: 'Number', Default: 8443 } } })).toEqual([]);
  });

  test('many Services and many ClickHouses are compared in bounded time', () => {
    const all = Array.from({ length: 1500 }, (_, index) => [
      { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: `db${index}`, namespace: 'data' }, spec: { template: { metadata: { labels: { app: `db${index}` } }, spec: { containers: [{ name: 'db', image: 'clickhouse/clickhouse-server:26.8.36.3' }] } } } },
      { apiVersion: 'v1', kind: 'Service', metadata: { name: `s${index}`, namespace: 'data' }, spec: { selector: { app: 'none' }, ports: [{ port: 8123 }] } },
    ]).flat();
    const started = Date.now();
    expect(found(manifest(...all)).some((each) => each.includes('more of them than can be compared'))).toBe(true);
    expect(Date.now() - started).toBeLessThan(15_000);
  });
});

test('constructs: in order, after a property override, by a raw resource and with tokens', () => {
  expect(judged((stack) => void database(stack), ID)).toEqual([]);
  const overridden = judged((stack) => cfn(database(stack).securityGroup).addPropertyOverride('SecurityGroupIngress.0', { FromPort: 8123, ToPort: 8123 }), ID);
  expect(overridden).toEqual([`error: ${ID} on Stack/Access/Resource`]);
  const raw = judged((stack) => {
    const { securityGroup } = database(stack);
    new CfnResource(stack, 'Raw', { type: 'AWS::EC2::SecurityGroupIngress', properties: { GroupId: securityGroup.securityGroupId, IpProtocol: 'tcp', FromPort: '9000', ToPort: '9000', CidrIp: '10.0.0.0/16' } });
  }, ID);
  expect(raw).toEqual([`error: ${ID} on Stack/Raw`]);
  const tokens = judged((stack) => {
    const { vpc, securityGroup } = database(stack);
    securityGroup.addIngressRule(ec2.Peer.ipv4(vpc.vpcCidrBlock), ec2.Port.tcp(8123));
    securityGroup.addIngressRule(ec2.Peer.securityGroupId(Fn.importValue('clients')), ec2.Port.tcp(9440));
  }, ID);
  expect(tokens).toEqual([`error: ${ID} on Stack/Access/from StackVpcA55A7E29:8123`.replace(/\/from.*/, '/Resource')]);
  const container = (containerPort: number): string[] => judged((stack) => {
    const definition = new ecs.FargateTaskDefinition(stack, 'Task');
    definition.addContainer('db', { image: ecs.ContainerImage.fromRegistry('clickhouse/clickhouse-server:26.8.36.3'), portMappings: [{ containerPort }] });
  }, ID);
  expect(container(8123)).toEqual([`error: ${ID} on Stack/Task/Resource`]);
  expect(container(8443)).toEqual([]);
});

describe('hostile input', () => {
  test('no text throws or is read for ever, and what is behind it is still found', () => {
    const parts = fc.constantFrom('<', '>', '</', '/>', '<http_port>', '</http_port>', '8123', '<!--', '-->', ' - ', '  ports:', '\n', ': ', '://', 'http', 'clickhouse', '@', '?', '&', '=', 'secure', 'sed ', 's|', '|', '"', "'", '\\', '$', '${A}', '\uE000', '\uE001', '\uE002', '--http_port', '<![CDATA[', 'x');
    fc.assert(fc.property(fc.array(parts, { maxLength: 60 }), (list) => {
      const bad = write('<http_port>8124</http_port>');
      const all = lines(template(machine(list.join(''), "E'\"", '-->', bad)), ID);
      expect(all.filter((each) => each.includes('CheckFailed'))).toEqual([]);
    }), { numRuns: 150 });
  });

  test.each(['<', '<a ', '<a>', '</a>', 's|', "sed 's|a", '://', 'http://', 'http://a@', 'clickhouse://h:1,', ' - x: ', '  a: b\n', 'a:\n ', '--http_port ', '"x_port', '-p 1:1 ', 'clickhouse-client --host ', '\uE000', '${', '&a=b', '<http_port>8', '/x/d ', '-k '])('an endless %j', (part) => {
    const text = part.repeat(Math.floor(400_000 / part.length));
    const started = Date.now();
    found(machine(`clickhouse ${text}`));
    found(machine(`sed clickhouse ${text}`));
    found({ Web: task('web', {}, { Environment: [{ Name: 'CLICKHOUSE_URL', Value: text }] }) });
    expect(Date.now() - started).toBeLessThan(6_000);
  });
});
