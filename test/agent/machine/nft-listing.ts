import { METADATA_ADDRESSES } from '../../../lib/agent/machine/firewall';

/** What nft prints for the rules, as it does. */
export interface Listing {
  nftables: Record<string, Record<string, unknown>>[];
}

/** The listing of the firewall of that user. */
export function firewallListing(uid: number): Listing {
  const rule = (address: string, i: number): Record<string, Record<string, unknown>> => ({
    rule: {
      family: 'inet', table: 'clickhouse_agent', chain: 'output', handle: i + 2,
      expr: [
        { match: { op: '==', left: { meta: { key: 'skuid' } }, right: uid } },
        { match: { op: '==', left: { payload: { protocol: address.includes(':') ? 'ip6' : 'ip', field: 'daddr' } }, right: address } },
        { reject: { type: 'icmpx', expr: 'admin-prohibited' } },
      ],
    },
  });
  return {
    nftables: [
      { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
      { table: { family: 'inet', name: 'clickhouse_agent', handle: 6 } },
      { chain: { family: 'inet', table: 'clickhouse_agent', name: 'output', handle: 1, type: 'filter', hook: 'output', prio: 0, policy: 'accept' } },
      ...METADATA_ADDRESSES.map(rule),
    ],
  };
}
