import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { METRICS } from '../config/metrics';

// renewed 30 days before its end: at 21 the issuer, or the node, has failed for nine days.
const FEWEST_DAYS = 21;

/** How many days are left to the certificate, among those that nodes have installed, that ends first. */
export function certificateDaysToExpiry(clusterName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
  return ofAllNodes(METRICS.certificateDaysToExpiry, clusterName, { statistic: cloudwatch.Stats.MINIMUM, ...options });
}

/** Whether any node shows another certificate than the one that was issued for it: 0 or 1. */
function servedSerialBehind(clusterName: string): cloudwatch.Metric {
  return ofAllNodes(METRICS.servedSerialBehind, clusterName, { statistic: cloudwatch.Stats.MAXIMUM });
}

function ofAllNodes(metricName: string, clusterName: string, options: cloudwatch.MetricOptions): cloudwatch.Metric {
  return new cloudwatch.Metric({ namespace: METRICS.namespace, metricName, dimensionsMap: { Cluster: clusterName }, period: Duration.hours(1), ...options });
}

/** What tells of certificates that are not issued, not installed or not shown. */
export function certificateAlarms(authority: Construct, clusterName: string, issuer: IFunction): cloudwatch.Alarm[] {
  return [
    new cloudwatch.Alarm(authority, 'Failed', {
      alarmDescription: `A certificate of the ClickHouse cluster ${clusterName} could not be issued. Nodes keep the one they have; the log of the function says why.`,
      metric: issuer.metricErrors({ period: Duration.minutes(5), statistic: cloudwatch.Stats.SUM }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    }),
    new cloudwatch.Alarm(authority, 'Expires', {
      alarmDescription: `A certificate on a node of the ClickHouse cluster ${clusterName} ends within ${FEWEST_DAYS} days, or no node says when its own does`,
      metric: certificateDaysToExpiry(clusterName),
      threshold: FEWEST_DAYS,
      evaluationPeriods: 2,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    }),
    new cloudwatch.Alarm(authority, 'Behind', {
      alarmDescription: `A node of the ClickHouse cluster ${clusterName} shows another certificate than the one that was issued for it; restart ClickHouse there`,
      metric: servedSerialBehind(clusterName),
      threshold: 1,
      // a node looks for itself within the first hour.
      evaluationPeriods: 2,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    }),
  ];
}
