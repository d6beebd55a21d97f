import type { Duration, Size } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { IClickHouseCluster } from '../cluster/cluster-ref';
import { checkedName } from '../config/names';
import type { ProfileSettings } from '../config/settings';
import { checkedProfileSettings } from '../config/settings';
import { at } from '../error';
import { ownCluster } from './own-cluster';

/**
 * Limits of a settings profile. Each is the value and the ceiling: a query may ask for less, never for more.
 *
 * @see https://clickhouse.com/docs/operations/settings/query-complexity
 */
export interface ClickHouseSettingsProfileOptions {
  /**
   * The profile's name.
   *
   * @default - the construct's id
   */
  readonly profileName?: string;

  /**
   * Whether its users may only read.
   *
   * @default false
   */
  readonly readOnly?: boolean;

  /**
   * How long a query may run: whole seconds.
   *
   * @default Duration.minutes(10)
   */
  readonly maxExecutionTime?: Duration;

  /**
   * How much memory one query may use on one server.
   *
   * @default - 10,000,000,000 bytes
   */
  readonly maxMemory?: Size;

  /**
   * How much memory all queries of one user may use on one server.
   *
   * @default - 20,000,000,000 bytes
   */
  readonly maxMemoryForUser?: Size;

  /**
   * How many queries one user may run at a time on one server.
   *
   * @default 100
   */
  readonly maxConcurrentQueriesForUser?: number;

  /**
   * How many rows a result may have.
   *
   * @default 100000000
   */
  readonly maxResultRows?: number;

  /**
   * How large a result may be, before compression.
   *
   * @default - 10,000,000,000 bytes
   */
  readonly maxResultSize?: Size;

  /**
   * How many rows a query may read.
   *
   * @default - no limit
   */
  readonly maxReadRows?: number;

  /**
   * How much a query may read, before compression.
   *
   * @default - no limit
   */
  readonly maxReadSize?: Size;

  /**
   * How much the queries of one user may spill to disk at a time.
   *
   * @default - 50,000,000,000 bytes
   */
  readonly maxTemporaryDiskForUser?: Size;

  /**
   * How many sessions one user may hold at a time on one server.
   *
   * @default 1000
   */
  readonly maxSessionsForUser?: number;

  /**
   * How long a native connection may be idle before it is closed: whole seconds.
   *
   * @default Duration.minutes(10)
   */
  readonly idleConnectionTimeout?: Duration;
}

/** Properties of a `ClickHouseSettingsProfile`. */
export interface ClickHouseSettingsProfileProps extends ClickHouseSettingsProfileOptions {
  /** The cluster it is for. */
  readonly cluster: IClickHouseCluster;
}

/** Limits that several users share. A profile called `default` is everybody's floor. */
export class ClickHouseSettingsProfile extends Construct {
  /** The profile's name. */
  public readonly profileName: string;

  constructor(scope: Construct, id: string, props: ClickHouseSettingsProfileProps) {
    super(scope, id);
    this.profileName = at(this, () => checkedName('profile', props.profileName ?? id));
    const settings = at(this, () => checkedProfileSettings(this.inServerUnits(props)));
    ownCluster(this, props.cluster)._declarations.addProfile(this, { name: this.profileName, settings });
  }

  /** The limits in the units that the server reads. */
  private inServerUnits(props: ClickHouseSettingsProfileProps): ProfileSettings {
    const { readOnly, maxConcurrentQueriesForUser, maxResultRows, maxReadRows, maxSessionsForUser } = props;
    const { maxExecutionTime, maxMemory, maxMemoryForUser, maxResultSize, maxReadSize, maxTemporaryDiskForUser, idleConnectionTimeout } = props;
    const limits = {
      readOnly,
      maxConcurrentQueriesForUser,
      maxResultRows,
      maxReadRows,
      maxSessionsForUser,
      maxExecutionSeconds: maxExecutionTime?.toSeconds(),
      maxMemoryBytes: maxMemory?.toBytes(),
      maxMemoryForUserBytes: maxMemoryForUser?.toBytes(),
      maxResultBytes: maxResultSize?.toBytes(),
      maxReadBytes: maxReadSize?.toBytes(),
      maxTemporaryDiskForUserBytes: maxTemporaryDiskForUser?.toBytes(),
      idleConnectionSeconds: idleConnectionTimeout?.toSeconds(),
    };
    return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  }
}
