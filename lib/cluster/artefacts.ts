import type { CfnResource } from 'aws-cdk-lib';
import { CustomResource, Duration, Lazy, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { IStringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcards } from '../acknowledge';
import { agentBundle } from '../assets';
import type { Artefact, BootManifest, DocumentTemplate, LiveManifest, NodeRole } from '../config/manifest';
import { packManifest } from '../config/manifest';
import { ConstructError } from '../error';
import { HandlerFunction } from '../handler-function';
import { METADATA_DOCUMENTS } from '../metadata';

/** What {@link Artefacts} needs to know. */
export interface ArtefactsProps {
  readonly key: IKey;
  /** one a role that the cluster has. */
  readonly boot: readonly BootManifest[];
  /** the parameter that names the live manifest. */
  readonly pointer: IStringParameter;
  /** how many Keepers there are; it is fixed when the cluster is created. */
  readonly keepers: number;
  /** where nodes live, one subnet a zone, in order; fixed too. */
  readonly subnetIds: readonly string[];
  /** asked when the template is made: users are declared after the cluster. */
  readonly live: () => LiveText;
}

/** A live manifest, and its text as far as synthesis knows it. */
export interface LiveText {
  readonly manifest: LiveManifest;
  readonly content: string;
}

const MOST_MANIFEST_BYTES = 120_000;

// what an ARN has at most; in the text that is counted it is still a token.
const LONGEST_ARN = 200;

/** An object in the cluster's bucket, named by its hash. */
export interface PublishedObject {
  readonly key: string;
  readonly sha256: string;
}

/**
 * The cluster's own bucket and what nodes fetch from it: the agent and the manifests.
 *
 * The texts travel inside the template, so that what is reviewed is what is stored, and no role reads the bucket of the CDK
 * bootstrap, which holds everybody's code.
 */
export class Artefacts extends Construct {
  public readonly bucket: s3.IBucket;
  public readonly agent: PublishedObject;
  /** the SHA-256 of the live manifest, known at deployment: the ARNs of secrets are in it. */
  public readonly liveSha256: string;
  /** depend on this to find the objects there. */
  public readonly published: CustomResource;

  private readonly bootByRole: ReadonlyMap<NodeRole, PublishedObject>;

  constructor(scope: Construct, id: string, props: ArtefactsProps) {
    super(scope, id);
    const bucket = new s3.Bucket(this, 'Bucket', {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: props.key,
      bucketKeyEnabled: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: true,
      lifecycleRules: [{ noncurrentVersionExpiration: Duration.days(30), abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      // nothing here is data: the publisher empties it, so that a failed first deployment leaves nothing.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(bucket, 'AwsSolutions-S1', 'the bucket holds no data and no secret, only manifests and programs that nodes accept by the SHA-256 in their launch template');
    this.bucket = bucket;
    const boot = props.boot.map((manifest) => ({ role: manifest.role, ...packManifest(manifest) }));
    this.agent = agentBundle();
    this.bootByRole = new Map(boot.map((each) => [each.role, each]));

    const objects = this.bucket.arnForObjects('*');
    const publisher = new HandlerFunction(this, 'Publisher', {
      handler: 'publish-artefacts',
      description: 'Publishes the artefacts of a ClickHouse cluster',
      key: props.key,
      statements: [
        new iam.PolicyStatement({ actions: ['s3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion'], resources: [objects] }),
        new iam.PolicyStatement({ actions: ['s3:ListBucketVersions'], resources: [this.bucket.bucketArn] }),
        new iam.PolicyStatement({ actions: ['kms:GenerateDataKey', 'kms:Decrypt'], resources: [props.key.keyArn] }),
        new iam.PolicyStatement({ actions: ['ssm:PutParameter'], resources: [props.pointer.parameterArn] }),
      ],
    });
    acknowledgeWildcards(publisher.role, { [objects]: 'the publisher writes and empties this one bucket; keys are named by hashes that change' });
    const [refused] = tooLarge(boot, props.live());
    if (refused !== undefined) throw new ConstructError('ManifestSize', refused, this);
    // users are declared later.
    this.node.addValidation({ validate: () => tooLarge(boot, props.live()) });
    const inTemplate = ({ key, sha256, content }: Artefact): Record<string, string> => ({ Key: key, Sha256: sha256, Content: content });
    this.published = new CustomResource(this, 'Published', {
      resourceType: 'Custom::ClickHouseArtefacts',
      serviceToken: publisher.functionArn,
      properties: {
        Bucket: this.bucket.bucketName,
        Manifests: boot.map(inTemplate),
        Live: Lazy.string({ produce: () => props.live().content }),
        Agent: { Key: this.agent.key, Sha256: this.agent.sha256 },
        Pointer: props.pointer.parameterName,
        Keepers: String(props.keepers),
        Subnets: props.subnetIds,
      },
    });
    // the bucket's policy outlives the publisher's last call.
    this.published.node.addDependency(this.bucket);
    this.liveSha256 = this.published.getAttString('LiveSha256');
    annotate(this.published, props);
  }

  /** The boot manifest of a role. */
  public boot(role: NodeRole): PublishedObject {
    const published = this.bootByRole.get(role);
    if (!published) throw new ConstructError('NoManifest', `there is no boot manifest for a ${role}`, this);
    return published;
  }
}

/**
 * A custom resource is told its new and its old properties in one asynchronous call of at most 256 KB.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
function tooLarge(boot: readonly Artefact[], { manifest, content: live }: LiveText): string[] {
  const contents = [...boot.map(({ content }) => content), live];
  const bytes = contents.reduce((sum, content) => sum + Buffer.byteLength(JSON.stringify(content)), 0) + LONGEST_ARN * manifest.users.length;
  if (bytes <= MOST_MANIFEST_BYTES) return [];
  return [`the manifests of the cluster have ${bytes} bytes, at most ${MOST_MANIFEST_BYTES} can be published; shorten the extra documents, declare fewer users, or make two clusters`];
}

/** Puts every document into the template's metadata, a line an entry, so that `cdk diff` shows a change the way a reviewer reads it. */
function annotate(published: CustomResource, { boot, live }: ArtefactsProps): void {
  const byPath = (documents: readonly DocumentTemplate[]): Record<string, string[]> => Object.fromEntries(documents.map(({ path, template }) => [path, template.trimEnd().split('\n')]));
  const all = (): Record<string, string[]> => {
    const { manifest } = live();
    return byPath([...boot.flatMap(({ documents }) => documents), ...manifest.documents, ...manifest.users]);
  };
  (published.node.defaultChild as CfnResource).addMetadata(METADATA_DOCUMENTS, Lazy.any({ produce: all }));
}
