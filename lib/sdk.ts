// What every caller of the AWS SDK does alike, in functions and on nodes.

/**
 * How a client of the SDK waits: a call that hangs would outlive the function, or hold up everybody who comes after.
 *
 * @param maxAttempts how often the client itself tries; what fails for longer is for the caller, who knows how much time is left
 * @param milliseconds how long one request may take
 */
export function patience(maxAttempts: number, milliseconds = 5_000): { readonly maxAttempts: number; readonly requestHandler: Readonly<Record<string, number | boolean>> } {
  return {
    maxAttempts,
    // without the last, a request that takes too long is only warned about (https://github.com/smithy-lang/smithy-typescript/blob/main/packages/node-http-handler/src/set-request-timeout.ts).
    requestHandler: { connectionTimeout: 2_000, requestTimeout: milliseconds, socketTimeout: milliseconds, throwOnRequestTimeout: true },
  };
}

/** For `catch`: an error of this name is the answer `undefined`, any other stays an error. */
export function unless(name: string): (error: unknown) => undefined {
  return (error) => {
    if ((error as { readonly name?: unknown } | undefined)?.name !== name) throw error;
    return undefined;
  };
}

/** The version that has a staging label, of what DescribeSecret tells. */
export function labelled(versions: Readonly<Record<string, readonly string[]>> | undefined, label: string): string | undefined {
  return Object.entries(versions ?? {}).find(([, labels]) => labels.includes(label))?.[0];
}

/** A client whose errors know which call failed: their messages are not repeated, since they may quote what was sent. */
export function naming<Client extends { send(command: never): Promise<unknown> }>(client: Client): Pick<Client, 'send'> {
  const send = async (command: object): Promise<unknown> => {
    try {
      return await client.send(command as never);
    } catch (error) {
      throw error instanceof Error ? Object.assign(error, { call: command.constructor.name.replace(/Command$/, '') }) : error;
    }
  };
  return { send };
}
