import { establish } from './establish';
import type { RenewEvent } from './event';
import { IssueFailure } from './failure';
import { asFailure, bring, readIssuer } from './issue';
import type { Found, World } from './world';

/** Each issue is a signature and a few calls; this many at once keep one small function busy and no service out of breath. */
export const AT_ONCE = 4;

/** An authority that ends sooner is to be replaced now: nodes and clients need time to trust its successor. */
const LEAST_LEFT = 180 * 86_400_000;

/** How the secrets were left, by outcome. */
export type Summary = Readonly<Record<string, number>>;

/**
 * Makes the authority what it is to be, and renews what is to be renewed in every secret with the tag. One that fails does not keep the others from it; the run then fails at the end
 * and says which. Starts nothing after the deadline.
 */
export async function renewAll({ tag, caParameter, keyId, authority, force = false }: RenewEvent['renew'], deadline: number, world: World): Promise<Summary> {
  const { secrets, signer, now, log } = world;
  // CloudFormation asks when something changes and not when years have passed, or when somebody has emptied the parameter.
  if (authority !== undefined) {
    await establish(authority, world).catch((error: unknown) => {
      throw asFailure(error);
    });
  }
  const issuer = await readIssuer(caParameter, keyId, world).catch((error: unknown) => {
    throw asFailure(error);
  });
  const found = await secrets.list(tag).catch((error: unknown) => {
    throw asFailure(error);
  });
  // a cluster has nodes: none found means that none would be renewed, ever.
  if (found.length === 0) throw new IssueFailure('NoSecrets', `no secret has the tag ${tag.key}=${tag.value}; deploy the cluster`);
  const outcomes = new Map<Found, string>(found.map((each) => [each, 'OutOfTime']));
  const failed = new Set<Found>(found);
  const queue = found.values();
  const key = signer(keyId);
  const worker = async (): Promise<void> => {
    for (const each of queue) {
      if (now() >= deadline) return;
      try {
        outcomes.set(each, (await bring({ kind: 'renew', force }, each.arn, issuer, key, deadline, world)).outcome);
        failed.delete(each);
      } catch (error) {
        outcomes.set(each, asFailure(error).code);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const summary: Record<string, number> = {};
  for (const outcome of outcomes.values()) summary[outcome] = (summary[outcome] ?? 0) + 1;
  log('certificates renewed', { ...summary, secrets: found.length });
  if (failed.size > 0) throw new IssueFailure('NotRenewed', `${failed.size} of ${found.length} certificates could not be looked after: ${list([...failed].map((each) => `${each.name} (${outcomes.get(each) ?? ''})`))}; look at the lines of this run, and deploy or repair what they name`);
  const left = issuer.signing.notAfter - now();
  if (left < LEAST_LEFT) throw new IssueFailure('AuthorityEnds', `the authority's certificate ends on ${new Date(issuer.signing.notAfter).toISOString()}; replace its key by another one`);
  return summary;
}

function list(names: readonly string[]): string {
  return names.slice(0, 20).join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');
}
