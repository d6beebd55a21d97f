import type { Cidr } from '../../config/addresses';
import { formatCidr, parseCidr } from '../../config/addresses';
import { isTexts, propertyReader } from '../properties';
import { IssueFailure } from './failure';
import type { Tag } from './world';

const { bad, text } = propertyReader((message) => new IssueFailure('BadEvent', message));

/** `Custom::ClickHouseAuthority`. */
export interface AuthorityProperties {
  readonly ClusterName: string;
  /** what nodes are called ends with it; what clients connect to is called like it. */
  readonly Zone: string;
  /** IPv4 networks, canonical, in which nodes have their addresses. */
  readonly Networks: readonly string[];
  /** the key that signs. */
  readonly KeyId: string;
  /** at most one key that is trusted as well, while one is replaced by another. */
  readonly AlsoTrusted: readonly string[];
  /** the parameter that holds the certificates. */
  readonly CaParameter: string;
}

/** `Custom::ClickHouseCertificate`. */
export interface CertificateProperties {
  /** the host name of the node. */
  readonly Node: string;
  /** the host name that clients connect to. */
  readonly Endpoint: string;
  readonly Ip: string;
  readonly SecretArn: string;
  readonly CaParameter: string;
  readonly KeyId: string;
}

/** What the schedule sends. */
export interface RenewEvent {
  readonly renew: {
    /** the tag that the secrets of the cluster's nodes have, and no others. */
    readonly tag: Tag;
    readonly caParameter: string;
    readonly keyId: string;
    /** what the authority is to be: looked after first. */
    readonly authority?: AuthorityProperties;
    /** whether every node gets a new key and certificate now, and not only where it is time. */
    readonly force?: boolean;
  };
}

const HOST = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;
const PRINTABLE = /^[\x20-\x7e]{1,255}$/;
const KEY = /^[A-Za-z0-9:/_-]{1,2048}$/;
const PARAMETER = /^[A-Za-z0-9/_.:-]{1,1011}$/;
const SECRET = /^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}$/;
// what Secrets Manager takes in a filter (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html); a leading '!' would turn it around.
const TAG = /^[A-Za-z0-9 :_@/+=.-]{1,128}$/;

/** CloudFormation passes on whatever the template says. */
export function authorityProperties(properties: Readonly<Record<string, unknown>>): AuthorityProperties {
  const { Networks, AlsoTrusted = [] } = properties;
  if (!isTexts(Networks) || Networks.length === 0) throw bad('Networks', 'a list of IPv4 networks that is not empty', Networks);
  if (!isTexts(AlsoTrusted) || AlsoTrusted.length > 1 || !AlsoTrusted.every((key) => KEY.test(key))) throw bad('AlsoTrusted', 'a list of at most one key', AlsoTrusted);
  return {
    ClusterName: text(properties, 'ClusterName', PRINTABLE, 'a name of printable ASCII'),
    Zone: text(properties, 'Zone', HOST, 'a host name in lower case'),
    Networks: [...new Set(Networks.map(network))],
    KeyId: text(properties, 'KeyId', KEY, 'a KMS key'),
    AlsoTrusted,
    CaParameter: text(properties, 'CaParameter', PARAMETER, 'the name of a parameter'),
  };
}

export function certificateProperties(properties: Readonly<Record<string, unknown>>): CertificateProperties {
  const Ip = text(properties, 'Ip', /^[0-9.]{7,15}$/, 'an IPv4 address');
  if (blockOf(`${Ip}/32`) === undefined) throw bad('Ip', 'an IPv4 address', Ip);
  return {
    Node: text(properties, 'Node', HOST, 'a host name in lower case'),
    Endpoint: text(properties, 'Endpoint', HOST, 'a host name in lower case'),
    Ip,
    SecretArn: text(properties, 'SecretArn', SECRET, 'the ARN of a secret'),
    CaParameter: text(properties, 'CaParameter', PARAMETER, 'the name of a parameter'),
    KeyId: text(properties, 'KeyId', KEY, 'a KMS key'),
  };
}

/** The event of the schedule; undefined for any other. */
export function renewEvent(event: unknown): RenewEvent['renew'] | undefined {
  const { renew } = record(event);
  if (renew === undefined) return undefined;
  const { tag, authority, force = false, ...names } = record(renew);
  if (typeof force !== 'boolean') throw bad('force', 'true or false', force);
  return {
    tag: { key: text(record(tag), 'key', TAG, 'the key of a tag'), value: text(record(tag), 'value', TAG, 'the value of a tag') },
    caParameter: text(names, 'caParameter', PARAMETER, 'the name of a parameter'),
    keyId: text(names, 'keyId', KEY, 'a KMS key'),
    ...(authority === undefined ? {} : { authority: authorityProperties(record(authority)) }),
    force,
  };
}

function network(text: string): string {
  const block = blockOf(text);
  // a network of every address would be no constraint.
  if (block?.family !== 4 || block.prefix < 8) throw bad('Networks', 'IPv4 networks such as 10.0.0.0/24, of at most 2^24 addresses', text);
  return formatCidr(block);
}

function blockOf(text: string): Cidr | undefined {
  try {
    return parseCidr(text);
  } catch {
    return undefined;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
