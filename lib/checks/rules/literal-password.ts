import { passwordsIn, urlsIn } from '../credentials/in-text';
import type { Entry, Told } from '../credentials/model';
import type { Password } from '../credentials/password';
import { isPasswordVariable, judgeHash, passwordGiven, passwordIn } from '../credentials/password';
import { textsOf } from '../credentials/marks';
import { secretsOf } from '../credentials/secrets';
import { toldIn } from '../credentials/told';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import type { TemplateSet } from '../../exposure/templates/templates';
import { isDictionary } from '../../exposure/templates/templates';
import { literalText, property } from '../../exposure/templates/values';

/**
 * What is empty is the matter of ClickHouse-NoAuthentication. No message has a password, or a part of one: reports are kept and sent around.
 *
 * A dynamic reference counts where CloudFormation writes what it finds into something that others read: the environment of a container,
 * user data. In a secret itself it is what it should be.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html
 */
export const literalPassword: Rule = {
  id: 'ClickHouse-LiteralPassword',
  severity: 'error',
  info: 'a password of ClickHouse stands in a template, or is put where others read it',
  explanation: 'A template is kept in version control, in the bucket of the CDK and in CloudFormation, and a task definition or user data shows its values to everybody who may describe it. Whoever read it once keeps the password, for nobody can rotate what is written down.',
  fix: 'let Secrets Manager generate the password, and read it where it is used: Secrets of the container with ValueFrom, get-secret-value in the start-up script, secretKeyRef in Kubernetes',
  link: 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html',
  *check(deployment: Deployment): Iterable<Finding> {
    for (const told of toldIn(deployment)) {
      for (const message of new Set(problemsOf(told))) yield finding(told.resource, message, { location: told.location });
    }
    yield* secretsWithText(deployment);
    yield* parametersWithDefault(deployment.templates);
  },
};

