import type { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { IClickHouseCluster } from '../cluster/cluster-ref';
import { checkedName } from '../config/names';
import { checkedQuota } from '../config/settings';
import { at } from '../error';
import { ownCluster } from './own-cluster';

/**
 * What a user may use within a time. Counted on each server apart.
 *
 * @see https://clickhouse.com/docs/operations/quotas
 */
export interface QuotaInterval {
  /** The time: whole seconds. */
  readonly duration: Duration;

  /**
   * How many queries.
   *
   * @default - no limit
   */
  readonly queries?: number;

  /**
   * How many queries that fail.
   *
   * @default - no limit
   */
  readonly errors?: number;

  /**
   * How many rows of results.
   *
   * @default - no limit
   */
  readonly resultRows?: number;

  /**
   * How many rows read.
   *
   * @default - no limit
   */
  readonly readRows?: number;

  /**
   * How long queries may run together: whole seconds.
   *
   * @default - no limit
   */
  readonly executionTime?: Duration;
}

/** Options of a quota. */
export interface ClickHouseQuotaOptions {
  /**
   * The quota's name.
   *
   * @default - the construct's id
   */
  readonly quotaName?: string;

  /** Its intervals: at least one, of different durations. */
  readonly intervals: QuotaInterval[];
}

/** Properties of a `ClickHouseQuota`. */
export interface ClickHouseQuotaProps extends ClickHouseQuotaOptions {
  /** The cluster it is for. */
  readonly cluster: IClickHouseCluster;
}

/**
 * What users may use within a time. Failed logins are not counted, on purpose: whoever reaches the port could lock a user out.
 */
export class ClickHouseQuota extends Construct {
  /** The quota's name. */
  public readonly quotaName: string;

  constructor(scope: Construct, id: string, props: ClickHouseQuotaProps) {
    super(scope, id);
    this.quotaName = at(this, () => checkedName('quota', props.quotaName ?? id));
    const intervals = props.intervals.map(({ duration, executionTime, ...counts }) => defined({ ...counts, durationSeconds: duration.toSeconds(), executionSeconds: executionTime?.toSeconds() }));
    ownCluster(this, props.cluster)._declarations.addQuota(this, at(this, () => checkedQuota({ name: this.quotaName, intervals })));
  }
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
