import type { Use } from '../credentials/secrets';
import { isOurs, isTimed, schedulesOf, usesOf } from '../credentials/secrets';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import { METADATA_STATIC_SECRET } from '../../metadata';
import type { Resource, TemplateSet } from '../../exposure/templates/templates';
import { append } from '../../exposure/templates/templates';
import { property, referenceOf, resourceIdentity } from '../../exposure/templates/values';

/**
 * Of secrets that ClickHouse or its clients log in with. A secret that is not in the templates may be rotated by others, and is said to be
 * unknown. Parameters of the Systems Manager have no rotation, and are not looked at.
 */
export const secretWithoutRotation: Rule = {
  id: 'ClickHouse-SecretWithoutRotation',
  severity: 'error',
  info: 'a password of ClickHouse is never replaced',
  explanation: 'Passwords end in logs, dumps, laptops and the memory of people who left. One that is replaced every month is worth nothing to whoever finds it later; one that is not is a key for ever.',
  fix: 'add an AWS::SecretsManager::RotationSchedule with RotationRules for the secret (addRotationSchedule in CDK)',
  link: 'https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets.html',
  *check(deployment: Deployment): Iterable<Finding> {
    const schedules = schedulesOf(deployment.templates);
    const certificates = certificatesOf(deployment.templates);
    const bySecret = new Map<Resource, Use[]>();
    for (const use of usesOf(deployment)) {
      if (use.secret !== undefined) append(bySecret, use.secret, use);
      else if (!(schedules.get(use.name) ?? []).some(isTimed)) yield finding(use.user, `whether secret ${use.name}, used by ${use.words}, is ever replaced cannot be told at synthesis: neither it nor a schedule for it is in the templates`, { location: use.location });
    }
    for (const [secret, uses] of bySecret) {
      if (isInternal(secret, uses) || (certificates.has(secret) && isOfNodes(uses) && isMadeEmpty(secret))) continue;
      const message = problemOf(secret, schedules.get(resourceIdentity(secret)) ?? []);
      if (message !== undefined) yield finding(secret, message(`secret ${secret.logicalId}, used by ${uses[0]?.words ?? 'ClickHouse'},`));
    }
  },
};

/** What is wrong with the rotation of a secret, to be said of its name. */
function problemOf(secret: Resource, schedules: readonly Resource[]): ((name: string) => string) | undefined {
  const [first] = schedules;
  if (first === undefined) return (name) => `${name} is never replaced: it has no rotation schedule`;
  const timed = schedules.filter(isTimed);
  if (timed.length === 0) return (name) => `${name} is never replaced: its schedule ${first.logicalId} has no RotationRules, so nothing starts it`;
  // what comes with the secret or not at all is there when the secret is.
  if (timed.some(({ doubt }) => doubt === undefined || doubt === secret.doubt)) return undefined;
  return (name) => `whether ${name} is ever replaced cannot be told at synthesis: its schedule may be left out, ${timed[0]?.doubt ?? ''}`;
}

/**
 * The one secret of ours that is static: what the nodes of a cluster prove themselves to each other with. ClickHouse takes one at a time
 * there, so that nodes that differ for a moment would refuse each other (https://github.com/ClickHouse/ClickHouse/issues/78615).
 *
 * That its construct says so in metadata makes no exception, for anybody can write that. It must also be what such a secret is: one random
 * word that Secrets Manager generates, which has no name to log in with, and that nobody but nodes of ours is seen to read. As soon as
 * anything else uses it, it is a password like any other.
 */
function isInternal(secret: Resource, uses: readonly Use[]): boolean {
  const reason = secret.metadata[METADATA_STATIC_SECRET];
  if (typeof reason !== 'string' || reason.length < 20) return false;
  const isOneWord = property(secret, 'GenerateSecretString').length > 0 && property(secret, 'GenerateSecretString', 'SecretStringTemplate').length === 0 && property(secret, 'SecretString').length === 0;
  return isOneWord && isOfNodes(uses);
}

function isOfNodes(uses: readonly Use[]): boolean {
  return uses.every(({ user }) => user.type === 'AWS::EC2::LaunchTemplate' && isOurs(user));
}

/**
 * The secrets of nodes' certificates, which their issuer replaces by itself: those that a certificate of ours names. What else such a
 * resource is named for is no password if it comes into the world with nothing in it and only nodes of ours read it.
 */
function certificatesOf(templates: TemplateSet): ReadonlySet<Resource> {
  const secrets = templates.ofType('Custom::ClickHouseCertificate').flatMap((certificate) => {
    const [secret, ...others] = property(certificate, 'SecretArn').map((value) => referenceOf(value)?.resource);
    // what may be left out, or be another one's, replaces nothing.
    return secret !== undefined && others.length === 0 && (certificate.doubt === undefined || certificate.doubt === secret.doubt) ? [secret] : [];
  });
  return new Set(secrets);
}

function isMadeEmpty(secret: Resource): boolean {
  return property(secret, 'GenerateSecretString').length === 0 && property(secret, 'SecretString').length === 0;
}
