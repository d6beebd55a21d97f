import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { manifestStore, secretStore } from '../../../lib/agent/cloud/stores';
import type { CertificateResult } from '../../../lib/agent/certificates/command';
import { certificatesCommand } from '../../../lib/agent/certificates/command';
import { FOLDER_DISK } from '../../../lib/agent/certificates/folders';
import type { AskServed, Listener } from '../../../lib/agent/certificates/status';
import { askServed } from '../../../lib/agent/certificates/status';
import type { NodeIdentity } from '../../../lib/agent/identity';
import { exclusively } from '../../../lib/agent/lock';
import type { BootManifest } from '../../../lib/config/manifest';
import { packManifest } from '../../../lib/config/manifest';
import { bootManifest } from '../../../lib/config/manifests';
import { layOut } from '../../../lib/config/topology';
import type { NodeSecret } from '../../../lib/pki/node-secret';
import { NOT_ISSUED_YET, renderNodeSecret } from '../../../lib/pki/node-secret';
import { modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import { ZONE } from './authority';

export const CA_PARAMETER = '/analytics/ca';
const MODEL = { topology: layOut({ clusterName: 'analytics', zoneName: ZONE, shards: 1, replicas: 1, keepers: 1 }), version: '26.8.36.3' };

/** What a command printed, as an object. */
export interface Line {
  readonly event: string;
  readonly state: string;
  readonly reason?: string;
  readonly notes?: readonly string[];
  readonly removed?: readonly string[];
  readonly installed?: string;
  readonly current?: string;
  readonly served?: string;
  readonly behind?: boolean;
  readonly daysToExpiry?: number;
  readonly trouble?: string;
}

/** A node whose directories, documents, locks and handshakes are real, and whose address is loopback. */
export class Node {
  readonly root = mkdtempSync(join(tmpdir(), 'node-'));
  readonly tls = join(this.root, 'tls');
  readonly document: string;
  readonly model = new SecretsManagerModel();
  readonly arn = this.model.createSecret({ Name: 'certificate', SecretString: NOT_ISSUED_YET }).ARN;
  readonly results: CertificateResult[] = [];
  readonly parameters = new Map<string, string>();
  readonly identity: NodeIdentity;
  manifest: BootManifest;
  now: () => number = Date.now;
  /** where its listener really is. */
  port = 1;
  /** where the agent looked for it. */
  readonly asked: Listener[] = [];
  /** what asks the listener. */
  ask: AskServed = askServed;

  constructor(readonly role: 'server' | 'keeper' = 'server') {
    this.document = join(this.root, 'config.d', 'certificates.xml');
    mkdirSync(join(this.root, 'config.d'));
    this.manifest = bootManifest(MODEL, role);
    const name = role === 'server' ? 'server-1-1' : 'keeper-1';
    const { key, sha256 } = packManifest(this.manifest);
    this.identity = {
      schema: 1, role, name, host: `${name}.${ZONE}`, ip: '127.0.0.1', region: 'eu-central-1', bucket: 'artefacts', bootManifestKey: key, bootManifestSha256: sha256,
      liveManifestParameter: 'live', volumeId: 'vol-1', internalSecretArn: 'arn:s', clientNetworks: ['10.20.0.0/16'], stackId: 'arn:stack', groupLogicalId: 'Group', logGroup: 'logs', packages: [], nodeSecretArn: this.arn, caParameter: CA_PARAMETER,
    };
  }

  /** The issuer gives the node another value. */
  put(value: NodeSecret | string): void {
    this.model.putSecretValue({ SecretId: this.arn, SecretString: typeof value === 'string' ? value : renderNodeSecret(value) });
  }

  async run(identity = this.identity): Promise<{ readonly line: Line; readonly result: CertificateResult }> {
    const ssm = { send: ({ input }: { input: { Name?: string } }) => Promise.resolve({ Parameter: { Value: this.parameters.get(input.Name ?? '') } }) };
    const s3 = { send: () => Promise.resolve({ Body: { transformToString: () => Promise.resolve(packManifest(this.manifest).content) } }) };
    const manifests = manifestStore('eu-central-1', ssm, s3);
    const result = await certificatesCommand(identity, {
      manifests,
      secrets: secretStore('eu-central-1', modelClient(this.model)),
      parameter: (name) => manifests.pointer(name),
      disk: FOLDER_DISK,
      places: { tls: this.tls, document: this.document },
      owner: () => ({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 }),
      ports: { https: 8443, keeper: 9281 },
      askServed: (listener, trust) => {
        this.asked.push(listener);
        return this.ask({ ...listener, port: this.port }, trust);
      },
      sleep: (milliseconds) => sleep(milliseconds / 20),
      now: this.now,
      exclusively: (work) => exclusively(join(this.root, 'lock'), 5, work),
    });
    this.results.push(result);
    return { line: JSON.parse(result.line) as Line, result };
  }

  folders(): string[] {
    return readdirSync(this.tls).sort();
  }

  /** Every byte that this node wrote or said is searched: keys are in their files, which nobody else may read, and nowhere else. */
  checkSilence(secrets: readonly NodeSecret[]): void {
    const parts = secrets.flatMap(({ privateKey }) => privateKey.split('\n').filter((line) => line.length > 20 && !line.startsWith('-')));
    expect(parts.length).toBeGreaterThan(0);
    const holdsKey = (text: string): boolean => text.includes('PRIVATE') || parts.some((part) => text.includes(part));
    for (const { line, metrics } of this.results) for (const text of [line, ...metrics]) expect(holdsKey(text)).toBe(false);
    let keys = 0;
    for (const name of readdirSync(this.root, { recursive: true, encoding: 'utf8' })) {
      const path = join(this.root, name);
      const state = lstatSync(path);
      expect(state.mode & 0o007 && path.startsWith(this.tls) ? `${name} is open to everybody` : '').toBe('');
      if (!state.isFile() || !holdsKey(readFileSync(path, 'latin1'))) continue;
      keys += 1;
      expect([name.split('/').at(-1), state.mode & 0o7777]).toEqual(['node.key', 0o640]);
    }
    expect(keys).toBe(existsSync(this.tls) ? this.folders().length : 0);
  }

  end(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
