import type { IResource } from 'aws-cdk-lib';
import { Duration, Lazy, Resource, Stack, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { IClickHouseCluster } from '../cluster/cluster-ref';
import { checkedUserName } from '../config/users';
import { at, ConstructError } from '../error';
import { credentialAge, overdueAlarm } from '../observability/credential-age';
import { connect } from './connect';
import type { ClickHouseDatabase } from './database';
import type { Grant } from './grant';
import { modelsOf } from './grant';
import { ownCluster } from './own-cluster';
import type { ClickHouseQuota } from './quota';
import type { ClickHouseRole } from './role';
import { checkedInterval } from './rotation';
import type { ClickHouseSettingsProfile } from './settings-profile';
import { fence, userSecret } from './user-secret';

/** A user of a ClickHouse cluster, defined here or elsewhere. */
export interface IClickHouseUser extends IResource {
  /**
   * The user's name.
   *
   * @attribute
   */
  readonly userName: string;

  /**
   * The secret with the password and all that is needed to connect; absent for a user who logs in with a certificate only.
   *
   * @attribute
   */
  readonly secret?: ISecret;

  /**
   * Lets a client connect as this user, in one call: it may read the secret and the certificate of the cluster's authority, and reaches
   * the endpoint over TLS.
   *
   * @param grantee who reads the secret, such as a function or the role of a task
   * @param client what connects, such as the same function or an ECS service. Without it the network stays as it is
   */
  grantConnect(grantee: iam.IGrantable, client?: ec2.IConnectable): iam.Grant;
}

/** A client certificate that a user logs in with: one that the cluster's own authority issued. */
export interface ClientCertificate {
  /**
   * The common name of its subject.
   *
   * @default - any
   */
  readonly commonName?: string;

  /**
   * An alternative name of its subject, such as `URI:spiffe://events/ingest` or `DNS:ingest.events.internal`.
   *
   * @default - any
   */
  readonly subjectAlternativeName?: string;
}

/** Options of a user. */
export interface ClickHouseUserOptions {
  /**
   * The user's name: a lower-case letter, then lower-case letters, digits, `_` or `-`, at most 32.
   *
   * @default - the construct's id
   */
  readonly userName?: string;

  /**
   * What the user may do. No grant manages users: they are declared in code.
   *
   * @default - nothing
   */
  readonly grants?: Grant[];

  /**
   * Roles, whose grants are added.
   *
   * @default - none
   */
  readonly roles?: ClickHouseRole[];

  /**
   * Limits of the user's queries.
   *
   * @default - the profile `default`: the limits that everybody has
   */
  readonly settingsProfile?: ClickHouseSettingsProfile;

  /**
   * What the user may use within a time.
   *
   * @default - no limit
   */
  readonly quota?: ClickHouseQuota;

  /**
   * The database that clients use when they name none.
   *
   * @default - `default`, in which the user has no rights
   */
  readonly defaultDatabase?: ClickHouseDatabase;

  /**
   * The subnets that the user may log in from. Their ranges must be known at synthesis.
   *
   * @default - where all clients may log in from: `clientCidrs` of the cluster
   */
  readonly clientSubnets?: ec2.ISubnet[];

  /**
   * The private address ranges that the user may log in from, besides `clientSubnets`. Public ones are refused.
   *
   * @default - where all clients may log in from: `clientCidrs` of the cluster
   */
  readonly clientCidrs?: string[];

  /**
   * After which time the password is replaced: 4 to 24 whole hours, or 1 to 999 whole days.
   *
   * @default Duration.days(30)
   */
  readonly rotateAfter?: Duration;

  /**
   * For how long a password that was replaced still logs in, for clients that have not read the new one yet. At most `rotateAfter`.
   *
   * @default - one day, or half of `rotateAfter` if that is shorter
   */
  readonly gracePeriod?: Duration;

  /**
   * Whether the password is replaced at once when the schedule is made or changed. Otherwise the schedule is tried out by logging in
   * to every node with the current one.
   *
   * @default false
   */
  readonly rotateImmediately?: boolean;

  /**
   * Leaves the password as it is for ever. What leaks stays open until somebody notices.
   *
   * @default false
   */
  readonly passwordNeverRotates?: boolean;

  /**
   * A secret to use instead of a generated one: a JSON object with `username` and `password`. Choose at least 32 letters and digits: nodes admit
   * what is there until the first rotation. With its complete ARN, if it is imported.
   *
   * @default - a new secret with a generated password
   */
  readonly secret?: ISecret;

  /**
   * A client certificate the user may log in with.
   *
   * @default - none
   */
  readonly clientCertificate?: ClientCertificate;

  /**
   * Whether the certificate is the only way to log in: then there is no password and no secret.
   *
   * @default false
   */
  readonly clientCertificateOnly?: boolean;
}

/** Properties of a `ClickHouseUser`. */
export interface ClickHouseUserProps extends ClickHouseUserOptions {
  /** The cluster it is for. */
  readonly cluster: IClickHouseCluster;
}

/** What to know about a user who is declared elsewhere. */
export interface ClickHouseUserAttributes {
  /** The cluster the user is of. */
  readonly cluster: IClickHouseCluster;

  /** The user's name. */
  readonly userName: string;

  /**
   * The secret with the password.
   *
   * @default - none: the user logs in with a certificate
   */
  readonly secret?: ISecret;
}

/** Of which cluster a user is, and where the cluster's VPC is defined. */
interface Target {
  readonly cluster: IClickHouseCluster;
  readonly vpcStack?: Stack;
}

abstract class ClickHouseUserBase extends Resource implements IClickHouseUser {
  public abstract readonly userName: string;
  public abstract readonly secret?: ISecret;
  /** @internal */
  protected abstract readonly _target: Target;

  /**
   * Lets a client connect as this user, in one call: it may read the secret and the certificate of the cluster's authority, and reaches
   * the endpoint over TLS.
   *
   * @param grantee who reads the secret, such as a function or the role of a task
   * @param client what connects, such as the same function or an ECS service. Without it the network stays as it is
   */
  public grantConnect(grantee: iam.IGrantable, client?: ec2.IConnectable): iam.Grant {
    const { cluster, vpcStack } = this._target;
    return connect({ user: this, cluster, vpcStack, secret: this.secret, caCertificate: cluster.caCertificate }, grantee, client);
  }
}

/**
 * A user who logs in over the network, with exactly the rights that are given.
 *
 * The password is generated by Secrets Manager, is in no template, and is replaced on a schedule without refusing anybody who has the
 * current one.
 *
 * @resource AWS::SecretsManager::Secret
 */
export class ClickHouseUser extends ClickHouseUserBase {
  /** A user who is declared elsewhere. */
  public static fromClickHouseUserAttributes(scope: Construct, id: string, attrs: ClickHouseUserAttributes): IClickHouseUser {
    class Import extends ClickHouseUserBase {
      public readonly userName = attrs.userName;
      public readonly secret = attrs.secret;
      /** @internal */
      protected readonly _target = { cluster: attrs.cluster };
    }
    return new Import(scope, id);
  }

  /** The user's name. */
  public readonly userName: string;

  /** The secret with the password and all that is needed to connect; absent for a user who logs in with a certificate only. */
  public readonly secret?: ISecret;

  /** @internal */
  protected readonly _target: Target;

  constructor(scope: Construct, id: string, props: ClickHouseUserProps) {
    super(scope, id);
    const cluster = ownCluster(this, props.cluster);
    // everything that can be refused is refused before anything is defined.
    if (Stack.of(this) !== Stack.of(cluster)) {
      throw new ConstructError('OtherStack', `a user must be in the stack of its cluster, ${Stack.of(cluster).node.path}, got ${Stack.of(this).node.path}: nodes read its secret, and rotation starts when they serve, so the stacks would depend on each other; use cluster.addUser`, this);
    }
    this.userName = at(this, () => checkedUserName(props.userName ?? id));
    const certificateOnly = props.clientCertificateOnly ?? false;
    this.checkLogin(props, certificateOnly);
    const rotateAfter = checkedInterval(this, props.rotateAfter ?? Duration.days(30));
    const grace = this.grace(props.gracePeriod, rotateAfter);
    cluster._declarations.addUser(
      this,
      {
        name: this.userName,
        grants: modelsOf(props.grants ?? []),
        roles: (props.roles ?? []).map(({ roleName }) => roleName),
        networks: this.networks(props),
        profile: props.settingsProfile?.profileName,
        quota: props.quota?.quotaName,
        password: !certificateOnly,
        certificate: props.clientCertificate && { commonName: props.clientCertificate.commonName, subjectAltName: props.clientCertificate.subjectAlternativeName },
      },
      certificateOnly ? undefined : { arn: Lazy.string({ produce: () => this.secret?.secretArn }), graceSeconds: grace.toSeconds() },
    );
    this._target = { cluster, vpcStack: Stack.of(cluster.vpc) };
    if (certificateOnly) return;
    const secret = props.secret ?? userSecret(this, cluster.encryptionKey, {
      userName: this.userName,
      host: cluster.clusterEndpoint.hostname,
      database: props.defaultDatabase?.databaseName ?? 'default',
      caCertificateParameter: cluster.caCertificate.parameterName,
    });
    this.secret = secret;
    fence(secret);
    cluster._access.admit(secret);
    if (props.passwordNeverRotates) return;
    cluster._access.rotate(this, secret, { rotateAfter, rotateImmediately: props.rotateImmediately ?? false });
    cluster._access.watch(overdueAlarm(this, { clusterName: cluster.clusterName, userName: this.userName, rotateAfter }));
  }

  /**
   * How old the password is that nodes admit as the current one, in seconds.
   *
   * @default - maximum over an hour
   */
  public metricCredentialAge(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return credentialAge({ clusterName: this._target.cluster.clusterName, userName: this.userName }, props);
  }

  private checkLogin(props: ClickHouseUserProps, certificateOnly: boolean): void {
    if (!certificateOnly) {
      const arn = props.secret === undefined ? 'none' : props.secret.secretFullArn;
      if (arn === undefined) {
        throw new ConstructError('PartialSecretArn', "'secret' must be known by its complete ARN, with the six characters at its end, got a name or a part; import it with Secret.fromSecretCompleteArn", this);
      }
      return;
    }
    if (props.clientCertificate === undefined) {
      throw new ConstructError('NoCertificate', "'clientCertificateOnly' needs a 'clientCertificate', got none; name the subject of the certificate", this);
    }
    for (const prop of ['secret', 'rotateAfter', 'gracePeriod', 'rotateImmediately', 'passwordNeverRotates'] as const) {
      if (props[prop] !== undefined) throw new ConstructError('NoPassword', `'${prop}' is about a password, and with 'clientCertificateOnly' the user has none; leave one of the two out`, this);
    }
  }

  private grace(given: Duration | undefined, rotateAfter: Duration): Duration {
    const longest = rotateAfter.toSeconds();
    const grace = given ?? Duration.seconds(Math.min(Duration.days(1).toSeconds(), longest / 2));
    const seconds = grace.isUnresolved() ? NaN : grace.toSeconds({ integral: false });
    if (!Number.isInteger(seconds) || seconds < 60 || seconds > longest) {
      throw new ConstructError('GracePeriod', `'gracePeriod' must be whole seconds from 1 minute to 'rotateAfter' (${rotateAfter.toHumanString()}), got ${grace.isUnresolved() ? 'a token' : grace.toHumanString()}`, this);
    }
    return grace;
  }

  private networks(props: ClickHouseUserProps): string[] | undefined {
    const { clientSubnets, clientCidrs } = props;
    if (clientSubnets === undefined && clientCidrs === undefined) return undefined;
    const networks = [...(clientSubnets ?? []).map(({ ipv4CidrBlock }) => ipv4CidrBlock), ...(clientCidrs ?? [])];
    if (networks.some((network) => Token.isUnresolved(network))) {
      throw new ConstructError('ClientNetworks', "'clientSubnets' and 'clientCidrs' must be ranges that are known at synthesis, got a token; give the ranges, or leave both out for those of the cluster", this);
    }
    return [...new Set(networks)];
  }
}
