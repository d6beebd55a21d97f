/** What is known of a security policy. */
export type Judged = 'modern' | 'old' | 'unknown';

/** What a listener has that names no policy, where CloudFormation makes it. */
export const DEFAULT_POLICY = 'ELBSecurityPolicy-2016-08';

const PREFIX = 'ELBSecurityPolicy-';

/**
 * The policies of application and network load balancers that allow nothing before TLS 1.2.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/network/describe-ssl-policies.html
 */
const MODERN = new Set([
  'TLS13-1-3-2021-06', 'TLS13-1-3-PQ-2025-09', 'TLS13-1-3-FIPS-2023-04', 'TLS13-1-3-FIPS-PQ-2025-09',
  'TLS13-1-2-2021-06', 'TLS13-1-2-PQ-2025-09', 'TLS13-1-2-FIPS-2023-04', 'TLS13-1-2-FIPS-PQ-2025-09',
  'TLS13-1-2-Res-2021-06', 'TLS13-1-2-Res-PQ-2025-09', 'TLS13-1-2-Res-FIPS-2023-04', 'TLS13-1-2-Res-FIPS-PQ-2025-09',
  'TLS13-1-2-Ext1-2021-06', 'TLS13-1-2-Ext1-PQ-2025-09', 'TLS13-1-2-Ext1-FIPS-2023-04', 'TLS13-1-2-Ext1-FIPS-PQ-2025-09',
  'TLS13-1-2-Ext2-2021-06', 'TLS13-1-2-Ext2-PQ-2025-09', 'TLS13-1-2-Ext2-FIPS-2023-04', 'TLS13-1-2-Ext2-FIPS-PQ-2025-09',
  'TLS13-1-2-Ext0-FIPS-2023-04', 'TLS13-1-2-Ext0-FIPS-PQ-2025-09',
  'TLS-1-2-2017-01', 'TLS-1-2-Ext-2018-06', 'FS-1-2-2019-08', 'FS-1-2-Res-2019-08', 'FS-1-2-Res-2020-10',
]);

/** Those, and the ones of classic load balancers, that allow TLS 1.0 or 1.1. https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-security-policy-table.html */
const OLD = new Set([
  '2016-08', 'TLS-1-0-2015-04', 'TLS-1-1-2017-01', 'FS-2018-06', 'FS-1-1-2019-08',
  'TLS13-1-1-2021-06', 'TLS13-1-1-FIPS-2023-04',
  'TLS13-1-0-2021-06', 'TLS13-1-0-PQ-2025-09', 'TLS13-1-0-FIPS-2023-04', 'TLS13-1-0-FIPS-PQ-2025-09',
  '2015-05', '2015-03', '2015-02', '2014-10', '2014-01', '2011-08',
]);

/** What a policy of Elastic Load Balancing allows. One that is not in the documentation as we read it is unknown, not fine. */
export function judgePolicy(name: string): Judged {
  const short = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : '';
  return MODERN.has(short) ? 'modern' : OLD.has(short) ? 'old' : 'unknown';
}

/** Why a policy does not do, in words that follow what has it; undefined when it does. */
export function problemOfPolicy(name: string): { readonly known: boolean; readonly words: string } | undefined {
  switch (judgePolicy(name)) {
    case 'modern':
      return undefined;
    case 'old':
      return { known: true, words: `its policy ${name} allows TLS before 1.2` };
    case 'unknown':
      return { known: false, words: `nothing is known of its policy ${JSON.stringify(name.slice(0, 100))}` };
  }
}

/**
 * CloudFront's policies by the oldest protocol that they allow.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html
 */
export function judgeViewerPolicy(name: string): Judged {
  if (/^(?:TLSv1\.2_(?:2018|2019|2021|2025)|TLSv1\.3_2025)$/.test(name)) return 'modern';
  return /^(?:SSLv3|TLSv1|TLSv1_2016|TLSv1\.1_2016)$/.test(name) ? 'old' : 'unknown';
}
