import { CustomResource, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IDependable } from 'constructs';
import { Construct } from 'constructs';
import { acknowledgeWildcards } from '../acknowledge';
import type { NodeRole } from '../config/manifest';
import { isSha256 } from '../config/report';
import { ConstructError } from '../error';
import { HandlerFunction } from '../handler-function';

/** Options of `ClickHousePackages.official`. */
export interface OfficialPackagesOptions {
  /**
   * The SHA-256 of package files by name, such as `clickhouse-server-26.8.36.3.aarch64.rpm`. A file that has another one is refused, whoever
   * signed for it. They belong to one version: change both together.
   *
   * @default - what the repository's signed metadata says
   */
  readonly digests?: { [fileName: string]: string };

  /**
   * The address of the RPM repository: HTTPS, ending with a slash.
   *
   * @default 'https://packages.clickhouse.com/rpm/stable/'
   */
  readonly repository?: string;

  /**
   * The whole fingerprint of the key that the repository's metadata must be signed with: 40 or 64 hexadecimal digits, spaces do not matter.
   *
   * @default - the key of ClickHouse. When `digests` names every file, none: the digests alone decide, and no metadata is read
   */
  readonly signingKeyFingerprint?: string;
}

/** Options of `ClickHousePackages.fromBucket`. */
export interface BucketPackagesOptions {
  /**
   * What the keys of the files begin with, without a slash at either end.
   *
   * @default - the files lie at the top of the bucket
   */
  readonly prefix?: string;

  /**
   * The SHA-256 of every file that nodes install, by name, such as `clickhouse-server-26.8.36.3.aarch64.rpm`. Nodes may read exactly these
   * objects. Leave the files of the old version in the list while you deploy a new one: a node that is replaced meanwhile installs the old.
   */
  readonly digests: { [fileName: string]: string };
}

type Architecture = 'aarch64' | 'x86_64';

/** What packages a cluster needs. */
export interface PackageNeeds {
  readonly version: string;
  /** the roles that the cluster has, what each runs on, and whether an image was given for it. */
  readonly machines: readonly { readonly role: NodeRole; readonly architecture: Architecture; readonly ownImage: boolean }[];
}

/** Where packages are brought to. */
export interface PackageStore {
  readonly bucket: IBucket;
  readonly key: IKey;
  /** empties the bucket when the cluster goes. */
  readonly published: IDependable;
}

/** What a node of a role installs. */
export interface NodePackages {
  /** absent when the machine image has brought ClickHouse. */
  readonly bucketName?: string;
  readonly objects: readonly { readonly key: string; readonly sha256: string }[];
  /** objects that the node may read, as ARNs. */
  readonly readable: readonly string[];
  /** those of them with a wildcard, and why it cannot be narrower. */
  readonly wildcards: Readonly<Record<string, string>>;
  /** the key that they are encrypted with, when it is not the cluster's. */
  readonly key?: IKey;
}

/** Packages that have a source, and what must be there before a node starts. */
export interface ProvidedPackages {
  readonly of: (role: NodeRole) => NodePackages;
  readonly ready: readonly Construct[];
}

type Provide = (scope: Construct, store: PackageStore) => ProvidedPackages;
type Plan = (scope: Construct, needs: PackageNeeds) => Provide;

const REPOSITORY = 'https://packages.clickhouse.com/rpm/stable/';

// what ClickHouse's own images ask for (https://github.com/ClickHouse/ClickHouse/blob/master/docker/server/Dockerfile.ubuntu).
const FINGERPRINT = '3A9EA1193A97B548BE1457D48919F6BD2B48D754';

/** Keys in the cluster's own bucket begin with it. */
const OWN_PREFIX = 'packages';

// the server's and the client's package need the first of the exact same version; the Keeper's needs none and cannot be beside the server's
// (https://github.com/ClickHouse/ClickHouse/tree/master/packages: `depends` and `conflicts`).
const OF_ROLE: Readonly<Record<NodeRole, readonly string[]>> = {
  server: ['clickhouse-common-static', 'clickhouse-server', 'clickhouse-client'],
  keeper: ['clickhouse-keeper'],
};

