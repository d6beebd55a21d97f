import type { IConstruct } from 'constructs';
import { ConfigurationError } from './config/error';

/** Bad input to a construct. The message ends with the construct path, so that it can be found in an app of any size. */
export class ConstructError extends Error {
  readonly code: string;
  readonly constructPath: string;

  constructor(code: string, message: string, scope: IConstruct) {
    super(`${message} [${scope.node.path}]`);
    this.name = 'ConstructError';
    this.code = code;
    this.constructPath = scope.node.path;
  }
}

/** Runs a pure function and adds the construct path to what it refuses. */
export function at<T>(scope: IConstruct, pure: () => T): T {
  try {
    return pure();
  } catch (error) {
    if (error instanceof ConfigurationError) throw new ConstructError(error.code, error.message, scope);
    throw error;
  }
}
