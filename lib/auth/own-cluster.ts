import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IConstruct } from 'constructs';
import type { IClickHouseCluster } from '../cluster/cluster-ref';
import { ConstructError } from '../error';
import type { Access } from './access';
import type { Declarations } from './declarations';

/** A cluster that this app defines: the one place where things can be declared for it. */
export interface OwnCluster extends IClickHouseCluster {
  readonly vpc: ec2.IVpc;
  readonly encryptionKey: IKey;
  readonly _declarations: Declarations;
  readonly _access: Access;
}

/** Refuses a cluster that is imported: its nodes run what the app that defines it declares. */
export function ownCluster(scope: IConstruct, cluster: IClickHouseCluster): OwnCluster {
  if ('_declarations' in cluster && '_access' in cluster) return cluster as OwnCluster;
  throw new ConstructError('ImportedCluster', `databases, users and what belongs to them are declared where their cluster is defined, got the imported cluster '${cluster.clusterName}'; declare them there, and use ClickHouseUser.fromClickHouseUserAttributes here`, scope);
}
