import type { Rule } from '../rule';
import { instanceMetadataV1 } from './instance-metadata-v1';
import { openIngress } from './open-ingress';
import { publicSubnet } from './public-subnet';
import { unencryptedStorage } from './unencrypted-storage';
import { vulnerableVersion } from './vulnerable-version';

/** The pack, in the order findings are reported. */
export const RULES: readonly Rule[] = [openIngress, publicSubnet, vulnerableVersion, unencryptedStorage, instanceMetadataV1];
