import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { LiveReport } from '../../config/report';
import { readReport, renderReport, reportKey } from '../../config/report';
import { patience } from '../../sdk';

/** Objects that are too large for memory, and the node's own report. */
export interface Objects {
  /** the content of an object in pieces; fails rather than end early. Nobody's word about it is taken: whoever reads compares the hash. */
  objectStream(bucket: string, key: string): AsyncIterable<Uint8Array>;
  /** says which live manifest this node runs. */
  putReport(bucket: string, node: string, report: LiveReport): Promise<void>;
}

/** A piece may take a while, and silence may not: the time is that until the answer begins, and then that between two pieces. */
const CLIENT = patience(3, 15_000);

/**
 * Objects in S3.
 *
 * The report is encrypted because the bucket does that by default with its key; the node's role needs s3:PutObject on its own report and
 * kms:GenerateDataKey on that key through S3 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html), and to read, s3:GetObject and kms:Decrypt.
 * It may not list, so an object that is not there is `AccessDenied` and not `NoSuchKey`
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
 */
export function objects(region: string, client: Pick<S3Client, 'send'> = new S3Client({ ...CLIENT, region })): Objects {
  return {
    async *objectStream(bucket, key) {
      // the SDK compares the checksum that S3 keeps with every object that was uploaded whole.
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (Body === undefined) throw new Error(`S3 answered without a body for ${key}`);
      // on Node.js the body is a stream (https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/client/s3/command/GetObjectCommand/).
      yield* Body as AsyncIterable<Uint8Array>;
    },
    async putReport(bucket, node, report) {
      const text = renderReport(report);
      if (readReport(text) === undefined) throw new Error(`a report must have the SHA-256 of a live manifest and an instant in UTC, got ${text}`);
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: reportKey(node), Body: text, ContentType: 'application/json' }));
    },
  };
}
