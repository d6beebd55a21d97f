/**
 * Bad input to the configuration: one clear sentence that says what is wrong, the value got, the value wanted and what to do.
 *
 * The construct layer adds the construct path; the agent and the command line print the message alone.
 */
export class ConfigurationError extends Error {
  /** a short stable name of the kind of mistake, for tests and for searching the documentation. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ConfigurationError';
    this.code = code;
  }
}
