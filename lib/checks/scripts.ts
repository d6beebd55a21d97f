// longer values are no names of packages or images, and two of them may not double each other for ever.
const LONGEST = 500;

const ASSIGNMENT = /^\s*(?:(?:export|readonly|local|declare)\s+)?([A-Za-z_]\w*)=(?:"([^"`]*)"|'([^']*)'|([^\s"'`;&|()]*))\s*$/;

/** A start-up script as far as it can be told what it does. */
export interface Script {
  readonly commands: readonly string[];
  /** the variables that it gives a value, each time it does. */
  readonly assignments: ReadonlyArray<readonly [name: string, value: string]>;
}

/**
 * What a start-up script does, a command each: without comments, lines that go on joined, and variables filled in that the script itself
 * gives a value before. What is computed stays as it is written, `$` and all.
 */
export function readScript(script: string): Script {
  const variables = new Map<string, string>();
  const assignments: Array<readonly [string, string]> = [];
  const fill = (text: string): string =>
    text.replace(/\$\{(\w+)(?::?-([^{}]*))?\}|\$(\w+)/g, (whole: string, braced?: string, otherwise?: string, plain?: string) => variables.get(braced ?? plain ?? '') ?? otherwise ?? whole);
  const text = script.replace(/^[ \t]*#(?!!).*$/gm, '').replace(/\\\r?\n/g, ' ');
  // cfn-init has its commands in JSON, where a quote and a comma or a brace end one.
  const commands = text.split(/\r?\n|;|&&|\|\||"\s*[,}]/).flatMap((each) => {
    const [, name, ...values] = ASSIGNMENT.exec(each) ?? [];
    if (name === undefined) return each.trim() === '' ? [] : [fill(each)];
    const value = fill(values.find((quoted) => quoted !== undefined) ?? '');
    if (value.length <= LONGEST) variables.set(name, value);
    else variables.delete(name);
    if (value.length <= LONGEST) assignments.push([name, value]);
    return [];
  });
  return { commands, assignments };
}

/** The commands alone. */
export function commandsOf(script: string): readonly string[] {
  return readScript(script).commands;
}
