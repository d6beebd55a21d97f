import type { Resource } from './templates/templates';

/** What the analysis says of a ClickHouse, worst first. */
export type Verdict = 'exposed' | 'unknown' | 'private';

/** One step of a path: what lets the traffic through, and where that is written. */
export interface Hop {
  /** what kind of thing lets it through, such as `internet gateway` or `security group rule`. */
  readonly kind: string;
  /** the file of the template. */
  readonly template: string;
  readonly logicalId: string;
  /** where in the resource, such as `Properties.SecurityGroupIngress.0`; none when it is the resource itself, or what it leaves out. */
  readonly location?: string;
  /** what it lets through, in words. */
  readonly detail: string;
  /** why it cannot be told whether it lets anything through; none when it can. */
  readonly missing?: string;
}

/** A change of a template that closes a way. */
export interface Change {
  readonly template: string;
  readonly logicalId: string;
  /** the property that changes; none when the resource itself is to go. */
  readonly location?: string;
  /** the value it should have; it is to be removed when there is none. */
  readonly to?: string | number | boolean;
  /** whether it is a change inside the text that stands there, which only the words describe. */
  readonly inside?: true;
  /** the change in words: an imperative, complete by itself. */
  readonly words: string;
}

/**
 * Ways in that are not the internet's own: what somebody gets at only through another program (a function, a bastion), through another
 * AWS account (PrivateLink, peering), or after a login that a load balancer demands.
 */
export type Level = 'program' | 'account' | 'login';

/** A way in of a secondary level. */
export interface Detour {
  readonly level: Level;
  /** whether all of it is known to be open. */
  readonly certain: boolean;
  readonly path: readonly Hop[];
}

/** A ClickHouse of the deployment and what the internet can do with it. */
export interface AssessedWorkload {
  readonly resource: Resource;
  /** why it is taken for ClickHouse. */
  readonly evidence: string;
  /** the ports it listens on, where that can be told, else all that ClickHouse and Keeper use. */
  readonly ports: readonly number[];
  readonly verdict: Verdict;
  /** in one sentence: what is open, what is not known, or what closes it. */
  readonly reason: string;
  /** from the internet to the workload; empty when it is private. */
  readonly path: readonly Hop[];
  /** what is not known, for an unknown one. */
  readonly missing: readonly string[];
  /** the fewest changes that together make it private; of equally many, those nearest to the internet. Empty when it is private or nothing written here would do. */
  readonly changes: readonly Change[];
  readonly detours: readonly Detour[];
}

/** The result: workloads in the order of their templates and logical ids. */
export interface Assessment {
  /** the worst of the workloads', or none when there is no ClickHouse. */
  readonly verdict: Verdict | 'none';
  readonly workloads: readonly AssessedWorkload[];
}
