import { X509Certificate } from 'node:crypto';
import type * as s3 from '@aws-sdk/client-s3';
import type * as ssm from '@aws-sdk/client-ssm';
import { liveManifestSha256, sha256Hex } from '../../config/manifest';
import { certificatesIn } from '../../pki/pem';
import { RotationFailure } from './failure';
import type { LiveCluster } from './steps';

/** Names of what the handler reads; none is a secret. */
export interface Names {
  /** the parameter that holds the key of the live manifest. */
  readonly pointer: string;
  readonly bucket: string;
  /** the parameter that holds the certificates of the cluster's authority. */
  readonly authority: string;
  /** the document that makes a node look at its users' secrets. */
  readonly refreshDocument: string;
  /** the tag that every server's instance has. */
  readonly nodeTag: { readonly key: string; readonly value: string };
}

const HOST = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Reads what the live manifest says now. Only what the pointer names is read, and only if it is what its key says. */
export function liveCluster(names: Names, { GetParameterCommand }: typeof ssm, ssmClient: Pick<ssm.SSMClient, 'send'>, { GetObjectCommand }: typeof s3, s3Client: Pick<s3.S3Client, 'send'>): () => Promise<LiveCluster> {
  const parameter = async (Name: string): Promise<string> => (await ssmClient.send(new GetParameterCommand({ Name }))).Parameter?.Value ?? '';
  // a key names one text for ever.
  let latest: { readonly key: string; readonly manifest: Omit<LiveCluster, 'authority'> } | undefined;
  return async () => {
    const [key, pem] = await Promise.all([parameter(names.pointer), parameter(names.authority)]);
    const authority = parseAuthority(pem, names.authority);
    if (latest?.key !== key) {
      if (liveManifestSha256(key) === undefined) throw unusable(`the parameter ${names.pointer} does not hold the key of a live manifest`);
      const { Body } = await s3Client.send(new GetObjectCommand({ Bucket: names.bucket, Key: key }));
      latest = { key, manifest: parseManifest(key, (await Body?.transformToString()) ?? '') };
    }
    return { ...latest.manifest, authority };
  };
}

/** The part of a live manifest that a rotation needs. */
export function parseManifest(key: string, text: string): Omit<LiveCluster, 'authority'> {
  // whoever can write into the bucket must not choose where passwords are sent.
  if (liveManifestSha256(key) !== sha256Hex(text)) throw unusable(`the object ${key} is not what its key says; deploy the cluster again`);
  const { schema, kind, servers, users } = JSON.parse(text) as { schema?: unknown; kind?: unknown; servers?: unknown; users?: unknown };
  if (schema !== 1 || kind !== 'live') throw unusable(`${key} is not a live manifest of schema 1; update the stack, so that this function and the manifest are of one version`);
  if (!Array.isArray(servers) || !servers.every((server): server is string => typeof server === 'string' && HOST.test(server))) throw unusable(`${key} has no list of host names in 'servers'`);
  if (!Array.isArray(users)) throw unusable(`${key} has no list in 'users'`);
  return {
    servers,
    users: users.map((each: { user?: unknown; secret?: unknown }) => ({ user: String(each.user), ...(typeof each.secret === 'string' ? { secret: each.secret } : {}) })),
  };
}

/** The certificates in a parameter. Without one nothing could be verified, so that is an error. */
export function parseAuthority(pem: string, parameter: string): string[] {
  const { blocks: certificates } = certificatesIn(pem);
  if (certificates.length === 0) throw unusable(`the parameter ${parameter} holds no certificate; it must hold those of the cluster's authority, PEM`);
  for (const certificate of certificates) {
    try {
      new X509Certificate(certificate);
    } catch {
      throw unusable(`the parameter ${parameter} holds a certificate that cannot be read`);
    }
  }
  return [...certificates];
}

/** Tells every node to look now. Nodes that are just starting are missed; they look when they start. */
export function refreshNodes(names: Names, { SendCommandCommand }: typeof ssm, client: Pick<ssm.SSMClient, 'send'>): () => Promise<void> {
  const { key, value } = names.nodeTag;
  return async () => {
    await client.send(new SendCommandCommand({ DocumentName: names.refreshDocument, Targets: [{ Key: `tag:${key}`, Values: [value] }], MaxConcurrency: '100%', MaxErrors: '100%', TimeoutSeconds: 60 }));
  };
}

function unusable(message: string): RotationFailure {
  return new RotationFailure('UnusableConfiguration', message);
}
