import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ListObjectVersionsCommandOutput } from '@aws-sdk/client-s3';
import { DeleteObjectsCommand, ListObjectVersionsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { customResource } from '../cloudformation';
import { movePointer } from '../pointer';
import type { ObjectStore, PublishProperties } from './publish';
import { idOfNew, publish } from './publish';

const s3 = new S3Client({});

/** S3 as an object store. */
export function s3Store(client: S3Client): ObjectStore {
  return {
    async putOnce(bucket, key, content) {
      try {
        // conditional writes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content, IfNoneMatch: '*' }));
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'PreconditionFailed') throw error;
      }
    },
    async *versions(bucket) {
      let page: ListObjectVersionsCommandOutput | undefined;
      do {
        page = await client.send(
          new ListObjectVersionsCommand({ Bucket: bucket, KeyMarker: page?.NextKeyMarker, VersionIdMarker: page?.NextVersionIdMarker }),
        );
        yield [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key = '', VersionId = '' }) => ({ key: Key, versionId: VersionId }));
      } while (page.IsTruncated);
    },
    async deleteVersions(bucket, versions) {
      const objects = versions.map(({ key, versionId }) => ({ Key: key, VersionId: versionId }));
      const { Errors } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: objects, Quiet: true } }));
      const [first] = Errors ?? [];
      if (first) throw new Error(`could not delete '${first.Key}' from the bucket ${bucket}: ${first.Message ?? first.Code}; empty the bucket, then delete the stack again`);
    },
  };
}

/** Custom resource: the cluster's artefacts in the cluster's bucket. */
export const handler = customResource<PublishProperties>(
  (event) => publish(event, s3Store(s3), event.RequestType === 'Delete' ? Buffer.alloc(0) : readFileSync(join(__dirname, 'agent.js')), movePointer),
  { idOfNew },
);
