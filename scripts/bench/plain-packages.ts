// The packages of ClickHouse in the bucket, written by hand: the part of plain-app.ts that is about them.
import { CustomResource, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { plainFunction } from './plain-function';

const ATTRIBUTES = { server: ['ClickhouseCommonStatic', 'ClickhouseServer', 'ClickhouseClient'], keeper: ['ClickhouseKeeper'] } as const;

export interface PlainPackagesProps {
  readonly version: string;
  readonly bucket: s3.IBucket;
  readonly key: kms.IKey;
  readonly bundle: string;
  readonly after: CustomResource;
}

/** What brings the packages into the bucket. */
export class PlainPackages extends Construct {
  public readonly mirrored: CustomResource;

  constructor(scope: Construct, id: string, { version, bucket, key, bundle, after }: PlainPackagesProps) {
    super(scope, id);
    const [mirror] = plainFunction(
      this,
      'Mirror',
      'Brings the packages of ClickHouse into the bucket',
      bundle,
      key,
      [
        new iam.PolicyStatement({ actions: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'], resources: [bucket.arnForObjects('packages/*')] }),
        new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn], conditions: { StringLikeIfExists: { 's3:prefix': 'packages/*' } } }),
        new iam.PolicyStatement({ actions: ['s3:ListBucketMultipartUploads'], resources: [bucket.bucketArn] }),
        new iam.PolicyStatement({
          actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
          resources: [key.keyArn],
          conditions: { StringEquals: { 'kms:ViaService': `s3.${Stack.of(this).region}.amazonaws.com` } },
        }),
      ],
      Duration.minutes(15),
    );
    this.mirrored = new CustomResource(this, 'Mirrored', {
      resourceType: 'Custom::ClickHousePackages',
      serviceToken: mirror.functionArn,
      serviceTimeout: Duration.hours(1),
      properties: {
        Version: version,
        Architectures: ['aarch64'],
        Packages: ['clickhouse-common-static', 'clickhouse-server', 'clickhouse-client', 'clickhouse-keeper'],
        Bucket: bucket.bucketName,
        Prefix: 'packages',
        Repository: 'https://packages.clickhouse.com/rpm/stable/',
        KeyFingerprint: '3A9EA1193A97B548BE1457D48919F6BD2B48D754',
      },
    });
    this.node.addDependency(after);
  }

  /** Where the packages of a role are, and their hashes. */
  public of(role: 'server' | 'keeper'): { readonly key: string; readonly sha256: string }[] {
    return ATTRIBUTES[role].map((name) => ({ key: this.mirrored.getAttString(`${name}Aarch64Key`), sha256: this.mirrored.getAttString(`${name}Aarch64Sha256`) }));
  }
}
