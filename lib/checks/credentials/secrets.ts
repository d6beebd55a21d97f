import { METADATA_CLICKHOUSE } from '../../metadata';
import type { Deployment } from '../rule';
import { keysIn, textsOf } from './marks';
import type { Told } from './model';
import { toldIn } from './told';
import type { Resource, TemplateSet } from '../../exposure/templates/templates';
import { append, isDictionary } from '../../exposure/templates/templates';
import { elements, inside, literalText, property, resourceIdentity, scalars } from '../../exposure/templates/values';

/** A use of a secret as what ClickHouse, or a client of it, logs in with. */
export interface Use {
  /** none when the secret is not among the templates. */
  readonly secret?: Resource;
  /** its name, ARN or what else stands for it. */
  readonly name: string;
  readonly user: Resource;
  readonly location?: string;
  /** who uses it, in words that follow "used by". */
  readonly words: string;
}

const SECRET = 'AWS::SecretsManager::Secret';
const used = new WeakMap<TemplateSet, readonly Use[]>();

/** All uses of secrets that the templates show. */
export function usesOf(deployment: Deployment): readonly Use[] {
  const known = used.get(deployment.templates) ?? findUses(deployment);
  used.set(deployment.templates, known);
  return known;
}

/** The secrets of the templates that ClickHouse or its clients log in with. */
export function secretsOf(deployment: Deployment): readonly Resource[] {
  return [...new Set(usesOf(deployment).flatMap(({ secret }) => secret ?? []))];
}

function findUses(deployment: Deployment): readonly Use[] {
  const { templates } = deployment;
  const finder = secretFinder(templates);
  const own = templates.ofType(SECRET).filter((secret) => isOurs(secret) || saysClickHouse(secret));
  return [...toldIn(deployment).flatMap((told) => [...usesBy(told, finder)]), ...own.map((secret) => ({ secret, name: secret.logicalId, user: secret, words: 'those who connect' }))];
}

/** How a secret is found by what stands for it: a key of a mark, a name, an ARN. */
export interface SecretFinder {
  readonly byKey: (key: string) => Resource | undefined;
  readonly byName: (name: string) => Resource | undefined;
}

export function secretFinder(templates: TemplateSet): SecretFinder {
  const keys = new Map<string, Resource>();
  const names = new Map<string, Resource>();
  for (const secret of templates.ofType(SECRET)) {
    keys.set(resourceIdentity(secret), secret);
    for (const name of property(secret, 'Name').flatMap(scalars)) if (name.known) names.set(String(name.value), secret);
  }
  // an attachment has the ARN of its secret as its own.
  for (const attachment of templates.ofType('AWS::SecretsManager::SecretTargetAttachment')) {
    const secret = property(attachment, 'SecretId').flatMap(textsOf).flatMap(keysIn).map((key) => keys.get(key)).find((each) => each !== undefined);
    if (secret !== undefined) keys.set(resourceIdentity(attachment), secret);
  }
  return { byKey: (key) => keys.get(key), byName: (name) => names.get(nameOf(name)) ?? names.get(nameOf(name).replace(/-[A-Za-z0-9]{6}$/, '')) };
}

/** `prod/db` of `prod/db` and of `arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf`, with the six characters. */
export function nameOf(text: string): string {
  return /^arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:([^:]+)/.exec(text)?.[1] ?? text;
}

/** Whether our own constructs made it, by their mark. */
export function isOurs({ metadata }: Resource): boolean {
  return isDictionary(metadata[METADATA_CLICKHOUSE]);
}

