import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseXml } from '../lib/config/parse';
import type { XmlElement } from '../lib/config/xml';
import { childElements } from '../lib/config/xml';
import { METADATA_CLICKHOUSE, METADATA_DOCUMENTS } from '../lib/metadata';

interface Resource {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
  readonly Metadata?: Record<string, unknown>;
}

interface ValidationReport {
  readonly pluginReports: readonly {
    readonly pluginName: string;
    readonly conclusion: string;
    readonly violations: readonly unknown[];
    readonly suppressedViolations?: readonly unknown[];
  }[];
}

// what stores, and how its template says that it does so under a customer key.
const ENCRYPTED: Readonly<Record<string, (properties: Record<string, unknown>) => boolean>> = {
  'AWS::EC2::Volume': (properties) => properties.Encrypted === true && properties.KmsKeyId !== undefined,
  'AWS::EC2::LaunchTemplate': (properties) => {
    const { BlockDeviceMappings = [] } = properties.LaunchTemplateData as { BlockDeviceMappings?: { Ebs?: { Encrypted?: boolean; KmsKeyId?: unknown } }[] };
    return BlockDeviceMappings.length > 0 && BlockDeviceMappings.every(({ Ebs }) => Ebs?.Encrypted === true && Ebs.KmsKeyId !== undefined);
  },
  'AWS::S3::Bucket': (properties) => JSON.stringify(properties.BucketEncryption ?? '').includes('aws:kms'),
  'AWS::SecretsManager::Secret': (properties) => properties.KmsKeyId !== undefined,
  'AWS::Logs::LogGroup': (properties) => properties.KmsKeyId !== undefined,
};

/** Reads a synthesised assembly back and says in a few lines what it would deploy. Everything is read from the templates, nothing from the code. */
export function summarise(assembly: string): string {
  const resources = readdirSync(assembly)
    .filter((file) => file.endsWith('.template.json'))
    .flatMap((file) => Object.values((JSON.parse(readFileSync(join(assembly, file), 'utf8')) as { Resources: Record<string, Resource> }).Resources));
  const documents = resources.flatMap((resource) =>
    Object.entries((resource.Metadata?.[METADATA_DOCUMENTS] ?? {}) as Record<string, string[]>).map(([path, lines]) => ({ path, root: parseXml(lines.join('\n')) })),
  );
  const rows = [
    ['nodes', nodes(resources)],
    ['listeners', listeners(documents.filter(({ path }) => /\/(keeper_)?config\.xml$/.test(path)).map(({ root }) => root))],
    ['users', users(documents.filter(({ path }) => path.includes('/users')).map(({ root }) => root))],
    ['admitted', admitted(resources)],
    ['encrypted', encrypted(resources)],
    ['verdict', verdict(JSON.parse(readFileSync(join(assembly, 'validation-report.json'), 'utf8')) as ValidationReport)],
  ];
  return rows.map(([title = '', text = '']) => `  ${title.padEnd(11)}${text}`).join('\n');
}

function nodes(resources: readonly Resource[]): string {
  const found = resources
    .filter(({ Type }) => Type === 'AWS::AutoScaling::AutoScalingGroup')
    .flatMap(({ Metadata }) => (Metadata?.[METADATA_CLICKHOUSE] ?? []) as { name: string; role: string; version: string });
  return found.map(({ name, role, version }) => `${name} (${role}, ClickHouse ${version})`).join(', ');
}

function listeners(configs: readonly XmlElement[]): string {
  const children = (parents: readonly XmlElement[], name: string): XmlElement[] => parents.flatMap(childElements).filter((each) => each.name === name);
  const keepers = children(configs, 'keeper_server');
  const named = [...configs, ...keepers].flatMap(childElements).filter(({ name }) => /_port(_secure)?$/.test(name));
  const raft = children(keepers, 'raft_configuration').flatMap((each) => {
    const secure = children([each], 'secure').some(({ children: [text] }) => text === 'true');
    const ports = new Set(children(children([each], 'server').slice(0, 1), 'port').map(textIn));
    return [...ports].map((port) => `${port} raft (${secure ? 'TLS' : 'PLAINTEXT'})`);
  });
  return [...named.map((each) => `${textIn(each)} ${each.name} (${/https|secure/.test(each.name) ? 'TLS' : 'PLAINTEXT'})`), ...raft].join(', ');
}

function textIn({ children: [text] }: XmlElement): string {
  return typeof text === 'string' ? text : '?';
}

function users(documents: readonly XmlElement[]): string {
  const names = documents.flatMap(childElements).filter(({ name }) => name === 'users').flatMap(childElements);
  const loopbackOnly = (user: XmlElement): boolean => {
    const networks = childElements(user).filter(({ name }) => name === 'networks').flatMap(childElements);
    return networks.length > 0 && networks.every(({ children: [address] }) => address === '127.0.0.1' || address === '::1');
  };
  const network = names.filter((user) => !loopbackOnly(user)).map(({ name }) => name);
  const local = names.filter(loopbackOnly).map(({ name }) => `${name} (from the node itself only)`);
  return [...local, network.length === 0 ? 'nobody over the network until a user is declared' : network.join(', '), names.some(({ name }) => name === 'default') ? 'DEFAULT USER PRESENT' : "no 'default'"].join('; ');
}

function admitted(resources: readonly Resource[]): string {
  const rules = resources.flatMap(({ Type, Properties = {} }) =>
    Type === 'AWS::EC2::SecurityGroupIngress' ? [Properties] : Type === 'AWS::EC2::SecurityGroup' ? ((Properties.SecurityGroupIngress ?? []) as Record<string, unknown>[]) : [],
  );
  const ranges = rules.filter(({ CidrIp, CidrIpv6 }) => CidrIp !== undefined || CidrIpv6 !== undefined);
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  return [
    `${rules.length - ranges.length} security group rules name groups`,
    `${ranges.length} name address ranges${ranges.length > 0 ? ` (${[...new Set(ranges.map(({ CidrIp, CidrIpv6, FromPort }) => `${text(CidrIp ?? CidrIpv6)} on ${text(FromPort)}`))].join(', ')})` : ''}`,
  ].join(', ');
}

function encrypted(resources: readonly Resource[]): string {
  return Object.entries(ENCRYPTED)
    .map(([type, isEncrypted]) => {
      const all = resources.filter(({ Type }) => Type === type);
      const good = all.filter(({ Properties = {} }) => isEncrypted(Properties));
      return `${type.split('::').pop()} ${good.length} of ${all.length}`;
    })
    .join(', ')
    .concat(' (under a customer key)');
}

function verdict({ pluginReports }: ValidationReport): string {
  const findings = pluginReports.reduce((sum, { violations }) => sum + violations.length, 0);
  const acknowledged = pluginReports.map(({ pluginName, suppressedViolations = [] }) => `${suppressedViolations.length} of ${pluginName} acknowledged with a reason`);
  return [findings === 0 ? 'no finding' : `${findings} FINDINGS`, ...acknowledged].join(', ');
}
