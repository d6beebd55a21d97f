import type { Problem } from './problem';
import type { Expectations, NodeMaterial } from './verify';
import { readLeaf, verifyNodeCertificate } from './verify';

/** The value of a node's secret once a certificate was issued. */
export interface NodeSecret extends NodeMaterial {
  /** the host name of the node. */
  readonly node: string;
  readonly names: readonly string[];
  readonly ip: string;
  /** PEM certificates of the authority; what the node trusts. */
  readonly chain: string;
  /** lower-case hexadecimal. */
  readonly serial: string;
  /** ISO 8601 in UTC. */
  readonly notAfter: string;
}

/** The value of a node's secret before. */
export const NOT_ISSUED_YET = JSON.stringify({ schema: 1, state: 'not issued yet' });

/** What is wrong with a value, in words that hold none of it. */
export interface Malformed {
  readonly malformed: string;
}

/** Longer than any value: the rest of the text would be somebody else's. */
const LARGEST = 32_768;

export function renderNodeSecret({ node, names, ip, certificate, chain, privateKey, serial, notAfter }: NodeSecret): string {
  return JSON.stringify({ schema: 1, node, names, ip, certificate, chain, privateKey, serial, notAfter });
}

/** Reads a value. Of what the texts mean nothing is said here: {@link verifyNodeSecret}. */
export function parseNodeSecret(text: string): NodeSecret | 'not issued yet' | Malformed {
  if (text.length > LARGEST) return { malformed: `it has more than ${LARGEST} characters` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // the error of JSON.parse quotes the text.
    return { malformed: 'it is not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { malformed: 'it is not a JSON object' };
  const all = value as Record<string, unknown>;
  if (all.schema !== 1) return { malformed: "its 'schema' is not 1" };
  if (all.state === 'not issued yet') return 'not issued yet';
  const { node, names, ip, certificate, chain, privateKey, serial, notAfter } = all;
  if (!Array.isArray(names) || !names.every((name): name is string => typeof name === 'string')) return { malformed: "its 'names' are not a list of texts" };
  if (!isText(node) || !isText(ip) || !isText(certificate) || !isText(chain) || !isText(privateKey) || !isText(serial) || !isText(notAfter)) {
    const wanted = ['node', 'ip', 'certificate', 'chain', 'privateKey', 'serial', 'notAfter'];
    return { malformed: `it has no text in ${wanted.filter((key) => !isText(all[key])).join(', ')}` };
  }
  return { node, names, ip, certificate, chain, privateKey, serial, notAfter };
}

/** {@link verifyNodeCertificate}, and whether the value says of its certificate what the certificate says. */
export function verifyNodeSecret(secret: NodeSecret, expected: Expectations, now: number): readonly Problem[] {
  const problems = verifyNodeCertificate(secret, expected, now);
  const leaf = readLeaf(secret.certificate);
  if ('code' in leaf) return problems;
  const wrong: string[] = [];
  if (secret.node !== expected.node) wrong.push('node');
  if (secret.names.join() !== expected.names.join()) wrong.push('names');
  if (secret.ip !== expected.ip) wrong.push('ip');
  if (secret.serial !== leaf.serial) wrong.push('serial');
  if (secret.notAfter !== new Date(leaf.notAfter).toISOString()) wrong.push('notAfter');
  return wrong.length === 0 ? problems : [...problems, { code: 'Record', reason: `the secret says something else of its certificate in ${wrong.join(', ')}` }];
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
