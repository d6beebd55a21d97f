import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pair } from './subjects';
import { digest, PAIRS } from './subjects';

/**
 * The checks for CloudFormation that say that something can be reached from anywhere:
 * https://www.checkov.io/5.Policy%20Index/cloudformation.html
 *
 * Not among them: what asks for another control in front of an endpoint that is meant to be public (CKV_AWS_68 wants a firewall on every
 * distribution), what another account may connect to (CKV_AWS_123), encryption, logging, and the databases, queues and buckets that are no ClickHouse.
 */
export const CHECKOV: ReadonlyMap<string, string> = new Map([
  ['CKV_AWS_24', 'a security group admits `0.0.0.0/0` or `::/0` on port 22, alone or in a range'],
  ['CKV_AWS_25', 'the same on port 3389'],
  ['CKV_AWS_59', 'a method of an API Gateway asks for no authorisation'],
  ['CKV_AWS_88', 'an instance or a launch template asks for a public IPv4 address'],
  ['CKV_AWS_100', 'an EKS node group takes SSH from everywhere'],
  ['CKV_AWS_258', 'the URL of a Lambda function asks for no authorisation'],
  ['CKV_AWS_260', 'a security group admits `0.0.0.0/0` or `::/0` on port 80, alone or in a range'],
]);

export interface CheckovResult {
  /** of the templates that were shown. */
  readonly digest: string;
  readonly original: readonly string[];
  readonly twin?: readonly string[];
}

/** What checkov said of every case when `npm run corpus-checkov` last ran it. */
export interface CheckovResults {
  readonly version: string;
  readonly results: { readonly [name: string]: CheckovResult };
}

export const CHECKOV_FILE = join(__dirname, 'checkov.json');

/** One line a case, so that a difference reads well. */
export function written({ version, results }: CheckovResults): string {
  const lines = Object.entries(results).map(([name, result]) => `    ${JSON.stringify(name)}: ${JSON.stringify(result)}`);
  return `{\n  "version": ${JSON.stringify(version)},\n  "results": {\n${lines.join(',\n')}\n  }\n}\n`;
}

export function readCheckov(): CheckovResults {
  return JSON.parse(readFileSync(CHECKOV_FILE, 'utf8')) as CheckovResults;
}

/** Cases that checkov has not seen as they are now, and results of cases that there are no longer. */
export function outdated({ results }: CheckovResults, pairs: readonly Pair[] = PAIRS): string[] {
  const names = new Set(pairs.map(({ name }) => name));
  return [...pairs.filter((pair) => results[pair.name]?.digest !== digest(pair)).map(({ name }) => name), ...Object.keys(results).filter((name) => !names.has(name))];
}
