import type { HoleValues } from '../../config/holes';
import { PATHS } from '../../config/paths';
import { deriveInternalSecrets } from '../boot/internal-secret';
import { certificatePlaces, certificatesCommand } from '../certificates/command';
import type { CertificateResult } from '../certificates/command';
import { credentialsCommand } from '../credentials/command';
import type { CommandResult } from '../credentials/command';
import type { Disk, Owner } from '../disk';
import { valuesOf, writeDocuments } from '../documents';
import type { NodeIdentity } from '../identity';
import { removeStaleExtras } from '../live/documents';
import { CLICKHOUSE_ID } from '../machine/account';
import { maintenanceHash } from './maintenance';
import type { Marks } from './marks';
import type { Parts } from './parts';
import { undisturbed } from './parts';
import { credentialMemory, ROOT } from './places';

// The two passes over what may change while ClickHouse runs, alike for the agent that stays and for the commands that an operator or a rotation runs.

/** Readable for ClickHouse, writable for nobody but root. */
export const READABLE: Owner = { uid: ROOT.uid, gid: CLICKHOUSE_ID, mode: 0o640 };

/** What fills the live documents besides what the identity knows. */
export interface LiveSecrets {
  readonly clusterSecret: string;
  readonly maintenanceHash: string;
}

/** What a pass over users needs of the node. */
type UsersParts = Pick<Parts, 'root' | 'manifests' | 'secrets' | 'now' | 'exclusively'> & { readonly disk: Disk };

/** Users, and the documents they refer to, of the live manifest that the pointer names now. `changed` speaks of all these documents. */
export async function usersPass(command: 'refresh' | 'revoke', identity: NodeIdentity, only: readonly string[], parts: UsersParts, secrets: () => Promise<LiveSecrets>): Promise<CommandResult> {
  const { disk, root } = parts;
  const users = `${root}${PATHS.usersConfigDirectory}`;
  const changed: string[] = [];
  const result = await credentialsCommand(command, identity, only, {
    manifests: parts.manifests,
    secrets: parts.secrets,
    disk,
    places: { users, memory: credentialMemory(root) },
    owner: READABLE,
    documents: async (manifest) => {
      const values: HoleValues = { ...valuesOf(identity), ...(await secrets()) };
      return {
        write: () => void changed.push(...writeDocuments(disk, { root, owner: READABLE }, manifest.documents, values)),
        clean: () => void changed.push(...removeStaleExtras(disk, users, manifest)),
      };
    },
    now: parts.now,
    exclusively: parts.exclusively,
  });
  return { ...result, changed: result.changed || changed.length > 0 };
}

/** The same for a command beside the agent that runs, which alone knows the node-local password and leaves its hash in a mark. */
export async function usersCommand(
  command: 'refresh' | 'revoke',
  identity: NodeIdentity,
  only: readonly string[],
  parts: UsersParts & Pick<Parts, 'staticSecret'>,
  marks: Marks,
): Promise<CommandResult> {
  // asked first: a machine that is not prepared has no users to look after, and nobody is called for them.
  if (identity.role === 'server') maintenanceHash(marks);
  return usersPass(command, identity, only, parts, async () => {
    const { clusterSecret } = await internalSecrets(identity, parts);
    // and asked again, now that it is this process's turn: an agent that has started meanwhile has another one, which only it knows.
    return { clusterSecret, maintenanceHash: maintenanceHash(marks) };
  });
}

/** The node's certificate. With a boot manifest that was verified before, the bucket need not be asked for it. */
export function certificatesPass(identity: NodeIdentity, parts: Parts, manifest?: string): Promise<CertificateResult> {
  const { disk, root, manifests } = parts;
  return certificatesCommand(identity, {
    manifests: manifest === undefined ? manifests : { object: () => Promise.resolve(manifest) },
    secrets: parts.secrets,
    parameter: (name) => manifests.pointer(name),
    disk,
    places: certificatePlaces(identity.role, root),
    owner: () => READABLE,
    askServed: parts.askServed,
    ports: parts.ports,
    sleep: undisturbed(parts),
    now: parts.now,
    exclusively: parts.exclusively,
  });
}

/** What all nodes of the cluster derive from their one static secret. */
export async function internalSecrets(identity: NodeIdentity, parts: Pick<Parts, 'staticSecret'>): Promise<ReturnType<typeof deriveInternalSecrets>> {
  return deriveInternalSecrets(await parts.staticSecret(identity.internalSecretArn));
}
