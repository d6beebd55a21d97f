// What has the ports or the name of ClickHouse and is not ClickHouse. Almost all of it is open to the internet: taking it for one would be a false alarm.
import { FILE, group, instance, INSTALLS, network, publicInterface, ref, resource, service, single, task, tcp } from '../build';
import type { Case, Json, Layer } from '../case';
import { applied, chart, cluster, external, MANIFEST } from './kubernetes-parts';

const script = (...lines: readonly string[]): Json => ({ 'Fn::Base64': ['#!/bin/bash', 'set -euo pipefail', ...lines, ''].join('\n') });

/** An open machine with a start-up script. The twin installs ClickHouse instead. */
const machine = (name: string, why: string, port: number, ...lines: readonly string[]): Case => ({
  name,
  why,
  templates: single({ ...network(), Group: group(tcp(port)), Host: instance({ UserData: script(...lines), ...publicInterface() }) }),
  verdict: 'none',
  twin: { at: [FILE, 'Resources', 'Host', 'Properties', 'UserData'], to: INSTALLS, verdict: 'exposed', why: 'the same machine installs ClickHouse' },
});

/** An open task of one container. The twin runs the image of ClickHouse instead. */
const container = (name: string, why: string, port: number, definition: Json): Case => ({
  name,
  why,
  templates: single({
    ...network(),
    Group: group(tcp(port)),
    Cluster: resource('AWS::ECS::Cluster'),
    Task: task({}, { PortMappings: [{ ContainerPort: port }], ...definition }),
    Service: service({}, { Subnets: [ref('Public')], AssignPublicIp: 'ENABLED' }),
  }),
  verdict: 'none',
  twin: {
    at: [FILE, 'Resources', 'Task', 'Properties', 'ContainerDefinitions', 0, 'Image'],
    to: 'clickhouse/clickhouse-server:26.8.36.3',
    verdict: 'exposed',
    why: 'the same task runs ClickHouse',
  },
});

const pods = (image: string): string =>
  JSON.stringify([
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'reports' },
      spec: {
        selector: { matchLabels: { app: 'reports' } },
        template: {
          metadata: { labels: { app: 'reports' } },
          spec: {
            containers: [
              { name: 'reports', image, ports: [{ containerPort: 8123 }], env: [{ name: 'CLICKHOUSE_URL', value: 'http://clickhouse.analytics.svc:8123' }] },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'reports', annotations: external('internet-facing') },
      spec: { type: 'LoadBalancer', selector: { app: 'reports' }, ports: [{ port: 8123 }] },
    },
  ]);
export const NEAR_MISSES: Layer = {
  layer: 'not ClickHouse',
  cases: [
    machine(
      'map of a game server',
      'Dynmap shows the map of a Minecraft server on 8123',
      8123,
      'yum install -y java-21-amazon-corretto-headless',
      'curl -sSLo /opt/game/plugins/dynmap.jar https://downloads.example.com/dynmap.jar',
      'systemctl start minecraft',
    ),
    machine('code quality server', 'SonarQube listens on 9000', 9000, 'docker run -d --name sonarqube -p 9000:9000 sonarqube:25.9.0-community'),
    machine(
      'tunnel server',
      'the server of a tunnel listens on 8123',
      8123,
      'curl -sLS https://get.example.com/inlets | sh',
      'inlets server --port 8123 --token-from /etc/inlets/token',
    ),
    machine(
      'client of ClickHouse on a machine',
      'the client is installed, not the server',
      9000,
      'apt-get update',
      'apt-get install -y clickhouse-client',
      'clickhouse-client --host db.example.internal --query "SELECT 1"',
    ),
    machine(
      'driver of ClickHouse on a machine',
      'a program that asks a database elsewhere',
      8123,
      'pip3 install clickhouse-connect clickhouse-driver',
      'export CLICKHOUSE_HOST=db.example.internal',
      'python3 /opt/reports/serve.py --port 8123',
    ),
    machine(
      'comment about ClickHouse',
      'the script only says what may come',
      8123,
      '# later: yum install -y clickhouse-server, and move the reports there',
      'docker run -d -p 8123:8123 registry.example.com/reports:3.1.0',
    ),
    container('object store', 'MinIO listens on 9000', 9000, {
      Name: 'store',
      Image: 'minio/minio:RELEASE.2025-09-07T16-13-09Z',
      Command: ['server', '/data'],
    }),
    container('PHP behind FastCGI', 'PHP-FPM listens on 9000', 9000, { Name: 'php', Image: 'php:8.4-fpm' }),
    container('application with the address of a ClickHouse', 'the application is told where its database is', 8123, {
      Name: 'api',
      Image: 'registry.example.com/reports-api:5.0.1',
      Environment: [{ Name: 'CLICKHOUSE_URL', Value: 'http://db.example.internal:8123' }],
    }),
    container('application with the login of a ClickHouse', 'the application is told how to log in to its database', 9000, {
      Name: 'worker',
      Image: 'registry.example.com/reports-worker:5.0.1',
      Environment: [
        { Name: 'CLICKHOUSE_HOST', Value: 'db.example.internal' },
        { Name: 'CLICKHOUSE_USER', Value: 'reports' },
        { Name: 'CLICKHOUSE_MIGRATION_URL', Value: 'clickhouse://db.example.internal:9000' },
      ],
      Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:reports' }],
    }),
    container('exporter of metrics of a ClickHouse', 'it asks a database elsewhere', 9000, {
      Name: 'exporter',
      Image: 'registry.example.com/clickhouse-exporter:0.9.0',
      Command: ['-web.listen-address=:9000', '-scrape_uri=http://db.example.internal:8123/'],
    }),
    container('dashboards with a plugin for ClickHouse', 'Grafana with the data source', 9000, {
      Name: 'dashboards',
      Image: 'grafana/grafana:12.1.1',
      Environment: [{ Name: 'GF_INSTALL_PLUGINS', Value: 'grafana-clickhouse-datasource' }],
    }),
    {
      name: 'pods with the address of a ClickHouse',
      why: 'the application is told where its database is, and has its port',
      templates: cluster({ Objects: applied(pods('registry.example.com/reports:3.1.0')) }),
      verdict: 'none',
      twin: { at: MANIFEST, to: pods('clickhouse/clickhouse-server:26.8.36.3'), verdict: 'exposed', why: 'the same pods run ClickHouse' },
    },
    {
      name: 'operator of ClickHouse alone',
      why: 'the operator is installed and has nothing to operate',
      templates: cluster({
        Chart: chart({
          Chart: 'altinity-clickhouse-operator',
          Repository: 'https://helm.altinity.com',
          Values: JSON.stringify({ metrics: { enabled: true } }),
        }),
      }),
      verdict: 'none',
    },
    {
      name: 'endpoint to a ClickHouse of somebody else',
      why: 'the database is run by its vendor, and reached through PrivateLink',
      templates: single({
        ...network(),
        Group: group(tcp(8443, '10.0.0.0/16'), tcp(9440, '10.0.0.0/16')),
        Endpoint: resource('AWS::EC2::VPCEndpoint', {
          VpcId: ref('Vpc'),
          VpcEndpointType: 'Interface',
          ServiceName: 'com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0',
          SubnetIds: [ref('Private')],
          SecurityGroupIds: [ref('Group')],
        }),
      }),
      verdict: 'none',
    },
  ],
};
