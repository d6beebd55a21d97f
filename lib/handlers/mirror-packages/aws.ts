import { createHash } from 'node:crypto';
import type * as sdk from '@aws-sdk/client-s3';
import { patience, unless } from '../../sdk';
import { MirrorFailure } from './failure';
import type { PackageStore } from './world';

/** A part takes longer than the small calls of others, and so does putting hundreds of parts together. */
export const CLIENT = patience(5, 60_000);

// what is written here has a few thousand bytes; anything else is not from here.
const LARGEST_TEXT = 16_384;

/** S3. */
export function packageStore(s3: typeof sdk, client: Pick<sdk.S3Client, 'send'>, bucket: string): PackageStore {
  return {
    async head(key) {
      const answer = await client.send(new s3.HeadObjectCommand({ Bucket: bucket, Key: key })).catch(unless('NotFound'));
      return answer === undefined ? undefined : { size: answer.ContentLength ?? -1, sha256: answer.Metadata?.sha256 };
    },
    async unfinished(key) {
      const ids: string[] = [];
      let page: sdk.ListMultipartUploadsCommandOutput | undefined;
      do {
        page = await client.send(new s3.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key, KeyMarker: page?.NextKeyMarker, UploadIdMarker: page?.NextUploadIdMarker }));
        for (const { Key, UploadId } of page.Uploads ?? []) if (Key === key && UploadId !== undefined) ids.push(UploadId);
      } while (page.IsTruncated);
      return ids;
    },
    async begin(key, sha256) {
      // every part carries its own digest, which S3 compares; that of the whole file was compared here and is kept beside it
      // (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html: SHA-256 of a whole object only when it has one part).
      const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket: bucket, Key: key, Metadata: { sha256 }, ChecksumAlgorithm: 'SHA256', ContentType: 'application/x-rpm' }));
      if (UploadId === undefined) throw new MirrorFailure('CallFailed', 'CreateMultipartUpload answered without an id');
      return UploadId;
    },
    async put(key, upload, number, content) {
      const sha256 = createHash('sha256').update(content).digest('base64');
      const { ETag = '' } = await client.send(new s3.UploadPartCommand({ Bucket: bucket, Key: key, UploadId: upload, PartNumber: number, Body: content, ContentLength: content.length, ChecksumSHA256: sha256 }));
      return { number, etag: ETag, sha256 };
    },
    async complete(key, upload, parts) {
      const Parts = parts.map(({ number, etag, sha256 }) => ({ PartNumber: number, ETag: etag, ChecksumSHA256: sha256 }));
      // conditional writes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
      await client.send(new s3.CompleteMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: upload, MultipartUpload: { Parts }, IfNoneMatch: '*' }));
    },
    async abort(key, upload) {
      await client.send(new s3.AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: upload })).catch(unless('NoSuchUpload'));
    },
    async read(key) {
      const answer = await client.send(new s3.GetObjectCommand({ Bucket: bucket, Key: key })).catch(unless('NoSuchKey'));
      if ((answer?.ContentLength ?? 0) > LARGEST_TEXT) throw new MirrorFailure('UnfitObject', `the object ${key} has ${answer?.ContentLength ?? 0} bytes; it is not from here, delete it`);
      return answer?.Body?.transformToString();
    },
    async write(key, text) {
      await client.send(new s3.PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: 'application/json' }));
    },
  };
}
