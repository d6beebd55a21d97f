import type { Deployment, Finding, Rule } from '../rule';
import { exposureFinding } from '../exposure-finding';

/** The whole path, not one resource of it: what the graph of the network says of every ClickHouse. */
export const publicExposure: Rule = {
  id: 'ClickHouse-PublicExposure',
  severity: 'fatal',
  info: 'the internet reaches ClickHouse',
  explanation: 'Every condition on a path from the internet to a port of ClickHouse is met: address, gateway, route, network ACL, security group, and whatever forwards in between. That is how the January 2025 DeepSeek breach was possible.',
  fix: 'close the path anywhere on it; reach ClickHouse through a VPN, or AWS Systems Manager for administration',
  link: 'https://clickhouse.com/docs/guides/sre/network-ports',
  *check({ assessment }: Deployment): Iterable<Finding> {
    for (const each of assessment.workloads) if (each.verdict === 'exposed') yield exposureFinding(each);
  },
};
