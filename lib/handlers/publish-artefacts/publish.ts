import { manifestKey, sha256Hex } from '../../config/manifest';
import type { CloudFormationEvent, Outcome } from '../cloudformation';
import type { MovePointer } from '../pointer';

/** What is published. */
export interface PublishProperties {
  readonly Bucket: string;
  /** the boot manifests: texts that travel in the template, so that what is reviewed is what is stored. */
  readonly Manifests: readonly { readonly Key: string; readonly Sha256: string; readonly Content: string }[];
  /** the live manifest, which CloudFormation completed with the ARNs of secrets; so its hash is known here first. */
  readonly Live: string;
  /** the agent's bundle, which travels beside this handler. */
  readonly Agent: { readonly Key: string; readonly Sha256: string };
  /** the parameter that names the live manifest, from the creation on. */
  readonly Pointer: string;
  /** how many Keepers the cluster has. */
  readonly Keepers: string;
  /** the subnets that nodes live in, one a zone, in order. */
  readonly Subnets: readonly string[];
}

/** The physical id, known before anything is written: a creation that fails half way is cleaned up by the deletion that follows. */
export function idOfNew({ Keepers, Subnets }: PublishProperties): string {
  return `artefacts-of-${Keepers}-keepers-in-${Subnets.join('+')}`;
}

/** The store, as far as publishing needs it. */
export interface ObjectStore {
  /** writes an object unless the key exists. */
  putOnce(bucket: string, key: string, content: Uint8Array): Promise<void>;
  /** every version of every object and every delete marker, a page at a time. */
  versions(bucket: string): AsyncIterable<readonly { readonly key: string; readonly versionId: string }[]>;
  deleteVersions(bucket: string, versions: readonly { readonly key: string; readonly versionId: string }[]): Promise<void>;
}

/**
 * Writes content-addressed objects, and empties the bucket when the stack goes.
 *
 * A key holds its content's hash and is written once; what older manifests named stays, for nodes that still run them and for a
 * rollback. On deletion, which is also what follows a failed first deployment, every version goes: nothing here is data.
 */
export async function publish(event: CloudFormationEvent<PublishProperties>, store: ObjectStore, agent: Uint8Array, movePointer: MovePointer): Promise<Outcome> {
  const { Bucket, Manifests, Live, Agent, Pointer } = event.ResourceProperties;
  // the id remembers what the cluster was created with. The old properties would not do: on a rollback they are those just refused.
  const id = idOfNew(event.ResourceProperties);
  const physicalResourceId = event.PhysicalResourceId ?? id;
  if (event.RequestType === 'Delete') {
    for await (const page of store.versions(Bucket)) {
      if (page.length > 0) await store.deleteVersions(Bucket, page);
    }
    return { physicalResourceId };
  }
  if (physicalResourceId !== id) {
    throw new Error(
      `the number of Keepers and the subnets are fixed when a cluster is created: it was ${physicalResourceId}, got ${id}. A Keeper added or removed by a rolling update ` +
        'can leave two majorities, and a node in another subnet is another node, without its data. Nothing was changed; set it back, or follow "What is fixed" in docs/operations.md',
    );
  }
  const live = { sha256: sha256Hex(Live), content: Buffer.from(Live, 'utf8') };
  const liveKey = manifestKey('live', live.sha256);
  const objects = [
    ...Manifests.map((each) => ({ key: each.Key, sha256: each.Sha256, content: Buffer.from(each.Content, 'utf8') })),
    { key: liveKey, ...live },
    { key: Agent.Key, sha256: Agent.Sha256, content: agent },
  ];
  // all are checked before any is written.
  for (const { key, sha256, content } of objects) {
    const got = sha256Hex(content);
    if (got !== sha256 || !key.includes(sha256)) {
      throw new Error(`'${key}' arrived with SHA-256 ${got}, expected ${sha256}; nothing was published, deploy again`);
    }
  }
  for (const { key, content } of objects) await store.putOnce(Bucket, key, content);
  // later it is moved when the nodes are there, see handlers/await-live-manifest.
  if (event.RequestType === 'Create') await movePointer(Pointer, liveKey);
  return { physicalResourceId, data: { LiveSha256: live.sha256 } };
}
