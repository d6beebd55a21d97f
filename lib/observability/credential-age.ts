import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { METRICS } from '../config/metrics';

/** Whose password, and how old it may become. */
export interface CredentialAgeModel {
  readonly clusterName: string;
  readonly userName: string;
  readonly rotateAfter: Duration;
}

/** The age of a user's password as nodes see it, in seconds: the oldest that any of them serves. */
export function credentialAge({ clusterName, userName }: Pick<CredentialAgeModel, 'clusterName' | 'userName'>, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: METRICS.namespace,
    metricName: METRICS.credentialAge,
    dimensionsMap: { Cluster: clusterName, User: userName },
    statistic: cloudwatch.Stats.MAXIMUM,
    period: Duration.hours(1),
    ...options,
  });
}

/**
 * Fires when a password is older than its schedule allows, or when no node says how old it is.
 *
 * The handler's own errors tell of rotations that fail; this tells of those that never start, whatever keeps them from it.
 */
export function overdueAlarm(user: Construct, model: CredentialAgeModel): cloudwatch.Alarm {
  return new cloudwatch.Alarm(user, 'Overdue', {
    alarmDescription: `The password of the ClickHouse user ${model.userName} of ${model.clusterName} is older than ${model.rotateAfter.toHumanString()} allows, or no node reports its age`,
    metric: credentialAge(model),
    threshold: model.rotateAfter.toSeconds() + lateness(model.rotateAfter).toSeconds(),
    evaluationPeriods: 2,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.BREACHING,
  });
}

// a schedule in days may begin at any hour of its day (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html), and a first attempt may fail.
function lateness(rotateAfter: Duration): Duration {
  return rotateAfter.toSeconds() < Duration.days(2).toSeconds() ? rotateAfter : Duration.days(2);
}
