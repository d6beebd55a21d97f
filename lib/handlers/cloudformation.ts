import { request } from 'node:https';

/**
 * The custom resource protocol, small enough to be read whole.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
 */
export interface CloudFormationEvent<Properties> {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly RequestId: string;
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly LogicalResourceId: string;
  /** absent on creation. */
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Properties;
}

/** What a handler answers with. */
export interface Outcome {
  readonly physicalResourceId: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Where the answer goes; replaced in tests. */
export type Respond = (url: string, body: string) => Promise<void>;

// an answer over 4,096 bytes is refused and the stack would wait for an hour
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html).
const LARGEST_ANSWER = 4096;
const LARGEST_REASON = 1024;

/**
 * Turns a function into a custom resource handler that always answers.
 *
 * A failed creation is answered with {@link NOTHING_CREATED}, for which a later deletion is answered without calling the function:
 * CloudFormation deletes what it failed to create, and there is nothing there. A function that can fail half way says so by giving the id
 * that its creations will have; then it is called to clean up.
 */
export function customResource<Properties>(
  act: (event: CloudFormationEvent<Properties>) => Promise<Outcome>,
  { idOfNew = () => NOTHING_CREATED, respond = put }: { idOfNew?: (properties: Properties) => string; respond?: Respond } = {},
): (event: CloudFormationEvent<Properties>) => Promise<void> {
  return async (event) => {
    const same = { StackId: event.StackId, RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId };
    const answer = async (): Promise<string> => {
      if (event.RequestType === 'Delete' && event.PhysicalResourceId === NOTHING_CREATED) {
        return JSON.stringify({ ...same, Status: 'SUCCESS', PhysicalResourceId: NOTHING_CREATED });
      }
      const { physicalResourceId, data } = await act(event);
      const body = JSON.stringify({ ...same, Status: 'SUCCESS', PhysicalResourceId: physicalResourceId, Data: data });
      if (Buffer.byteLength(body) > LARGEST_ANSWER) throw new Error(`the answer has ${Buffer.byteLength(body)} bytes, CloudFormation takes ${LARGEST_ANSWER}`);
      return body;
    };
    const failed = (error: unknown): string => {
      const reason = error instanceof Error ? error.message : String(error);
      log('failed', { requestType: event.RequestType, logicalResourceId: event.LogicalResourceId, reason });
      return JSON.stringify({
        ...same,
        Status: 'FAILED',
        PhysicalResourceId: event.PhysicalResourceId ?? idOfNew(event.ResourceProperties),
        Reason: reason.slice(0, LARGEST_REASON),
      });
    };
    await respond(event.ResponseURL, await answer().catch(failed));
  };
}

/** The physical id of a resource whose creation failed. */
export const NOTHING_CREATED = 'nothing-created';

/** One structured line. */
export function log(message: string, fields: Readonly<Record<string, string | number>>): void {
  process.stdout.write(JSON.stringify({ message, ...fields }) + '\n');
}

function put(url: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // the pre-signed address is signed without a content type.
    const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'PUT', headers, timeout: 30_000 }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`CloudFormation did not take the answer: HTTP ${response.statusCode}`)),
      );
    });
    sent.on('timeout', () => sent.destroy(new Error('CloudFormation did not take the answer within 30 s')));
    sent.on('error', reject);
    sent.end(body);
  });
}
