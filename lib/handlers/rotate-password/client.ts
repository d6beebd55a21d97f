/**
 * How the clients of the SDK wait: a call that hangs would outlive the function. Their own attempts are few, because what fails for longer
 * is tried again by the driver, which keeps to the time that is left.
 */
export const CLIENT = {
  maxAttempts: 3,
  // without the last, a request that takes too long is only warned about (https://github.com/smithy-lang/smithy-typescript/blob/main/packages/node-http-handler/src/set-request-timeout.ts).
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, socketTimeout: 5_000, throwOnRequestTimeout: true },
};
