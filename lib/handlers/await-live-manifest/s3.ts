import type * as sdk from '@aws-sdk/client-s3';
import { reportingNode, reportKey, REPORTS } from '../../config/report';
import { patience } from '../../sdk';
import type { ReportStore } from './await';

// two attempts of at most 7 s fit into the minute that is kept for the answer.
const CLIENT = patience(2);

/** Reports in S3. Listing and reading see every earlier write (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel). */
export function s3Reports({ GetObjectCommand, ListObjectsV2Command, S3Client }: typeof sdk, client: Pick<sdk.S3Client, 'send'> = new S3Client(CLIENT)): ReportStore {
  return {
    async list(bucket) {
      const sizes = new Map<string, number>();
      let page: sdk.ListObjectsV2CommandOutput | undefined;
      do {
        page = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: REPORTS, ContinuationToken: page?.NextContinuationToken }));
        for (const { Key = '', Size = Infinity } of page.Contents ?? []) {
          const node = reportingNode(Key);
          if (node !== undefined) sizes.set(node, Size);
        }
      } while (page.IsTruncated);
      return sizes;
    },
    async read(bucket, node) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: reportKey(node) }));
      return (await Body?.transformToString()) ?? '';
    },
  };
}
