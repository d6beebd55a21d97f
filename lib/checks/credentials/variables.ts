import type { Script } from '../scripts';

/** Variables that a container or a script is given: by name, each text that it may be. */
export type Variables = ReadonlyMap<string, readonly string[]>;

// NAME=value and NAME: value, as docker, compose, systemd, shells and .env files have them; "$NAME" = "" and ${NAME:-x} are questions.
const SETTING = /(?<![$\w]|\$\{)((?:[A-Z0-9]{1,40}_){0,4}CLICKHOUSE_[A-Z0-9_]{1,80}|ALLOW_EMPTY_PASSWORD)["']?(?:=(?![=~])|[ \t]{0,20}:[ \t]{0,20})("[^"\n]{0,500}"|'[^'\n]{0,500}'|[^\s"',;|&]{0,500})/g;

/** The variables for ClickHouse in a script, as far as the script itself gives them their values. */
export function variablesIn({ commands, assignments }: Script): Variables {
  const found = new Map<string, Set<string>>();
  const add = (name: string, value: string): void => {
    const values = found.get(name) ?? new Set<string>();
    found.set(name, values.add(value));
  };
  for (const [name, value] of assignments) if (/CLICKHOUSE_|^ALLOW_EMPTY_PASSWORD$/.test(name)) add(name, value);
  for (const command of commands) {
    if (!/CLICKHOUSE_|ALLOW_EMPTY/.test(command)) continue;
    for (const [, name = '', value = ''] of command.matchAll(SETTING)) add(name, unquoted(value));
  }
  return new Map([...found].map(([name, values]) => [name, [...values]]));
}

/** A value without its quotes, and without what closes a list or an object behind it. */
export function unquoted(value: string): string {
  const inner = /^(["'])([^]*)\1$/.exec(value)?.[2];
  return inner ?? (value.includes('{{') ? value : value.replace(/[}\]]+$/, ''));
}
