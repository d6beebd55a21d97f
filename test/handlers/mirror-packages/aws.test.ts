import { createHash } from 'node:crypto';
import * as sdk from '@aws-sdk/client-s3';
import { packageStore } from '../../../lib/handlers/mirror-packages/aws';
import { named } from './bucket';

// what moto does not do: it answers with everything at once, and compares no digest of a part. The rest is in moto.test.ts.

/** A client that has these answers, one after the other. */
function scripted(...answers: readonly (object | Error)[]): { readonly client: Pick<sdk.S3Client, 'send'>; readonly sent: { readonly name: string; readonly input: object }[] } {
  const sent: { name: string; input: object }[] = [];
  const send = (command: { readonly input: object }): Promise<object> => {
    const answer = answers[sent.length] ?? {};
    sent.push({ name: command.constructor.name, input: command.input });
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { client: { send }, sent };
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
test('every page of the unfinished uploads is read, and those to longer keys are not ours', async () => {
  const { client, sent } = scripted(
    { IsTruncated: true, NextKeyMarker: 'a', NextUploadIdMarker: '1', Uploads: [{ Key: 'a', UploadId: '1' }] },
    { IsTruncated: true, NextKeyMarker: 'a', NextUploadIdMarker: '2', Uploads: [{ Key: 'a', UploadId: '2' }, { Key: 'ab', UploadId: '3' }] },
    { IsTruncated: false },
  );
  expect(await packageStore(sdk, client, 'artefacts').unfinished('a')).toEqual(['1', '2']);
  expect(sent.map(({ input }) => input)).toEqual([{ Bucket: 'artefacts', Prefix: 'a' }, { Bucket: 'artefacts', Prefix: 'a', KeyMarker: 'a', UploadIdMarker: '1' }, { Bucket: 'artefacts', Prefix: 'a', KeyMarker: 'a', UploadIdMarker: '2' }]);
});

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html
test('a part carries its digest, and so does the list of parts', async () => {
  const { client, sent } = scripted({ ETag: '"e"' }, {});
  const store = packageStore(sdk, client, 'artefacts');
  const content = Buffer.from('a part');
  const ChecksumSHA256 = createHash('sha256').update(content).digest('base64');
  await store.complete('k', 'u', [await store.put('k', 'u', 7, content)]);
  expect(sent).toMatchObject([
    { name: 'UploadPartCommand', input: { PartNumber: 7, ChecksumSHA256, ContentLength: 6 } },
    { name: 'CompleteMultipartUploadCommand', input: { IfNoneMatch: '*', MultipartUpload: { Parts: [{ PartNumber: 7, ETag: '"e"', ChecksumSHA256 }] } } },
  ]);
});

test.each(['head', 'read'] as const)('%s: what may not be seen is not what is not there', async (call) => {
  const store = packageStore(sdk, scripted(named('AccessDenied')).client, 'artefacts');
  await expect(store[call]('k')).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('an upload without an id is an error', async () => {
  await expect(packageStore(sdk, scripted({}).client, 'artefacts').begin('k', 'x')).rejects.toMatchObject({ name: 'CallFailed' });
});
