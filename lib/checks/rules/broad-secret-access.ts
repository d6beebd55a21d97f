import { secretFinder, secretsOf } from '../credentials/secrets';
import { keysIn, textsOf } from '../credentials/marks';
import { allowedBy, allows, allResources, isForAnybody, isNarrowedBy } from '../policies';
import type { ActingRole, Permissions } from '../roles';
import { permissionsIn, rolesOf } from '../roles';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import { property } from '../../exposure/templates/values';

const READ_SECRET = 'secretsmanager:GetSecretValue';
const READ_PARAMETER = ['ssm:GetParameter', 'ssm:GetParameters', 'ssm:GetParametersByPath'];

// tags and names of what is read. What the network, the time or the caller is narrows nothing here: the caller is the role.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
const WHICH_SECRET = /^(?:(?:secretsmanager|aws|ssm):resourcetag\/.+|secretsmanager:(?:resource\/allowrotationlambdaarn|secretid|name))$/i;
// who asks, or from where.
const WHO = /^aws:(?:principal(?:account|arn|orgid|orgpaths|tag\/.+|servicename|serviceaccount)|source(?:account|arn|orgid|owner|vpc|vpce|ip)|userid|username|vpcsourceip|calledvia.*)$/i;

// policies of AWS that read every secret of the account; https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
const MANAGED = new Set(['AdministratorAccess', 'PowerUserAccess', 'SecretsManagerReadWrite']);

/** Denials and permissions boundaries are not weighed against what is allowed: that is what the smallest change is for. */
export const broadSecretAccess: Rule = {
  id: 'ClickHouse-BroadSecretAccess',
  severity: 'error',
  info: 'a ClickHouse may read every secret of the account, or everybody the secrets of ClickHouse',
  explanation: 'Whoever takes over the server, by a hole in it or by a query that reads its metadata service, has its role. With all secrets in reach one database is the way to every other.',
  fix: 'name the secrets that it needs as the Resource (secret.grantRead(role) in CDK), or demand a tag with aws:ResourceTag',
  link: 'https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html',
  *check(deployment: Deployment): Iterable<Finding> {
    const permissions = permissionsIn(deployment.templates);
    for (const role of rolesOf(deployment.templates, deployment.workloads)) yield* judgeRole(role, permissions);
    yield* judgePolicies(deployment);
  },
};

function* judgeRole({ role, owner, words }: ActingRole, permissions: Permissions): Iterable<Finding> {
  const what = `ClickHouse (${owner.logicalId}) may read`;
  for (const name of new Set(permissions.managed(role))) {
    if (MANAGED.has(name)) yield finding(role, `${what} every secret of the account: ${words} has the policy ${name} of AWS`, { location: 'Properties.ManagedPolicyArns' });
  }
  const granted = permissions.statements(role);
  const mayDecrypt = granted.some(({ statement }) => allows(statement, 'kms:Decrypt') && allResources(statement, 'kms', /^key\//) !== undefined);
  for (const { statement, resource, location } of granted) {
    const secrets = allows(statement, READ_SECRET) ? allResources(statement, 'secretsmanager', /^secret:/) : undefined;
    if (secrets !== undefined && !isNarrowedBy(statement, WHICH_SECRET)) yield finding(resource, `${what} every secret of the account: ${words} (${role.logicalId}) allows ${READ_SECRET} on ${secrets}`, { location });
    const parameters = mayDecrypt && READ_PARAMETER.some((action) => allows(statement, action)) ? allResources(statement, 'ssm', /^parameter\/?/) : undefined;
    // an administrator's statement is said once.
    if (parameters === undefined || secrets !== undefined || isNarrowedBy(statement, WHICH_SECRET)) continue;
    yield finding(resource, `${what} every parameter of the account and decrypt it: ${words} (${role.logicalId}) allows ssm:GetParameter on ${parameters} and kms:Decrypt on every key`, { location, fix: 'name the parameters and the key that it needs as the Resource' });
  }
}

/** The policies of the secrets themselves. */
function* judgePolicies(deployment: Deployment): Iterable<Finding> {
  const secrets = new Set(secretsOf(deployment));
  if (secrets.size === 0) return;
  const { byKey, byName } = secretFinder(deployment.templates);
  for (const policy of deployment.templates.ofType('AWS::SecretsManager::ResourcePolicy')) {
    const secret = property(policy, 'SecretId').flatMap(textsOf).flatMap((text) => [...keysIn(text).map(byKey), byName(text)]).find((each) => each !== undefined && secrets.has(each));
    if (secret === undefined) continue;
    const open = property(policy, 'ResourcePolicy').flatMap(allowedBy).some((statement) => isForAnybody(statement) && allows(statement, READ_SECRET) && !isNarrowedBy(statement, WHO));
    if (open) yield finding(policy, `everybody may read secret ${secret.logicalId} of ClickHouse: its policy allows any principal, without a condition on who asks`, { location: 'Properties.ResourcePolicy', fix: 'name the principals, or demand aws:PrincipalOrgID or aws:PrincipalAccount' });
  }
}
