import { Construct } from 'constructs';
import type { ClickHouseCluster } from '../cluster/cluster';
import { rolesElement } from '../config/roles';
import { at } from '../error';
import type { Grant } from './grant';
import { modelsOf } from './grant';

/** Options of a role. */
export interface ClickHouseRoleOptions {
  /**
   * The role's name.
   *
   * @default - the construct's id
   */
  readonly roleName?: string;

  /** What its users may do. */
  readonly grants: Grant[];
}

/** Properties of a `ClickHouseRole`. */
export interface ClickHouseRoleProps extends ClickHouseRoleOptions {
  /** The cluster it is for. */
  readonly cluster: ClickHouseCluster;
}

/** Grants under a name, for several users. */
export class ClickHouseRole extends Construct {
  /** The role's name. */
  public readonly roleName: string;

  constructor(scope: Construct, id: string, props: ClickHouseRoleProps) {
    super(scope, id);
    this.roleName = props.roleName ?? id;
    const model = { name: this.roleName, grants: modelsOf(props.grants) };
    at(this, () => rolesElement([model]));
    props.cluster._declarations.addRole(this, model);
  }
}
