import { createServer, request as plainRequest } from 'node:http';
import type { CloudFormationEvent } from '../../lib/handlers/cloudformation';
import type * as handlers from '../../lib/handlers/cloudformation';
import { customResource, NOTHING_CREATED } from '../../lib/handlers/cloudformation';

interface Answer {
  readonly Status: string;
  readonly PhysicalResourceId: string;
  readonly Reason?: string;
  readonly Data?: Record<string, string>;
  readonly RequestId: string;
}

const event = (fields: Partial<CloudFormationEvent<object>> = {}): CloudFormationEvent<object> => ({
  RequestType: 'Create',
  RequestId: 'request-1',
  ResponseURL: 'https://answers.invalid/1',
  StackId: 'arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1',
  LogicalResourceId: 'Thing',
  ResourceProperties: {},
  ...fields,
});

async function answerTo(act: Parameters<typeof customResource>[0], fields: Partial<CloudFormationEvent<object>> = {}, idOfNew?: () => string): Promise<Answer> {
  const answers: Answer[] = [];
  await customResource(act, {
    idOfNew,
    respond: (_, body) => {
      answers.push(JSON.parse(body) as Answer);
      return Promise.resolve();
    },
  })(event(fields));
  expect(answers).toHaveLength(1);
  return answers[0];
}

beforeEach(() => jest.spyOn(process.stdout, 'write').mockImplementation(() => true));
afterEach(() => jest.restoreAllMocks());

test('answers with the physical id and the data', async () => {
  const answer = await answerTo(() => Promise.resolve({ physicalResourceId: 'p-1', data: { Value: 'v' } }));
  expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'p-1', Data: { Value: 'v' }, RequestId: 'request-1' });
});

test('a throwing function is answered as a failure with its reason, not left to time out', async () => {
  const answer = await answerTo(() => Promise.reject(new Error('the region has no such thing')));
  expect(answer).toMatchObject({ Status: 'FAILED', Reason: 'the region has no such thing', PhysicalResourceId: NOTHING_CREATED });
});

test('a failed update keeps the physical id, or CloudFormation would delete what still serves', async () => {
  const answer = await answerTo(() => Promise.reject(new Error('no')), { RequestType: 'Update', PhysicalResourceId: 'p-1' });
  expect(answer.PhysicalResourceId).toBe('p-1');
});

test('deleting what was never created succeeds without acting', async () => {
  const act = jest.fn();
  const answer = await answerTo(act, { RequestType: 'Delete', PhysicalResourceId: NOTHING_CREATED });
  expect(answer.Status).toBe('SUCCESS');
  expect(act).not.toHaveBeenCalled();
});

test('a function that may fail half way is called to clean up after a creation that failed', async () => {
  const half = await answerTo(() => Promise.reject(new Error('half way')), {}, () => 'the-id');
  expect(half).toMatchObject({ Status: 'FAILED', PhysicalResourceId: 'the-id' });
  const clean = jest.fn(() => Promise.resolve({ physicalResourceId: 'the-id' }));
  await answerTo(clean, { RequestType: 'Delete', PhysicalResourceId: half.PhysicalResourceId });
  expect(clean).toHaveBeenCalledTimes(1);
});

test('an answer over 4,096 bytes is a failure that says so', async () => {
  const answer = await answerTo(() => Promise.resolve({ physicalResourceId: 'p', data: { Value: 'x'.repeat(5000) } }));
  expect(answer.Status).toBe('FAILED');
  expect(answer.Reason).toContain('4096');
});

test('a long reason is cut so that the failure itself can be answered', async () => {
  const answer = await answerTo(() => Promise.reject(new Error('y'.repeat(9000))));
  expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThan(4096);
});

test('the answer is put to the address without a content type, which the signature does not cover', async () => {
  const seen: { method?: string; type?: string; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ method: request.method, type: request.headers['content-type'], body });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    // the handler only speaks https; swapping the module's transport for plain http on loopback shows the request it makes.
    jest.resetModules();
    jest.doMock('node:https', () => ({ request: plainRequest }));
    const { customResource: real } = jest.requireActual<typeof handlers>('../../lib/handlers/cloudformation');
    await real(() => Promise.resolve({ physicalResourceId: 'p-1' }))(event({ ResponseURL: `http://127.0.0.1:${port}/answer` }));
  } finally {
    jest.dontMock('node:https');
    await new Promise((resolve) => server.close(resolve));
  }
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({ method: 'PUT', type: '' });
  expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'p-1' });
});
