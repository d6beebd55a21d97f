import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { exampleApp } from '../bin/app';
import { buildExposedApp } from '../examples/exposed/app';
import { existingVpcApp } from '../examples/existing-vpc/app';
import { shardedApp } from '../examples/sharded/app';
import type { ClickHouseCluster } from '../lib';
import { summarise } from '../scripts/summary';

const folders: string[] = [];
const outdir = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'example-'));
  folders.push(folder);
  return folder;
};
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

const SECURE: Record<string, (props: { outdir: string }) => App> = { 'bin/app.ts': exampleApp, 'examples/existing-vpc': existingVpcApp, 'examples/sharded': shardedApp };

test('every example has a test', () => {
  const tested = [...Object.keys(SECURE), 'examples/exposed'].filter((name) => name.startsWith('examples/'));
  expect(readdirSync(join(__dirname, '../examples')).map((name) => `examples/${name}`).sort()).toEqual(tested.sort());
});

describe.each(Object.entries(SECURE))('%s', (_, build) => {
  test('synthesises with both packs on and acknowledges at most a handful, each with a reason', () => {
    const folder = outdir();
    build({ outdir: folder }).synth();
    const report = JSON.parse(readFileSync(join(folder, 'validation-report.json'), 'utf8')) as {
      pluginReports: { pluginName: string; violations: unknown[]; suppressedViolations?: { ruleName: string; suppressedBy?: unknown }[] }[];
    };
    // the CDK's own linter advises as well; its warnings about literal zones are right for subnets that exist.
    const packs = report.pluginReports.filter(({ pluginName }) => ['AwsSolutions', 'ClickHouse'].includes(pluginName));
    const acknowledged = packs.flatMap(({ pluginName, suppressedViolations = [] }) => suppressedViolations.map(({ ruleName }) => `${pluginName} ${ruleName}`));
    expect(packs.flatMap(({ violations }) => violations)).toEqual([]);
    expect(acknowledged.filter((each) => !each.startsWith('AwsSolutions '))).toEqual([]);
    // the table in docs/operations.md: four rules, and each wildcard of IAM5 with its own reason.
    const kinds = new Set(acknowledged.map((each) => each.replace(/<[^>]*>/g, '<>').replace(/arn:.*:(?=instance|secret|autoScalingGroup:)/, '')));
    expect([...kinds].sort()).toEqual(
      ['AS3', 'ELB2', 'IAM5[Resource::*]', 'IAM5[Resource::<>/*]', 'IAM5[Resource::<>/agent/*]', 'IAM5[Resource::<>/manifests/*]', 'IAM5[Resource::<>/manifests/live/*]', 'IAM5[Resource::<>/packages/*]', 'IAM5[Resource::<>/reports/*]', 'IAM5[Resource::autoScalingGroup:*:autoScalingGroupName/*]', 'IAM5[Resource::instance/*]', 'IAM5[Resource::secret:*]', 'S1', 'SMG4']
        .map((id) => `AwsSolutions AwsSolutions-${id}`),
    );
  });
});

test.each([
  ['the whole internet', (cluster: ClickHouseCluster) => cluster.connections.allowDefaultPortFromAnyIpv4()],
  ['half of it', (cluster: ClickHouseCluster) => cluster.connections.allowFrom(ec2.Peer.ipv4('128.0.0.0/1'), ec2.Port.tcp(8443))],
  ['IPv6', (cluster: ClickHouseCluster) => cluster.connections.allowFrom(ec2.Peer.ipv6('2000::/3'), ec2.Port.allTcp())],
])('opening the example to %s fails its synthesis: the pack is really on', (_, open) => {
  const app = exampleApp({ outdir: outdir() });
  open(app.node.findChild('Analytics').node.findChild('ClickHouse') as ClickHouseCluster);
  expect(() => app.synth()).toThrow(/ClickHouse-OpenIngress/);
});

test('the summary of the demo is read from the templates', () => {
  const folder = outdir();
  exampleApp({ outdir: folder }).synth();
  expect(summarise(folder)).toMatch(/nodes +keeper-1 \(keeper, ClickHouse 26\.8\.36\.3\), .*server-1-2 \(server, ClickHouse 26\.8\.36\.3\)\n/);
  expect(summarise(folder)).toMatch(/listeners +8443 https_port \(TLS\), 9440 tcp_port_secure \(TLS\), 9010 interserver_https_port \(TLS\), 9281 tcp_port_secure \(TLS\), 9444 raft \(TLS\)\n/);
  expect(summarise(folder)).toMatch(/no 'default'\n/);
  expect(summarise(folder)).toMatch(/verdict +no finding/);
});

test('the breach does not synthesise', () => {
  expect(() => buildExposedApp({ outdir: outdir() }).synth()).toThrow(/8123[^]*9000/);
});
