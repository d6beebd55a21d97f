// what public deployments do about TLS, which is nothing, written anew and reduced to that; with neutral names.
import type { Practice } from './practices';
import { testPractices } from './practices';
import type { Json } from './support';
import { front, group, instance, INSTALLS, resource, service, task, tcp } from './support';

const RULES = ['PlaintextPort', 'WeakTls'];

const VPC = { 'Fn::GetAtt': ['Vpc', 'CidrBlock'] };
const MODERN = { Protocol: 'HTTPS', SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09' };
const script = (...commands: string[]): Json => ({ UserData: { 'Fn::Base64': ['#!/bin/bash', ...commands, ''].join('\n') } });
const from = (port: unknown, source = 'Clients'): Json => ({ IpProtocol: 'tcp', FromPort: port, ToPort: port, SourceSecurityGroupId: { 'Fn::GetAtt': [source, 'GroupId'] } });
const variables = (all: Json): Json => ({ Environment: Object.entries(all).map(([Name, Value]) => ({ Name, Value })) });
const mapped = (...ports: number[]): Json => ({ PortMappings: ports.map((ContainerPort) => ({ ContainerPort })) });
const web = (all: Json): Json => task('registry.example.com/web:3', {}, { Name: 'web', ...variables(all) });
const manifest = (...objects: Json[]): Json => ({ Manifest: resource('Custom::AWSCDK-EKS-KubernetesResource', { ClusterName: 'tools', Manifest: JSON.stringify(objects) }) });
const chart = (Chart: string, values: Json): Json => ({ Chart: resource('Custom::AWSCDK-EKS-HelmChart', { ClusterName: 'tools', Release: 'db', Chart, Values: JSON.stringify(values) }) });
const off = ['http_port', 'tcp_port', 'mysql_port', 'postgresql_port', 'interserver_http_port'].map((name) => `<${name} remove="1"/>`).join('');

const PRACTICES: readonly Practice[] = [
  {
    name: '1: the package on every address, ports with TLS open beside those without, and no certificate',
    bad: { Db: instance(script('apt-get install -y clickhouse-server', "echo '<clickhouse><listen_host>0.0.0.0</listen_host></clickhouse>' > /etc/clickhouse-server/config.d/listen.xml")), Group: group(tcp(8123), tcp(8443), tcp(9000), tcp(9440), tcp(9009)) },
    found: ['PlaintextPort on Db', 'PlaintextPort on Group'],
    twin: { Db: instance(script('apt-get install -y clickhouse-server', `echo '<clickhouse><listen_host>0.0.0.0</listen_host>${off}<https_port>8443</https_port><tcp_port_secure>9440</tcp_port_secure></clickhouse>' > /etc/clickhouse-server/config.d/listen.xml`)), Group: group(tcp(8443), tcp(9440), tcp(9010)) },
  },
  {
    name: '2: a compose file that publishes both ports',
    bad: { Db: instance(script('cat > docker-compose.yml <<E', 'services:', '  clickhouse:', '    image: registry.example.com/storage', '    ports:', '      - "9000:9000"', '      - "8123:8123"', 'E', 'docker compose up -d', 'ls /var/lib/clickhouse')), Group: group(tcp(8123), tcp(9000)) },
    found: ['PlaintextPort on Db', 'PlaintextPort on Group'],
    twin: { Db: instance(script('docker compose up -d', 'ls /var/lib/clickhouse')), Group: group(tcp(8443), tcp(9440)) },
  },
  {
    name: '3 and 26: machines behind a load balancer that takes HTTP and asks 8123',
    bad: { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS, SecurityGroupIds: [{ Ref: 'Group' }] } }), Machines: resource('AWS::AutoScaling::AutoScalingGroup', { LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } }, TargetGroupARNs: [{ Ref: 'Targets' }] }), ...front({ Type: 'application', Scheme: 'internet-facing' }, { Protocol: 'HTTP', Port: 8123 }, { Port: 80, Protocol: 'HTTP' }), Group: group(tcp(8123, VPC), tcp(9000, VPC)) },
    found: ['PlaintextPort on Group', 'PlaintextPort on Targets', 'WeakTls on Listener'],
    twin: { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS, SecurityGroupIds: [{ Ref: 'Group' }] } }), Machines: resource('AWS::AutoScaling::AutoScalingGroup', { LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } }, TargetGroupARNs: [{ Ref: 'Targets' }] }), ...front({ Type: 'application', Scheme: 'internet-facing' }, { Protocol: 'HTTPS', Port: 8443 }, { Port: 443, ...MODERN }), Group: group(tcp(8443, VPC), tcp(9440, VPC)) },
  },
  {
    name: '4: a service behind a public load balancer without a certificate',
    bad: { Task: task(undefined, {}, mapped(8123, 9000)), Service: service({ LoadBalancers: [{ ContainerName: 'db', ContainerPort: 8123, TargetGroupArn: { Ref: 'Targets' } }] }), ...front({ Type: 'application' }, { Protocol: 'HTTP', Port: 80 }, { Port: 80, Protocol: 'HTTP' }), Group: group(tcp(8123)) },
    found: ['PlaintextPort on Group', 'PlaintextPort on Targets', 'PlaintextPort on Task', 'WeakTls on Listener'],
    twin: { Task: task(undefined, {}, mapped(8443, 9440)), Service: service({ LoadBalancers: [{ ContainerName: 'db', ContainerPort: 8443, TargetGroupArn: { Ref: 'Targets' } }] }), ...front({ Type: 'application' }, { Protocol: 'HTTPS', Port: 443 }, { Port: 443, ...MODERN }), Group: group(tcp(8443)) },
  },
  {
    name: '5: sixteen ports mapped and most of them opened, and URLs without TLS',
    bad: { Task: task(undefined, {}, mapped(8123, 8443, 9000, 9004, 9005, 9009, 9010, 9011, 9019, 9100, 9181, 9234, 9281, 9363, 9440, 9444)), Service: service(), Group: group(from(8123), from(9000), from(9363)), Web: web({ CLICKHOUSE_URL: 'http://clickhouse.internal:8123', CLICKHOUSE_MIGRATION_URL: 'clickhouse://clickhouse.internal:9000' }) },
    found: ['PlaintextPort on Group', 'PlaintextPort on Task', 'PlaintextPort on Web'],
    twin: { Task: task(undefined, {}, mapped(8443, 9010, 9281, 9440, 9444)), Service: service(), Group: group(from(8443), from(9440)), Web: web({ CLICKHOUSE_URL: 'https://clickhouse.internal:8443', CLICKHOUSE_MIGRATION_URL: 'clickhouse://clickhouse.internal:9440?secure=true' }) },
  },
  {
    name: '6, 16 and 24: a private service, and clients that ask it by HTTP',
    bad: { Task: task(undefined, {}, mapped(8123, 9000)), Service: service(), Group: group(from(9000), from(8123)), Web: web({ CLICKHOUSE_URL: 'http://clickhouse-http.local:8123' }) },
    found: ['PlaintextPort on Group', 'PlaintextPort on Task', 'PlaintextPort on Web'],
    twin: { Task: task(undefined, {}, mapped(8443, 9440)), Service: service(), Group: group(from(9440), from(8443)), Web: web({ CLICKHOUSE_URL: 'https://clickhouse-http.local:8443' }) },
  },
  {
    name: '7, 11 and 12: a URL put together from the name of the machine',
    bad: { Db: instance(), Group: group(from(8123)), Web: web({ CLICKHOUSE_URL: { 'Fn::Join': ['', ['http://', { 'Fn::GetAtt': ['Db', 'PublicDnsName'] }, ':', '8123']] } }) },
    found: ['PlaintextPort on Group', 'PlaintextPort on Web'],
    twin: { Db: instance(), Group: group(from(8443)), Web: web({ CLICKHOUSE_URL: { 'Fn::Join': ['', ['https://', { 'Fn::GetAtt': ['Db', 'PublicDnsName'] }, ':', '8443']] } }) },
  },
  {
    name: '8, 9, 10 and 25: one port, from one group, without TLS',
    bad: { Task: task(), Service: service(), Group: group(from(8123)), Web: web({ CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_PORT: '8123' }) },
    found: ['PlaintextPort on Group', 'PlaintextPort on Web'],
    twin: { Task: task(), Service: service(), Group: group(from(8443)), Web: web({ CLICKHOUSE_HOST: 'db.internal', CLICKHOUSE_PORT: '8443', CLICKHOUSE_SECURE: 'true' }) },
  },
  {
    name: '13: a cluster with ZooKeeper, open to the range of a parameter, behind a network load balancer on 8123',
    more: { Parameters: { Range: { Type: 'String', Default: '10.0.0.0/16' } } },
    bad: { Db: instance(script('yum install -y clickhouse-server', "echo '<clickhouse><remote_servers><a><shard><replica><host>db-2</host><port>9000</port></replica></shard></a></remote_servers><zookeeper><node><host>zk</host><port>2181</port></node></zookeeper></clickhouse>' > /etc/clickhouse-server/config.d/metrika.xml")), ...front({ Scheme: 'internal' }, { Targets: [{ Id: { Ref: 'Db' } }] }, { Port: 8123, Protocol: 'TCP' }), Group: group(...[9000, 9009, 8123, 2181].map((port) => tcp(port, { Ref: 'Range' }))) },
    found: ['PlaintextPort on Db', 'PlaintextPort on Group', 'PlaintextPort on Listener', 'PlaintextPort on Targets'],
    twin: { Db: instance(script('yum install -y clickhouse-server', "echo '<clickhouse><remote_servers><a><shard><replica><host>db-2</host><port>9440</port><secure>1</secure></replica></shard></a></remote_servers><zookeeper><node><host>zk</host><port>9281</port><secure>1</secure></node></zookeeper></clickhouse>' > /etc/clickhouse-server/config.d/metrika.xml")), ...front({ Scheme: 'internal' }, { Port: 8443, Targets: [{ Id: { Ref: 'Db' } }] }, { Port: 8443, Protocol: 'TCP' }), Group: group(...[9440, 9010, 8443, 9281].map((port) => tcp(port, { Ref: 'Range' }))) },
  },
  {
    name: '14 and 18: ports as texts, open to everybody, and a baked image',
    bad: { Db: instance(script('service clickhouse-server start')), Group: group(tcp('9000'), tcp('8123')) },
    found: ['PlaintextPort on Group'],
    twin: { Db: instance(script('service clickhouse-server start')), Group: group(tcp('9440'), tcp('8443')) },
  },
  {
    name: '15 and 17: entries that are resources of their own, from the groups of clients',
    bad: { Db: instance(), Group: group(), Entry: resource('AWS::EC2::SecurityGroupIngress', { GroupId: { 'Fn::GetAtt': ['Group', 'GroupId'] }, ...from('8123') }) },
    found: ['PlaintextPort on Entry'],
    twin: { Db: instance(), Group: group(), Entry: resource('AWS::EC2::SecurityGroupIngress', { GroupId: { 'Fn::GetAtt': ['Group', 'GroupId'] }, ...from('8443') }) },
  },
  {
    name: '19 and 20: a server that listens on every address with a configuration in its script',
    bad: { Db: instance(script('apt-get install -y clickhouse-server', "echo '<listen_host>::</listen_host><http_port>8123</http_port><tcp_port>9000</tcp_port>' > /etc/clickhouse-server/config.xml")), Group: group(tcp(8123), tcp(9000)) },
    found: ['PlaintextPort on Db', 'PlaintextPort on Group'],
    twin: { Db: instance(script('apt-get install -y clickhouse-server', "echo '<listen_host>::</listen_host><https_port>8443</https_port><tcp_port_secure>9440</tcp_port_secure>' > /etc/clickhouse-server/config.xml")), Group: group(tcp(8443), tcp(9440)) },
  },
  {
    name: '21: TLS on demand: http_port goes, tcp_port stays, and the client checks nothing',
    bad: { Db: instance(script('yum install -y clickhouse-server', 'cat > /etc/clickhouse-server/config.d/tls.xml <<E', `<clickhouse><listen_host>0.0.0.0</listen_host>${off.replace('<tcp_port remove="1"/>', '')}<https_port>8443</https_port><tcp_port_secure>9440</tcp_port_secure>`, '<openSSL><client><verificationMode>none</verificationMode></client></openSSL></clickhouse>', 'E')), Group: group(tcp(8443)) },
    found: ['PlaintextPort on Db', 'WeakTls on Db'],
    twin: { Db: instance(script('yum install -y clickhouse-server', 'cat > /etc/clickhouse-server/config.d/tls.xml <<E', `<clickhouse><listen_host>0.0.0.0</listen_host>${off}<https_port>8443</https_port><tcp_port_secure>9440</tcp_port_secure>`, '<openSSL><client><verificationMode>strict</verificationMode></client></openSSL></clickhouse>', 'E')), Group: group(tcp(8443)) },
  },
  {
    name: '22: an installation of the operator, with a template for an internal Service',
    bad: manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'events' }, spec: { configuration: { zookeeper: { nodes: [{ host: 'zookeeper.zoo', port: 2181 }] }, clusters: [{ name: 'a' }] }, templates: { serviceTemplates: [{ name: 's', spec: { type: 'ClusterIP', ports: [{ port: 8123, targetPort: 8123 }, { port: 9000, targetPort: 9000 }] } }] } } }),
    found: ['PlaintextPort on Manifest'],
    twin: manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'events' }, spec: { configuration: { zookeeper: { nodes: [{ host: 'zookeeper.zoo', port: 2281, secure: 'yes' }] }, clusters: [{ name: 'a', secure: 'yes', insecure: 'no' }] }, templates: { serviceTemplates: [{ name: 's', spec: { type: 'ClusterIP', ports: [{ port: 8443, targetPort: 8443 }, { port: 9440, targetPort: 9440 }] } }] } } }),
  },
  {
    name: '23: a chart that brings ClickHouse along, with its ports',
    bad: chart('langfuse', { clickhouse: { service: { ports: { http: 8123, tcp: 9000 } } } }),
    found: ['PlaintextPort on Chart'],
    twin: chart('langfuse', { clickhouse: { service: { ports: { https: 8443, tcpSecure: 9440 } } } }),
  },
  {
    name: '27: pods and a Service within the cluster',
    bad: manifest({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db' }, spec: { template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'clickhouse/clickhouse-server:26.8.36.3' }] } } } }, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'db' }, spec: { selector: { app: 'db' }, ports: [{ port: 8123 }, { port: 9000 }] } }),
    found: ['PlaintextPort on Manifest'],
    twin: manifest({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db' }, spec: { template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'clickhouse/clickhouse-server:26.8.36.3' }] } } } }, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'db' }, spec: { selector: { app: 'db' }, ports: [{ port: 8443 }, { port: 9440 }] } }),
  },
  {
    name: '28 and 30: a usual installation, and what is open beside ssh',
    bad: { Db: instance(), Group: group(tcp(22), tcp(8123)) },
    found: ['PlaintextPort on Group'],
    twin: { Db: instance(), Group: group(tcp(22)) },
  },
  {
    name: '29: all ports for one address',
    bad: { Db: instance(), Group: group(tcp(0, '203.0.113.7/32', 65535)) },
    found: ['PlaintextPort on Group'],
    twin: { Db: instance(), Group: group(tcp(9440, '203.0.113.7/32')) },
  },
];

testPractices(RULES, PRACTICES);
