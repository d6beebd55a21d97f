import type { Assessment, Hop } from '../exposure/assessment';
import type { Resource, TemplateSet } from '../exposure/templates/templates';
import type { Workloads } from '../exposure/workloads/workloads';

/** How bad a finding is. Warnings alone let a synthesis pass; a fatal finding cannot be acknowledged. */
export type Severity = 'fatal' | 'error' | 'warning';

/** One thing that is wrong, and where. */
export interface Finding {
  /** the file of the template. */
  readonly template: string;
  readonly logicalId: string;
  /** where in the resource, such as `Properties.SecurityGroupIngress`. */
  readonly location?: string;
  /** what is wrong with this resource, complete by itself. */
  readonly message: string;
  /** the smallest change here, where it differs from the rule's. */
  readonly fix?: string;
  /** from the internet to the resource, hop by hop, where it is about a path. */
  readonly path?: readonly Hop[];
}

/** Everything a rule may look at. */
export interface Deployment {
  readonly templates: TemplateSet;
  readonly workloads: Workloads;
  /** what the internet can do with each ClickHouse. */
  readonly assessment: Assessment;
}

/** A demand on every ClickHouse of a deployment. A pure function of final templates: it sees neither constructs nor files. */
export interface Rule {
  /** `ClickHouse-<Name>`: what is acknowledged, searched and suppressed, so it never changes. */
  readonly id: string;
  readonly severity: Severity;
  /** what is wrong, in one line. */
  readonly info: string;
  /** why it matters. */
  readonly explanation: string;
  /** the smallest change that ends it. */
  readonly fix: string;
  readonly link: string;
  check(deployment: Deployment): Iterable<Finding>;
}

/** A finding about a resource. */
export function finding(resource: Resource, message: string, more: Pick<Finding, 'location' | 'fix'> = {}): Finding {
  return { template: resource.template.path, logicalId: resource.logicalId, message, ...more };
}