/**
 * Where the packages of ClickHouse come from. Nodes have no way to the internet, and install what has the SHA-256 that is in their launch
 * template, or what their machine image has brought.
 */
export class ClickHousePackages {
  /**
   * The packages that ClickHouse publishes. A deployment brings those of the cluster's version into the cluster's own bucket, once, after it has
   * verified them: with the repository's metadata, signed by a key with a known fingerprint, with digests that you give, or with both.
   */
  public static official(options: OfficialPackagesOptions = {}): ClickHousePackages {
    return new ClickHousePackages((scope, needs) => official(scope, needs, options));
  }

  /** Packages that you have put into a bucket of this account and region. Nothing outside of the account is asked. */
  public static fromBucket(bucket: IBucket, options: BucketPackagesOptions): ClickHousePackages {
    return new ClickHousePackages((scope, needs) => fromBucket(scope, needs, bucket, options));
  }

  /**
   * The machine images have the packages in them, of exactly the cluster's version: that of servers `clickhouse-common-static`, `clickhouse-server` and
   * `clickhouse-client`, that of Keepers `clickhouse-keeper`. The two exclude each other, so there are two images. Nodes refuse to start with another version.
   */
  public static preinstalled(): ClickHousePackages {
    return new ClickHousePackages(preinstalled);
  }

  /**
   * Refuses what does not fit, before anything is defined.
   *
   * @internal
   */
  public readonly _plan: Plan;

  private constructor(plan: Plan) {
    this._plan = plan;
  }
}

function preinstalled(scope: Construct, { machines }: PackageNeeds): Provide {
  for (const { role } of machines.filter(({ ownImage }) => !ownImage)) {
    const prop = role === 'server' ? 'machineImage' : 'keeperMachineImage';
    throw new ConstructError('PackagesImage', `'ClickHousePackages.preinstalled()' needs a '${prop}' that has ${OF_ROLE[role].join(', ')} in it, got none; the packages of servers and of Keepers exclude each other`, scope);
  }
  const nothing: NodePackages = { objects: [], readable: [], wildcards: {} };
  return () => ({ of: () => nothing, ready: [] });
}

function fromBucket(scope: Construct, needs: PackageNeeds, bucket: IBucket, { prefix, digests: given }: BucketPackagesOptions): Provide {
  if (prefix !== undefined && !/^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/.test(prefix)) {
    throw new ConstructError('PackagesPrefix', `'prefix' of the packages must be made of letters, digits, '.', '_' and '-' with single slashes between, got ${JSON.stringify(prefix)}`, scope);
  }
  const digests = checkedDigests(scope, given);
  const missing = wanted(needs).map(fileNameOf).filter((file) => !digests.has(file));
  if (missing.length > 0) throw new ConstructError('PackagesMissing', `'digests' of the packages must name every file that nodes install, missing are ${missing.join(', ')}`, scope);
  const keyOf = (file: string): string => (prefix === undefined ? file : `${prefix}/${file}`);
  const of = (role: NodeRole): NodePackages => ({
    bucketName: bucket.bucketName,
    objects: wanted(needs, role).map(fileNameOf).map((file) => ({ key: keyOf(file), sha256: digests.get(file) ?? '' })),
    readable: [...digests.keys()].filter((file) => OF_ROLE[role].includes(partsOf(file)?.name ?? '')).map((file) => bucket.arnForObjects(keyOf(file))),
    wildcards: {},
    key: bucket.encryptionKey,
  });
  return () => ({ of, ready: [] });
}

