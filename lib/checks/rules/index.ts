import type { Rule } from '../rule';
import { broadSecretAccess } from './broad-secret-access';
import { instanceMetadataV1 } from './instance-metadata-v1';
import { internalPortOutsideCluster } from './internal-port-outside-cluster';
import { literalPassword } from './literal-password';
import { noAuthentication } from './no-authentication';
import { noFlowLogs } from './no-flow-logs';
import { openIngress } from './open-ingress';
import { openSsh } from './open-ssh';
import { plaintextPort } from './plaintext-port';
import { publicExposure } from './public-exposure';
import { publicSubnet } from './public-subnet';
import { secretWithoutRotation } from './secret-without-rotation';
import { unencryptedFileSystemTransit } from './unencrypted-file-system-transit';
import { unencryptedStorage } from './unencrypted-storage';
import { unknownExposure } from './unknown-exposure';
import { unpinnedImage } from './unpinned-image';
import { unrestrictedEgress } from './unrestricted-egress';
import { vulnerableVersion } from './vulnerable-version';
import { weakTls } from './weak-tls';

/** The pack, in the order findings are reported: the most severe first. */
export const RULES: readonly Rule[] = [
  publicExposure,
  unknownExposure,
  noAuthentication,
  openIngress,
  publicSubnet,
  vulnerableVersion,
  openSsh,
  internalPortOutsideCluster,
  plaintextPort,
  weakTls,
  literalPassword,
  broadSecretAccess,
  secretWithoutRotation,
  unencryptedStorage,
  unencryptedFileSystemTransit,
  instanceMetadataV1,
  unrestrictedEgress,
  unpinnedImage,
  noFlowLogs,
];
