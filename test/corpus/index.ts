import type { Layer } from './case';
import { BOUNDARIES } from './cases/boundaries';
import { CONDITIONS } from './cases/conditions';
import { ECS } from './cases/ecs';
import { EDGE } from './cases/edge';
import { EDGE_APIS } from './cases/edge-apis';
import { KUBERNETES } from './cases/kubernetes';
import { KUBERNETES_FRONTS } from './cases/kubernetes-fronts';
import { APPLICATION_LOAD_BALANCERS } from './cases/load-balancers-application';
import { CLASSIC_LOAD_BALANCERS } from './cases/load-balancers-classic';
import { NETWORK_LOAD_BALANCERS } from './cases/load-balancers-network';
import { NEAR_MISSES } from './cases/near-misses';
import { ACLS } from './cases/network-acls';
import { ADDRESSES } from './cases/network-addresses';
import { GROUPS } from './cases/network-groups';
import { IPV6 } from './cases/network-ipv6';
import { RANGES } from './cases/network-ranges';
import { ROUTES } from './cases/network-routes';
import { PROGRAMS } from './cases/programs';
import { SMALL_PARTS } from './cases/small-parts';
import { VALUES } from './cases/values';
import { CDK_DEPLOYMENTS } from './deployments/cdk';
import { CLOUDFORMATION_DEPLOYMENTS } from './deployments/cloudformation';
import { KUBERNETES_DEPLOYMENTS } from './deployments/kubernetes';
import { TERRAFORM_DEPLOYMENTS } from './deployments/terraform';

/** The whole corpus, layer by layer. */
export const CORPUS: readonly Layer[] = [
  ROUTES, ACLS, ADDRESSES, IPV6, GROUPS, RANGES, VALUES, CONDITIONS,
  NETWORK_LOAD_BALANCERS, APPLICATION_LOAD_BALANCERS, CLASSIC_LOAD_BALANCERS, ECS,
  BOUNDARIES, PROGRAMS, EDGE, EDGE_APIS, KUBERNETES, KUBERNETES_FRONTS, NEAR_MISSES, SMALL_PARTS,
  CDK_DEPLOYMENTS, CLOUDFORMATION_DEPLOYMENTS, TERRAFORM_DEPLOYMENTS, KUBERNETES_DEPLOYMENTS,
];
