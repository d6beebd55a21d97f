import { withoutComments } from '../credentials/in-text';
import type { Told } from '../credentials/model';
import { reasonIn } from '../credentials/marks';
import { installedOpen, operatorUsers, statementsIn } from '../credentials/open-doors';
import { toldIn } from '../credentials/told';
import type { Variables } from '../credentials/variables';
import { isReachable, usersIn } from '../credentials/users';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';

/**
 * Only of servers. Whoever is let in from the machine itself alone is nobody's concern: that is what the official image makes of `default`
 * where no variable is set (https://github.com/ClickHouse/ClickHouse/blob/master/docker/server/entrypoint.sh), and what the packages do
 * until somebody changes `listen_host`.
 */
export const noAuthentication: Rule = {
  id: 'ClickHouse-NoAuthentication',
  severity: 'error',
  info: 'a ClickHouse lets in whoever reaches it, without a password',
  explanation: 'Then the network is all that protects the data, and one machine inside of it, or one wrong rule, is enough: that is how more than a million log rows of DeepSeek were read in January 2025. With access management such a visitor makes users of his own.',
  fix: 'give every user a password from a secret: CLICKHOUSE_PASSWORD in Secrets of the container, a hash that the machine writes from get-secret-value, secretKeyRef in Kubernetes; remove the user default',
  link: 'https://clickhouse.com/docs/operations/settings/settings-users',
  *check(deployment: Deployment): Iterable<Finding> {
    for (const told of toldIn(deployment)) {
      if (!told.isServer) continue;
      for (const message of new Set(problemsOf(told))) yield finding(told.resource, message, { location: told.location });
    }
  },
};

function* problemsOf(told: Told): Iterable<string> {
  const { words, script, entries, isShell } = told;
  yield* problemsOfVariables(told);
  const text = script.commands.join('\n');
  for (const { name, open, networks } of usersIn(text)) {
    if (open === undefined || !isReachable(networks)) continue;
    yield `${words} configures user ${name.slice(0, 100)} with ${open}, ${networks === undefined ? 'from everywhere' : `from ${networks.slice(0, 5).join(', ').slice(0, 200)}`}`;
  }
  for (const user of statementsIn(withoutComments(text))) yield `${words} makes user ${user} without a password`;
  for (const { user, why } of operatorUsers(entries)) yield `${words} configures user ${user} with ${why}`;
  if (isShell && installedOpen(script)) yield `${words} installs ClickHouse without asking for a password and lets it listen on every address, so that user default is open to all of them`;
}

const PASSWORDS = ['CLICKHOUSE_PASSWORD', 'CLICKHOUSE_DEFAULT_PASSWORD', 'CLICKHOUSE_ADMIN_PASSWORD'];
const OFF = /^(?:0|false|no|off)?$/i;
const ON = /^(?:1|true|yes|on)$/i;

/** What the official image and Bitnami's make of their variables. https://hub.docker.com/r/clickhouse/clickhouse-server */
function* problemsOfVariables({ words, variables, secrets, more, hasConfiguration, isShell, script }: Told): Iterable<string> {
  const values = (name: string): readonly string[] => variables.get(name) ?? [];
  const isEmpty = (name: string): boolean => {
    const given = values(name).map((each) => each.trim());
    // a script may set one before it knows the value; of a container each is a branch.
    return !secrets.has(name) && given.length > 0 && (isShell ? given.every((each) => each === '') : given.includes(''));
  };
  for (const name of PASSWORDS) if (isEmpty(name)) yield `${words} has an empty password: ${name} is empty`;

  const hasPassword = PASSWORDS.some((name) => hasValue(name, variables, secrets) || hasValue(`${name}_FILE`, variables, secrets));
  // -e NAME without a value, "$NAME", a file of variables: whoever runs the script knows.
  const handedOn = isShell && script.commands.some((each) => /CLICKHOUSE_(?:ADMIN_)?PASSWORD(?!\w{0,40}["']?[ \t]{0,20}[=:])|--env-file|env_file/.test(each));
  for (const value of values('CLICKHOUSE_SKIP_USER_SETUP')) {
    // somebody who mounts a configuration has written the users there.
    if (OFF.test(value.trim()) || hasConfiguration) continue;
    yield reasonIn(value) === undefined ? `${words} has no password: CLICKHOUSE_SKIP_USER_SETUP leaves user default as the image has it, open to every address` : unknown(words, `CLICKHOUSE_SKIP_USER_SETUP: ${reasonIn(value) ?? ''}`);
  }
  if (hasPassword || handedOn) return;
  const opening: string[] = [];
  const unclear: string[] = [];
  const note = (name: string, opens: (value: string) => boolean, words: string): void => {
    for (const value of values(name)) {
      if (!opens(value.trim())) continue;
      const reason = reasonIn(value) ?? more;
      if (reason === undefined) opening.push(words);
      else unclear.push(`${name}: ${reason}`);
    }
  };
  note('CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT', (value) => !/^0?$/.test(value), 'CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT makes a user that is open to every address and may make others');
  note('CLICKHOUSE_USER', (value) => value !== '' && value !== 'default', 'CLICKHOUSE_USER makes a user that is open to every address');
  note('ALLOW_EMPTY_PASSWORD', (value) => ON.test(value) || reasonIn(value) !== undefined, 'ALLOW_EMPTY_PASSWORD is on');
  if (opening[0] !== undefined) yield `${words} has no password: ${opening[0]}`;
  else if (unclear[0] !== undefined) yield unknown(words, unclear[0]);
}

function unknown(words: string, reason: string): string {
  return `whether ${words} has a password cannot be told at synthesis, ${reason}`;
}

function hasValue(name: string, variables: Variables, secrets: Told['secrets']): boolean {
  return secrets.has(name) || (variables.get(name) ?? []).some((each) => each.trim() !== '');
}