// how the secret of a database says what it is for: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
function saysClickHouse(secret: Resource): boolean {
  const texts = [...property(secret, 'GenerateSecretString', 'SecretStringTemplate'), ...property(secret, 'SecretString')].map(literalText);
  return texts.some((text) => /"engine"\s{0,9}:\s{0,9}"clickhouse/i.test(text));
}

// {{resolve:secretsmanager:ID:SecretString:KEY}}, where the id may be an ARN or hold a mark.
const RESOLVED = /\{\{resolve:secretsmanager:(arn:[^:}]*:secretsmanager:[^:}]*:[^:}]*:secret:[^:}]+|\uE000[^\uE002]{0,2100}\uE002|[^:}]+)/g;
// --secret-id NAME of the command line, SecretId='NAME' of the SDKs.
const READ = /(?:--secret-id[=\s]{1,9}|\bSecretId["']?\s{0,9}[=:]\s{0,9})["']?([\w/+=.@:-]{1,2048})/g;

function* usesBy(told: Told, { byKey, byName }: SecretFinder): Iterable<Use> {
  const { resource: user, location, words, variables, secrets, script, entries, isServer } = told;
  const found = new Map<string, Use>();
  const add = (name: string, secret: Resource | undefined): void => {
    const key = secret === undefined ? name : resourceIdentity(secret);
    if (!found.has(key)) found.set(key, { secret, name, user, location, words });
  };
  const resolved = (text: string): void => {
    for (const [, id = ''] of text.matchAll(RESOLVED)) {
      const secret = byName(id) ?? keysIn(id).map(byKey).find((each) => each !== undefined);
      add(secret?.logicalId ?? idInWords(id), secret);
    }
  };
  // a name that says ClickHouse; of a server any.
  for (const [name, values] of variables) {
    if (!isServer && !/clickhouse/i.test(name)) continue;
    for (const text of values) {
      resolved(text);
      for (const secret of keysIn(text).flatMap((key) => byKey(key) ?? [])) add(secret.logicalId, secret);
    }
  }
  for (const [name, sources] of secrets) {
    if (!/CLICKHOUSE/i.test(name)) continue;
    for (const text of sources.flatMap(textsOf)) {
      const secret = keysIn(text).flatMap((key) => byKey(key) ?? [])[0] ?? byName(text);
      // what is no secret for certain is a parameter of the Systems Manager, which rotates nothing by itself.
      if (secret !== undefined || /:secretsmanager:/.test(text)) add(secret?.logicalId ?? idInWords(text), secret);
    }
  }
  for (const text of [...script.commands, ...script.assignments.map(([, value]) => value)]) {
    if (!isServer) continue;
    resolved(text);
    for (const secret of keysIn(text).flatMap((key) => byKey(key) ?? [])) add(secret.logicalId, secret);
    for (const [, name = ''] of text.matchAll(READ)) add(byName(name)?.logicalId ?? idInWords(name), byName(name));
  }
  for (const { text } of entries) {
    resolved(text);
    for (const secret of keysIn(text).flatMap((key) => byKey(key) ?? [])) add(secret.logicalId, secret);
  }
  yield* found.values();
}

function idInWords(id: string): string {
  const keys = keysIn(id);
  const name = nameOf(id);
  return keys.length > 0 ? (keys[0]?.split(/[!#]/).pop() ?? id) : name.slice(0, 100);
}

/** The schedules by what they rotate: the identity of a secret, else its name. */
export function schedulesOf(templates: TemplateSet): ReadonlyMap<string, readonly Resource[]> {
  const { byKey, byName } = secretFinder(templates);
  const found = new Map<string, Resource[]>();
  for (const schedule of templates.ofType('AWS::SecretsManager::RotationSchedule')) {
    for (const text of property(schedule, 'SecretId').flatMap(textsOf)) {
      const secret = keysIn(text).flatMap((key) => byKey(key) ?? [])[0] ?? byName(text);
      append(found, secret === undefined ? idInWords(text) : resourceIdentity(secret), schedule);
    }
  }
  return found;
}

/** Whether anything starts a schedule. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html */
export function isTimed(schedule: Resource): boolean {
  return elements(schedule, 'RotationRules').some((rules) => [...inside(rules, 'ScheduleExpression'), ...inside(rules, 'AutomaticallyAfterDays')].length > 0);
}
