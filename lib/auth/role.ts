import { Construct } from 'constructs';
import type { IClickHouseCluster } from '../cluster/cluster-ref';
import { rolesElement } from '../config/roles';
import { at } from '../error';
import type { Grant } from './grant';
import { modelsOf } from './grant';
import { ownCluster } from './own-cluster';

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
  readonly cluster: IClickHouseCluster;
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
    ownCluster(this, props.cluster)._declarations.addRole(this, model);
  }
}