function official(scope: Construct, needs: PackageNeeds, options: OfficialPackagesOptions): Provide {
  const { repository = REPOSITORY } = options;
  if (!isRepository(repository)) throw new ConstructError('PackagesRepository', `'repository' of the packages must be an address such as '${REPOSITORY}', got ${JSON.stringify(repository)}`, scope);
  const digests = checkedDigests(scope, options.digests ?? {});
  const files = wanted(needs);
  // a digest that is for none of the files protects nothing, and whoever wrote it thinks that it does.
  for (const file of digests.keys()) {
    if (files.some((each) => isFileOf(file, each))) continue;
    throw new ConstructError('PackagesDigests', `'digests' of the packages names ${file}, which is none of the files of this cluster: ${files.map(fileNameOf).join(', ')}`, scope);
  }
  const pinned = files.every((each) => digests.has(fileNameOf(each)));
  const fingerprint = options.signingKeyFingerprint ?? (pinned ? undefined : FINGERPRINT);
  // a part of a fingerprint can be had by trying keys (https://www.rfc-editor.org/rfc/rfc9580#section-5.5.4).
  if (fingerprint !== undefined && !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(fingerprint.replace(/ /g, ''))) {
    throw new ConstructError('PackagesFingerprint', `'signingKeyFingerprint' must be the whole fingerprint of a key, 40 or 64 hexadecimal digits, got ${JSON.stringify(fingerprint)}`, scope);
  }
  return (cluster, store) => {
    const mirror = new PackageMirror(cluster, 'Packages', { ...store, needs, digests, repository, fingerprint });
    return { of: (role) => mirror.of(role), ready: [mirror] };
  };
}

interface PackageMirrorProps extends PackageStore {
  readonly needs: PackageNeeds;
  readonly digests: ReadonlyMap<string, string>;
  readonly repository: string;
  readonly fingerprint?: string;
}

/** Brings the official packages into the cluster's bucket while it is deployed, and knows under which keys. */
class PackageMirror extends Construct {
  private readonly mirrored = new Map<Architecture, CustomResource>();
  private readonly needs: PackageNeeds;
  private readonly bucket: IBucket;

  constructor(scope: Construct, id: string, { bucket, key, published, needs, digests, repository, fingerprint }: PackageMirrorProps) {
    super(scope, id);
    this.needs = needs;
    this.bucket = bucket;
    const objects = bucket.arnForObjects(`${OWN_PREFIX}/*`);
    const mirror = new HandlerFunction(this, 'Mirror', {
      handler: 'mirror-packages',
      description: 'Brings the packages of ClickHouse into the bucket of a cluster',
      key,
      // the longest there is. Lambda calls twice more when it was too short, and each call goes on where the one before was
      // (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
      timeout: Duration.minutes(15),
      statements: [
        new iam.PolicyStatement({ actions: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'], resources: [objects] }),
        // without it S3 does not say of an object that it is not there (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html). Who asks for
        // an object gives no prefix, so the key of the condition may be missing.
        new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn], conditions: { StringLikeIfExists: { 's3:prefix': `${OWN_PREFIX}/*` } } }),
        new iam.PolicyStatement({ actions: ['s3:ListBucketMultipartUploads'], resources: [bucket.bucketArn] }),
        new iam.PolicyStatement({
          // an upload in parts needs both (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions).
          actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
          resources: [key.keyArn],
          conditions: { StringEquals: { 'kms:ViaService': `s3.${Stack.of(this).region}.amazonaws.com` } },
        }),
      ],
    });
    acknowledgeWildcards(mirror.role, { [objects]: 'packages are named by hashes that are known at deployment; nothing else in the bucket is under this prefix' });
    // one resource an architecture and not a role: nearly every cluster has one.
    for (const architecture of [...new Set(needs.machines.map((each) => each.architecture))].sort()) {
      const files = wanted(needs).filter((each) => each.architecture === architecture);
      const own = [...digests].filter(([file]) => files.some((each) => isFileOf(file, each)));
      const resource = new CustomResource(this, architecture === 'aarch64' ? 'Arm64' : 'X86', {
        resourceType: 'Custom::ClickHousePackages',
        serviceToken: mirror.functionArn,
        // three calls of a quarter of an hour, and the minutes that Lambda lets pass between them.
        serviceTimeout: Duration.hours(1),
        properties: {
          Version: needs.version,
          Architectures: [architecture],
          Packages: files.map(({ name }) => name),
          Bucket: bucket.bucketName,
          Prefix: OWN_PREFIX,
          Repository: repository,
          ...(fingerprint === undefined ? {} : { KeyFingerprint: fingerprint }),
          ...(own.length === 0 ? {} : { Digests: Object.fromEntries(own) }),
        },
      });
      // what was seen of the repository is written by one at a time.
      for (const before of this.mirrored.values()) resource.node.addDependency(before);
      this.mirrored.set(architecture, resource);
    }
    // who writes goes before the publisher empties the bucket: a first deployment that fails may leave the function running.
    this.node.addDependency(published);
  }

  public of(role: NodeRole): NodePackages {
    const attribute = (file: PackageFile, what: 'Key' | 'Sha256'): string => this.mirrored.get(file.architecture)?.getAttString(attributeOf(file, what)) ?? '';
    // every one that was ever mirrored: an instance that is replaced while a change is under way still installs the version before.
    const readable = this.bucket.arnForObjects(`${OWN_PREFIX}/*`);
    return {
      bucketName: this.bucket.bucketName,
      objects: wanted(this.needs, role).map((file) => ({ key: attribute(file, 'Key'), sha256: attribute(file, 'Sha256') })),
      readable: [readable],
      wildcards: { [readable]: 'packages are named by hashes that change; they are public, and nodes install them by hash' },
    };
  }
}

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly architecture: Architecture;
}

