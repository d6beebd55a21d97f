import { textReport } from '../../lib/report/text';
import { assessment, CRASHED, EVERYTHING, NOTHING, workload } from './reports';

test('says the verdict, each ClickHouse, the findings with the worst first, the path hop by hop, and what to do', () => {
  expect(textReport(EVERYTHING)).toBe(`EXPOSED  the internet can reach 1 of 3 ClickHouse

exposed  Db (AWS::EC2::Instance) in cdk.out/Data.template.json, ports 8123, 9000
  taken for ClickHouse: its start-up script installs clickhouse-server
  because: it is exposed

unknown  Other (AWS::EC2::Instance) in cdk.out/Data.template.json, port 9440
  taken for ClickHouse: its start-up script installs clickhouse-server
  because: it is unknown

private  Quiet (AWS::EC2::Instance) in cdk.out/Data.template.json
  taken for ClickHouse: its start-up script installs clickhouse-server
  because: it is private
  other way: through another program
    1. internet gateway: joins the VPC to the internet
       cdk.out/Network.template.json Gateway
    2. security group rule: admits 0.0.0.0/0 on TCP 8123
       cdk.out/Data.template.json Group Properties.SecurityGroupIngress.0
  other way: perhaps from another AWS account

fatal  ClickHouse-PublicExposure  cdk.out/Data.template.json Db
  the internet reaches port 8123 of Db
    1. internet gateway: joins the VPC to the internet
       cdk.out/Network.template.json Gateway
    2. security group rule: admits 0.0.0.0/0 on TCP 8123
       cdk.out/Data.template.json Group Properties.SecurityGroupIngress.0
  fix: admit the security group of the clients
  see: https://clickhouse.com/docs/guides/sre/network-ports

error  ClickHouse-InstanceMetadataV1  cdk.out/Data.template.json Db Properties.MetadataOptions
  Db gives out credentials
  fix: require tokens

error  ClickHouse-UnknownExposure  cdk.out/Data.template.json Other
  the internet reaches port 8123 of Db
    1. network ACL: lets everything through
       the default network ACL
    2. security group: is imported
       cdk.out/Data.template.json Group
       not known: its rules are not in the templates
  fix: admit the security group of the clients
  see: https://clickhouse.com/docs/guides/sre/network-ports

warning  ClickHouse-NotRead  cdk.out/Data.template.json
  a macro rewrites this template
  fix: check it as well

4 findings: 1 fatal, 2 errors, 1 warning
`);
});

test.each([
  ['nothing', NOTHING, 'NONE  there is no ClickHouse in these templates\n\nno findings\n'],
  ['one that is private', { assessment: assessment(workload('Db', 'private')), verdicts: [] }, /^PRIVATE {2}the internet cannot reach the ClickHouse\n/],
  ['two that are', { assessment: assessment(workload('A', 'private'), workload('B', 'private')), verdicts: [] }, /^PRIVATE {2}the internet cannot reach any of 2 ClickHouse\n/],
  ['one that is not known', { assessment: assessment(workload('A', 'private'), workload('B', 'unknown')), verdicts: [] }, /^UNKNOWN {2}it cannot be told whether the internet can reach 1 of 2 ClickHouse\n/],
  ['a check that failed', { assessment: assessment(workload('A', 'private')), verdicts: [CRASHED] }, /^UNKNOWN {2}not everything could be checked\n[^]*\nfatal {2}ClickHouse-CheckFailed\n {2}rule x failed\n[^]*\n1 finding: 1 fatal\n$/],
])('says of %s what it is', (_, report, text) => {
  if (typeof text === 'string') expect(textReport(report)).toBe(text);
  else expect(textReport(report)).toMatch(text);
});

test('many ports are counted', () => {
  expect(textReport({ assessment: assessment(workload('Db', 'private', { ports: [9000, 8123, 9440, 1, 2, 3, 4] })), verdicts: [] })).toContain(', 7 ports from 1 to 9440\n');
});

test('colours say the same as the words', () => {
  const colored = textReport(EVERYTHING, { color: true });
  expect(colored).toContain('\u001b[1;31mEXPOSED\u001b[0m');
  expect(colored).toContain('\u001b[33mwarning\u001b[0m');
  expect(colored.replace(/\u001b\[[0-9;]*m/g, '')).toBe(textReport(EVERYTHING));
});
