import { secretStore } from '../../lib/agent/cloud/stores';
import { FOLDER_DISK } from '../../lib/agent/certificates/folders';
import type { Place } from '../../lib/agent/certificates/install';
import { install } from '../../lib/agent/certificates/install';
import type { CertificateReport } from '../../lib/agent/certificates/refresh';
import { refreshCertificates } from '../../lib/agent/certificates/refresh';
import { askServed } from '../../lib/agent/certificates/status';
import { PATHS } from '../../lib/config/paths';
import type { CloudFormationEvent } from '../../lib/handlers/cloudformation';
import { establish } from '../../lib/handlers/issue-certificate/establish';
import { authorityProperties } from '../../lib/handlers/issue-certificate/event';
import { CERTIFICATE, handleResource } from '../../lib/handlers/issue-certificate/handle';
import { renewAll } from '../../lib/handlers/issue-certificate/renew';
import type { NodeSecret } from '../../lib/pki/node-secret';
import { renderNodeSecret } from '../../lib/pki/node-secret';
import { modelClient } from '../emulator/secrets-manager';
import { Account, KEY_ID, PARAMETER, TAG } from '../handlers/issue-certificate/world';
import type { Material } from '../openssl';
import { DOCUMENTS, HOST } from './model';
import type { ClickHouseServer } from './server';
import { NODE_ADDRESS } from './server';

/** The cluster's zone, which is also the name of its endpoint. */
export const ENDPOINT = HOST.slice(HOST.indexOf('.') + 1);
export const OTHER_HOST = `server-1-2.${ENDPOINT}`;
export const OTHER_ADDRESS = '127.0.0.3';
export const DAY = 86_400_000;

const CERTIFICATES = `${PATHS.serverConfigDirectory}/certificates.xml`;

/** For whom and when a certificate is issued. */
export interface Wanted {
  readonly node?: string;
  readonly ip?: string;
  readonly now?: number;
}

/** The issuer of a cluster, as it runs in the cluster's account; only KMS, Secrets Manager and the parameter are models. */
export class Issuer {
  private issued = 0;

  private constructor(readonly account: Account) {}

  /** One that has had its authority for long enough to have issued what is over by now. */
  static async establish(): Promise<Issuer> {
    const account = new Account();
    account.now = Date.now() - 200 * DAY;
    await establish(authorityProperties({ ClusterName: 'events', Zone: ENDPOINT, Networks: ['127.0.0.0/8'], KeyId: KEY_ID, CaParameter: PARAMETER }), account.world);
    return new Issuer(account);
  }

  /** What clients trust. */
  get authority(): string {
    return this.account.bundle;
  }

  /** What CloudFormation asks for when a node is made; the secret that then holds the certificate. */
  async issue({ node = HOST, ip = NODE_ADDRESS, now = Date.now() }: Wanted = {}): Promise<string> {
    const number = (this.issued += 1);
    const secret = this.account.addSecret(`events/${number}`);
    this.account.now = now;
    const event = {
      RequestType: 'Create', RequestId: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`, ResponseURL: 'https://example.com/answer', StackId: 'stack', LogicalResourceId: 'Certificate',
      ResourceType: CERTIFICATE,
      ResourceProperties: { Node: node, Endpoint: ENDPOINT, Ip: ip, SecretArn: secret, CaParameter: PARAMETER, KeyId: KEY_ID },
    } satisfies CloudFormationEvent<unknown> & { ResourceType: string };
    await handleResource(event, now + 240_000, () => Promise.resolve(this.account.world));
    return secret;
  }

  /** What the schedule does every day: whatever is due gets another certificate. */
  async renew(): Promise<void> {
    this.account.now = Date.now();
    await renewAll({ tag: TAG, caParameter: PARAMETER, keyId: KEY_ID }, this.account.now + 240_000, this.account.world);
  }

  value(secret: string): NodeSecret {
    return this.account.current(secret);
  }

  /** A secret of this account with the value of a certificate from anywhere. */
  holding(value: NodeSecret): string {
    return this.account.addSecret(`events/${(this.issued += 1)}`, renderNodeSecret(value), {});
  }
}

/** What a server is started with. */
export function materialOf({ certificate, privateKey, chain }: NodeSecret): Material {
  return { certificate, privateKey, authority: chain };
}

/** One pass of the agent on the server's node, with what its secret holds. */
export function agentPass(server: ClickHouseServer, { account }: Issuer, secret: string): Promise<CertificateReport> {
  return refreshCertificates({
    source: { store: secretStore('eu-central-1', modelClient(account.model)), secret, parameter: (name) => Promise.resolve(account.parameters.get(name) ?? ''), caParameter: PARAMETER },
    subject: { node: HOST, names: [HOST, ENDPOINT], ip: NODE_ADDRESS },
    disk: FOLDER_DISK,
    place: placeOf(server),
    listener: { address: server.address, port: server.ports.https, host: HOST },
    askServed,
    // it waits for a server that reads a new certificate while it runs; this one does not.
    sleep: () => Promise.resolve(),
    now: Date.now,
  });
}

/** Makes the server show a certificate that the agent would not install. */
export async function showAnyway(server: ClickHouseServer, { serial, certificate, privateKey, chain }: NodeSecret): Promise<void> {
  install(FOLDER_DISK, placeOf(server), { serial, certificate, privateKey, bundle: chain }, Date.now());
  await server.restart();
}

/** Where the agent writes on this node. */
function placeOf(server: ClickHouseServer): Place {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 };
  return {
    directory: { path: `${server.root}/etc/clickhouse-server/tls`, owner },
    document: { path: server.root + CERTIFICATES, template: DOCUMENTS[CERTIFICATES] ?? '' },
  };
}
