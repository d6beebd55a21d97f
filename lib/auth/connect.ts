import { Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IStringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { PORTS } from '../config/ports';
import { ConstructError } from '../error';

/** What a client gets a part in. */
export interface ConnectionTarget {
  /** the user: what has to be defined is defined in it. */
  readonly user: Construct;
  readonly cluster: ec2.IConnectable;
  /** the stack of the cluster's VPC, where that is known. */
  readonly vpcStack?: Stack;
  readonly secret?: ISecret;
  readonly caCertificate?: IStringParameter;
}

/**
 * Lets a client connect: reads of the secret and of the authority's certificate for who asks, and a way through the security groups for
 * where it runs.
 *
 * Everything goes into the client's stack, which then depends on the user's. Where the dependency already goes the other way, because
 * the VPC is defined beside the client or somebody said so, everything goes into the user's stack. So neither makes a cycle.
 */
export function connect(target: ConnectionTarget, grantee: iam.IGrantable, client?: ec2.IConnectable): iam.Grant {
  refuseOtherAccounts(target, grantee);
  const here = Stack.of(target.user);
  const isBelow = (stack: Stack | undefined): boolean => stack !== undefined && stack !== here && (here.dependencies.includes(stack) || stack === target.vpcStack);
  const clients = [stackOf(grantee.grantPrincipal), ...(client ? client.connections.securityGroups.map(stackOf) : [])];
  const reversed = clients.some(isBelow);
  if (client) {
    for (const [port, what] of [[PORTS.https, 'HTTPS'], [PORTS.native, 'native protocol']] as const) {
      const description = `ClickHouse over TLS: ${what}`;
      if (reversed) target.cluster.connections.allowFrom(client, ec2.Port.tcp(port), description);
      else client.connections.allowTo(target.cluster, ec2.Port.tcp(port), description);
    }
  }
  const principal = reversed ? withPolicyIn(target.user, grantee) : grantee;
  return readSecret(target, principal).combine(readCertificate(target, principal));
}

function readSecret({ user, secret }: ConnectionTarget, grantee: iam.IGrantable): iam.Grant {
  if (secret === undefined) return iam.Grant.drop(grantee, 'a user who logs in with a certificate has no secret');
  const read = iam.Grant.addToPrincipal({ grantee, actions: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'], resourceArns: [secret.secretArn] });
  if (secret.encryptionKey === undefined) return read;
  // through Secrets Manager only: the key opens volumes and backups too.
  const conditions = { StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(user).region}.amazonaws.com` } };
  return read.combine(iam.Grant.addToPrincipal({ grantee, actions: ['kms:Decrypt'], resourceArns: [secret.encryptionKey.keyArn], conditions }));
}

function readCertificate({ caCertificate }: ConnectionTarget, grantee: iam.IGrantable): iam.Grant {
  if (caCertificate === undefined) return iam.Grant.drop(grantee, 'the certificate of the authority is not known here');
  return iam.Grant.addToPrincipal({ grantee, actions: ['ssm:GetParameter'], resourceArns: [caCertificate.parameterArn] });
}

/** The secret's own policy denies every other account, so a grant would be a promise that is not kept. */
function refuseOtherAccounts({ user }: ConnectionTarget, { grantPrincipal }: iam.IGrantable): void {
  const { account } = Stack.of(user);
  const theirs = grantPrincipal.principalAccount;
  if (theirs === undefined || Token.isUnresolved(theirs) || Token.isUnresolved(account) || theirs === account) return;
  throw new ConstructError('OtherAccount', `only clients of the account ${account} can be given the password, got one of ${theirs}; let it assume a role of this account`, user);
}

function stackOf(each: unknown): Stack | undefined {
  return Construct.isConstruct(each) ? Stack.of(each) : undefined;
}

/** The same principal, whose statements go into a policy beside the user instead of one beside itself. */
function withPolicyIn(user: Construct, grantee: iam.IGrantable): iam.IGrantable {
  const role = grantee.grantPrincipal;
  if (!(role instanceof Construct) || !('roleName' in role)) {
    throw new ConstructError('GrantDirection', "the cluster's stack depends on the stack of this client, so the policy has to be attached to its role from here, and it has none; grant to a role, or define the client in a stack of its own", user);
  }
  const id = `Connect-${role.node.addr}`;
  const existing = user.node.tryFindChild(id) as iam.Policy | undefined;
  // eslint-disable-next-line awscdk/no-variable-construct-id -- named by who it is for, so that the order of calls means nothing.
  const policy = existing ?? new iam.Policy(user, id, { roles: [role as unknown as iam.IRole] });
  const here: iam.IPrincipal = {
    get grantPrincipal() {
      return here;
    },
    assumeRoleAction: role.assumeRoleAction,
    policyFragment: role.policyFragment,
    principalAccount: role.principalAccount,
    addToPrincipalPolicy: (statement) => {
      policy.addStatements(statement);
      return { statementAdded: true, policyDependable: policy };
    },
  };
  return here;
}