/** The files that a role needs, or all. */
function wanted({ version, machines }: PackageNeeds, only?: NodeRole): PackageFile[] {
  return machines.filter(({ role }) => only === undefined || role === only).flatMap(({ role, architecture }) => OF_ROLE[role].map((name) => ({ name, version, architecture })));
}

// the same in lib/handlers/mirror-packages/event.ts, which is no part of the published library; a test compares the two.
function fileNameOf({ name, version, architecture }: PackageFile): string {
  return `${name}-${version}.${architecture}.rpm`;
}

function attributeOf({ name, architecture }: PackageFile, what: 'Key' | 'Sha256'): string {
  return [...name.split('-'), ...architecture.split('_')].map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('') + what;
}

/** What a file's name says; signed metadata may give a release after the version. */
function partsOf(file: string): PackageFile | undefined {
  const [, name, version, architecture] = /^(clickhouse(?:-[a-z]+)+)-([0-9]+(?:\.[0-9]+)+)(?:-[A-Za-z0-9._+~]{1,60})?\.(aarch64|x86_64)\.rpm$/.exec(file) ?? [];
  return name === undefined || version === undefined || architecture === undefined ? undefined : { name, version, architecture: architecture as Architecture };
}

function isFileOf(file: string, { name, version, architecture }: PackageFile): boolean {
  const parts = partsOf(file);
  return parts?.name === name && parts.version === version && parts.architecture === architecture;
}

function checkedDigests(scope: Construct, digests: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const entries = Object.entries(digests).map(([file, digest]): [string, string] => {
    if (partsOf(file) === undefined) {
      throw new ConstructError('PackagesDigests', `'digests' of the packages must be by file name, such as 'clickhouse-server-26.8.36.3.aarch64.rpm', got ${JSON.stringify(file)}`, scope);
    }
    // other languages do not check that it is a text.
    const lower = String(digest).toLowerCase();
    if (!isSha256(lower)) throw new ConstructError('PackagesDigests', `'digests' of the packages must be SHA-256 in 64 hexadecimal digits, got ${JSON.stringify(digest)} for ${file}`, scope);
    return [file, lower];
  });
  return new Map(entries);
}

function isRepository(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  // what is not written like the URL that it means may be read as another one by somebody else.
  return url.href === value && url.protocol === 'https:' && url.username === '' && url.password === '' && url.search === '' && url.hash === '' && /^\/(?:[A-Za-z0-9._~-]+\/)*$/.test(url.pathname);
}
