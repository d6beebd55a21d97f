import { isPrivateCidr, parseCidr } from './addresses';
import { ConfigurationError } from './error';

/**
 * A place in a document that only the instance can fill.
 *
 * Everything else is decided at synthesis. The list is closed on purpose: adding a hole means adding a value that review of the
 * template cannot see, so each one says why it cannot be known earlier.
 */
export interface Hole {
  readonly hole: HoleName;
  /** whose passwords. Only for the hole `passwordHashes`. */
  readonly user?: string;
}

/** The holes by name, and what may fill them. */
const HOLES = {
  /** the node's own host name, such as `server-1-1`; the documents serve every node. */
  nodeName: { pattern: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, wanted: 'a lower-case DNS label' },
  /** the node's own fully qualified host name, under which its peers reach it. */
  nodeHost: { pattern: /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, wanted: 'a lower-case host name' },
  /** the shard macro. */
  shard: { pattern: /^[1-9][0-9]{0,4}$/, wanted: 'a shard number from 1' },
  /** the replica macro. */
  replica: { pattern: /^[1-9][0-9]{0,4}$/, wanted: 'a replica number from 1' },
  /** the Keeper's Raft identity. */
  serverId: { pattern: /^[1-9][0-9]{0,4}$/, wanted: 'a server id from 1' },
  /** the private address of the node's interface, assigned at deployment. */
  nodeIp: { pattern: /^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$/, wanted: 'the one IPv4 address of the node', accepts: isOneAddress },
  /** the address ranges clients may log in from; a VPC's range may be unknown until deployment. One element a range. */
  clientNetworks: { pattern: /^[0-9a-f.:]+\/[0-9]{1,3}$/, wanted: 'CIDR blocks of a VPC, such as 10.0.0.0/16', entry: (network) => `<ip>${network}</ip>`, accepts: isClientNetwork },
  /** where the passwords are rotated from: every user who has one admits these beside its own ranges, or no rotation could prove that it worked. */
  rotationNetworks: { pattern: /^[0-9a-f.:]+\/[0-9]{1,3}$/, wanted: 'CIDR blocks of subnets, such as 10.0.1.0/24', entry: (network) => `<ip>${network}</ip>`, accepts: isClientNetwork },
  /** the certificate the node serves; the path changes when it is renewed. */
  certificatePath: { pattern: /^(?:\/[A-Za-z0-9._-]+)+$/, wanted: 'an absolute path' },
  /** the key of that certificate. */
  privateKeyPath: { pattern: /^(?:\/[A-Za-z0-9._-]+)+$/, wanted: 'an absolute path' },
  /** the certificates of the cluster's own authority. */
  caBundlePath: { pattern: /^(?:\/[A-Za-z0-9._-]+)+$/, wanted: 'an absolute path' },
  /** the password replicas show each other on the interserver port; a secret, read on the node. */
  interserverPassword: { pattern: /^[A-Za-z0-9]{32,}$/, wanted: 'at least 32 letters and digits', secret: true },
  /** what proves a distributed query to come from a peer; a secret, read on the node. */
  clusterSecret: { pattern: /^[A-Za-z0-9]{32,}$/, wanted: 'at least 32 letters and digits', secret: true },
  /** SHA-256 of the node-local maintenance password, random for every boot. */
  maintenanceHash: { pattern: /^[0-9a-f]{64}$/, wanted: 'a SHA-256 in lower-case hex', secret: true },
  /**
   * SHA-256 of each password that a user may log in with now: the current one, a pending one while it is rotated, replaced ones in their
   * grace. One login method a hash: a wrapper with two hashes would silently use the first.
   */
  passwordHashes: {
    pattern: /^[0-9a-f]{64}$/,
    wanted: 'SHA-256 in lower-case hex, one a password',
    secret: true,
    user: true,
    entry: (hash, index) => `<password_${index + 1}><password_sha256_hex>${hash}</password_sha256_hex></password_${index + 1}>`,
  },
} as const satisfies Record<string, HoleKind>;

interface HoleKind {
  readonly pattern: RegExp;
  readonly wanted: string;
  /** what a pattern cannot say. Only asked when the pattern matches. */
  readonly accepts?: (value: string) => boolean;
  /** the value is a list and each entry becomes one element. */
  readonly entry?: (value: string, index: number) => string;
  /** the value must not appear in a message. */
  readonly secret?: boolean;
  /** the hole belongs to a user. */
  readonly user?: boolean;
}

