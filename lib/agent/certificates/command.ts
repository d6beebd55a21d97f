import { dirname } from 'node:path';
import type { BootManifest } from '../../config/manifest';
import { PATHS } from '../../config/paths';
import { readBootManifest } from '../boot/manifest';
import type { SecretStore } from '../credentials/secrets';
import type { Owner } from '../disk';
import type { NodeIdentity } from '../identity';
import type { ManifestStore } from '../live-manifest';
import type { FolderDisk } from './folders';
import type { Subject } from './material';
import { metricLines } from './metrics';
import { refreshCertificates } from './refresh';
import type { AskServed } from './status';

/** What the command needs of the machine and of AWS. */
export interface CertificateWorld {
  readonly manifests: Pick<ManifestStore, 'object'>;
  readonly secrets: SecretStore;
  readonly parameter: (name: string) => Promise<string>;
  readonly disk: FolderDisk;
  readonly places: CertificatePlaces;
  /** asked only when there is something to write: before ClickHouse is installed there is no group of that name. */
  readonly owner: () => Owner;
  readonly askServed: AskServed;
  /** where ClickHouse listens. */
  readonly ports: Readonly<Record<'https' | 'keeper', number>>;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly now: () => number;
  /** does something while no other process of the machine does. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface CertificatePlaces {
  readonly tls: string;
  /** where the document of certificates lies. */
  readonly document: string;
}

/** How the command ended: one line for the log, lines to publish, and whether the node shows what its secret says. */
export interface CertificateResult {
  readonly line: string;
  readonly metrics: readonly string[];
  readonly complete: boolean;
  /** whether there is a certificate at all, without which nothing is started. */
  readonly installed: boolean;
}

/** Where certificates lie on a node of that role. */
export function certificatePlaces(role: NodeIdentity['role'], root = ''): CertificatePlaces {
  const [configuration, directory] = role === 'keeper' ? [PATHS.keeperConfig, PATHS.keeperConfigDirectory] : [PATHS.serverConfig, PATHS.serverConfigDirectory];
  return { tls: `${root}${dirname(configuration)}/tls`, document: `${root}${directory}/certificates.xml` };
}

/** The template of the document of certificates, which says where the installed material is. */
export function certificatesTemplate(manifest: BootManifest): string {
  const { document } = certificatePlaces(manifest.role);
  const template = manifest.documents.find(({ path }) => path === document)?.template;
  if (template === undefined) throw new Error(`the boot manifest has no ${document}; publish agent and manifest together`);
  return template;
}

/** The part of `agent refresh` that is about certificates. */
export async function certificatesCommand(identity: NodeIdentity, world: CertificateWorld): Promise<CertificateResult> {
  const { nodeSecretArn, caParameter } = identity;
  if (!nodeSecretArn || !caParameter) {
    return { line: lineOf({ state: 'skipped', reason: "the identity has no 'nodeSecretArn'" }), metrics: [], complete: true, installed: false };
  }
  return world.exclusively(async () => {
    const manifest = readBootManifest(await world.manifests.object(identity.bucket, identity.bootManifestKey), identity);
    const template = certificatesTemplate(manifest);
    const subject = subjectOf(identity);
    const { status, ...report } = await refreshCertificates({
      source: { store: world.secrets, secret: nodeSecretArn, parameter: world.parameter, caParameter },
      subject,
      disk: world.disk,
      place: { directory: { path: world.places.tls, owner: world.owner() }, document: { path: world.places.document, template } },
      listener: { address: identity.ip, port: identity.role === 'keeper' ? world.ports.keeper : world.ports.https, host: identity.host },
      askServed: world.askServed,
      sleep: world.sleep,
      now: world.now,
    });
    return { line: lineOf({ ...report, ...status }), metrics: metricLines(status, manifest.clusterName, identity.name, world.now()), complete: !report.retry && report.state !== 'kept', installed: status.installed !== undefined };
  });
}

/** Whom the certificate is for: the node and, because clients reach it through the load balancer, the cluster's endpoint, which is the zone. */
function subjectOf({ name, host, ip }: NodeIdentity): Subject {
  if (!host.startsWith(`${name}.`)) throw new Error(`the identity's 'host' must be its 'name' in the cluster's zone, such as ${name}.analytics.clickhouse.internal, got ${JSON.stringify(host)}`);
  return { node: host, names: [host, host.slice(name.length + 1)], ip };
}

function lineOf(fields: object): string {
  return JSON.stringify({ event: 'certificates', ...fields });
}