function* problemsOf(told: Told): Iterable<string> {
  const { words, variables, isShell, isServer, script, entries } = told;
  const judge = isShell ? passwordIn : passwordGiven;
  for (const [name, values] of variables) {
    for (const value of values) {
      if (isPasswordVariable(name)) yield* problem(`${name} of ${words}`, judge(value));
      else if (/clickhouse/i.test(name) || /clickhouse/i.test(value)) for (const spot of urlsIn(`${value}\n${/CLICKHOUSE/.test(name) ? namedUrl(value) : ''}`)) yield* problem(`${name} of ${words}, a URL,`, passwordIn(spot.value));
    }
  }
  for (const entry of entries) yield* problemsOfEntry(entry, told);
  for (const command of script.commands) for (const { value } of urlsIn(command)) yield* problem(`a URL in ${words}`, passwordIn(value));
  if (!isServer) return;
  for (const { words: where, value, hash } of passwordsIn(script)) {
    if (hash === undefined) yield* problem(`${where} in ${words}`, passwordIn(value));
    else yield* problemOfHash(`${where} in ${words}`, hash, value);
  }
  // whatever a script makes of it: the script itself has it in clear.
  if (isShell && script.commands.concat(script.assignments.map(([, value]) => value)).some((each) => /\{\{resolve:(?:secretsmanager|ssm-secure):/.test(each))) {
    yield `${words} is given a secret in clear text: a dynamic reference is replaced by the secret itself, and user data is shown to everybody who may describe the machine`;
  }
}

/** A URL without a scheme that says what it is for, in a variable whose name does. */
function namedUrl(value: string): string {
  return value.replace(/^[a-z][a-z0-9+.-]{0,30}:\/\//i, 'clickhouse://');
}

const KEY = /(?:^|[^a-z])(?:password|passwd)$|[a-z](?:Password|Passwd)$/;
const HASHED = /(?:^|[^a-z])password_(sha256|double_sha1)_hex$/;
// what names a secret of Kubernetes instead of being one.
const NAMES_A_SECRET = /existingsecret|secretkeys?\b|secretref|secretkeyref|valuefrom|k8s_secret/i;

function* problemsOfEntry({ name, path, text }: Entry, { words, isShell, isServer, variables }: Told): Iterable<string> {
  // variables are judged as such.
  if (variables.has(name) || NAMES_A_SECRET.test(path)) return;
  const what = `${shortened(path)} of ${words}`;
  const [, hash] = HASHED.exec(name) ?? [];
  if (hash !== undefined) yield* problemOfHash(what, hash, text);
  else if (KEY.test(name) || isPasswordVariable(name) || (/clickhouse/i.test(path) && /passw(?:or)?d$/i.test(name))) yield* problem(what, isShell ? passwordIn(text) : passwordGiven(text));
  else if (!isShell && (isServer || /clickhouse/i.test(text))) for (const { value } of urlsIn(text)) yield* problem(`${what}, a URL,`, passwordIn(value));
}

function shortened(path: string): string {
  const words = path.replace(/^\./, '');
  return words.length > 100 ? `…${words.slice(-99)}` : words;
}

function* problem(what: string, password: Password): Iterable<string> {
  switch (password.kind) {
    case 'written':
      yield `${what} has its password in the template`;
      break;
    case 'resolved':
      yield `${what} has its password in clear text: the dynamic reference is replaced by what is in ${password.from}`;
      break;
    case 'passed':
      yield `${what} has its password in clear text, whatever it is: ${password.from}`;
      break;
    case 'empty':
    case 'later':
  }
}

function* problemOfHash(what: string, kind: string, text: string): Iterable<string> {
  const found = judgeHash(kind, text);
  if (found === 'guessed') yield `${what} is the hash of a password that everybody tries first`;
  if (found === 'no hash') yield `${what} is no hash, so perhaps the password itself`;
}

/** Secrets of ClickHouse that hold what the template says instead of what Secrets Manager generates. */
function* secretsWithText(deployment: Deployment): Iterable<Finding> {
  const named = deployment.templates.ofType('AWS::SecretsManager::Secret').filter((secret) => property(secret, 'Name').some((name) => /clickhouse/i.test(literalText(name))));
  for (const secret of new Set([...secretsOf(deployment), ...named])) {
    const texts = property(secret, 'SecretString').flatMap(textsOf);
    if (texts.some(isPasswordText)) yield finding(secret, `secret ${secret.logicalId} of ClickHouse holds a password that stands in the template`, { location: 'Properties.SecretString', fix: 'use GenerateSecretString instead of SecretString' });
  }
}

/** Whether the text of a secret has a password that is known here: as a field of JSON, or all of it. */
function isPasswordText(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isDictionary(parsed)) return Object.entries(parsed).some(([key, value]) => /passw(?:or)?d$/i.test(key) && (typeof value === 'string' || typeof value === 'number') && passwordGiven(String(value)).kind === 'written');
  } catch {
    // a plain text.
  }
  return passwordGiven(text).kind === 'written';
}

// a password, and not its length, nor where it is.
const PARAMETER = /clickhouse.{0,100}passw(?:or)?d(?!.{0,100}(?:length|size|secret|arn|name|param|path|file|key))/i;

/** NoEcho keeps a value out of what CloudFormation shows, but a default stands in the template all the same. */
function* parametersWithDefault({ templates }: TemplateSet): Iterable<Finding> {
  for (const { path, parameters, parent } of templates) {
    // what a parent gives counts before it, and is found where it is used.
    if (parent !== undefined) continue;
    for (const [name, declared] of Object.entries(parameters)) {
      if (!PARAMETER.test(name.slice(0, 255)) || !isDictionary(declared) || String(declared.Type).startsWith('AWS::SSM::')) continue;
      const { Default: value } = declared;
      if ((typeof value !== 'string' && typeof value !== 'number') || passwordGiven(String(value)).kind !== 'written') continue;
      yield { template: path, logicalId: name, location: 'Default', message: `parameter ${name} has a password as its default`, fix: 'remove the default, or better the parameter: let Secrets Manager generate the password' };
    }
  }
}