export type HoleName = keyof typeof HOLES;

/** Every hole there is. */
export const HOLE_NAMES = Object.keys(HOLES) as readonly HoleName[];

type ListHoleName = 'clientNetworks' | 'rotationNetworks' | 'passwordHashes';

/** What an instance fills holes with. */
export interface HoleValues extends Partial<Readonly<Record<Exclude<HoleName, ListHoleName>, string>>> {
  readonly clientNetworks?: readonly string[];
  readonly rotationNetworks?: readonly string[];
  /** by user name. */
  readonly passwordHashes?: Readonly<Record<string, readonly string[]>>;
}

// '@{name}' or '@{name:user}'. Text can never produce it: see escapeText.
const PLACEHOLDER = /@\{([^}]*)\}/g;

/** A hole by name. */
export function hole(name: Exclude<HoleName, 'passwordHashes'>): Hole {
  return { hole: name };
}

/** The login methods of a user's passwords. */
export function passwordHole(user: string): Hole {
  return { hole: 'passwordHashes', user };
}

export function isHole(node: unknown): node is Hole {
  return typeof node === 'object' && node !== null && 'hole' in node;
}

/** Whether what fills the hole is elements, so that it can stand beside others; any other is the whole text of its element. */
export function isListHole(each: Hole): boolean {
  const kind: HoleKind = HOLES[each.hole];
  return kind.entry !== undefined;
}

/** How a hole is written in a rendered document. */
export function placeholder(each: Hole): string {
  return each.user === undefined ? `@{${each.hole}}` : `@{${each.hole}:${each.user}}`;
}

/** The placeholders a rendered document still has open, each once, in order of appearance. */
export function openHoles(document: string): string[] {
  return [...new Set([...document.matchAll(PLACEHOLDER)].map(([, content]) => content ?? ''))];
}

/**
 * Fills every hole of a rendered document.
 *
 * A hole without a value, a value of the wrong shape and a hole that is not on the list are errors: half a configuration is never
 * written. No error repeats a secret.
 */
export function fillHoles(document: string, values: HoleValues): string {
  return document.replace(PLACEHOLDER, (_, content: string) => {
    const [name = '', user] = content.split(':');
    if (!Object.hasOwn(HOLES, name)) {
      throw new ConfigurationError('UnknownHole', `the document has a hole this version does not know: ${JSON.stringify(content)}; known are ${HOLE_NAMES.join(', ')}`);
    }
    const kind: HoleKind = HOLES[name as HoleName];
    const value = valueOf(name as HoleName, kind, user, values);
    if (value === undefined || value.length === 0) {
      throw new ConfigurationError('OpenHole', `the hole '${content}' is still open; give it ${kind.wanted}`);
    }
    for (const each of value) {
      if (!kind.pattern.test(each) || kind.accepts?.(each) === false) {
        const got = kind.secret ? `${each.length} characters (not shown: it is a secret)` : JSON.stringify(each);
        throw new ConfigurationError('HoleValue', `the hole '${content}' must be filled with ${kind.wanted}, got ${got}`);
      }
    }
    return kind.entry === undefined ? (value[0] ?? '') : value.map(kind.entry).join('');
  });
}

function valueOf(name: HoleName, kind: HoleKind, user: string | undefined, values: HoleValues): readonly string[] | undefined {
  if (kind.user) {
    const all = values.passwordHashes ?? {};
    return user !== undefined && Object.hasOwn(all, user) ? all[user] : undefined;
  }
  const value = values[name as Exclude<HoleName, 'passwordHashes'>];
  return typeof value === 'string' ? [value] : value;
}

/** An address of one interface: `0.0.0.0` would be every one. */
function isOneAddress(value: string): boolean {
  const octets = value.split('.').map(Number);
  return octets.every((octet) => octet <= 255) && octets[0] !== 0 && (octets[0] ?? 0) < 224;
}

/**
 * A range that can be a VPC's: private, or no larger than a VPC can be. A VPC may use public numbers, the internet may not be a client.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
 */
export function isClientNetwork(value: string): boolean {
  try {
    const { family, prefix } = parseCidr(value);
    return isPrivateCidr(value) || prefix >= (family === 4 ? 16 : 44);
  } catch (error) {
    if (error instanceof ConfigurationError) return false;
    throw error;
  }
}
