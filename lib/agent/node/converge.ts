import type { NodePorts } from './ports';
import type { Shared } from './watch';

/**
 * One pass over what may change while ClickHouse runs: users and documents of the live manifest, then the certificate. Says whether something was
 * left open.
 *
 * The deployment waits for the report, so there is none before the running server has read everything, nobody is admitted who is not declared, and
 * every database is there. A secret that cannot be read has no part in that: its user keeps or loses his password, and the deployment that removes another
 * must not be held up by it.
 */
export async function convergePass({ role, configuration, surroundings }: NodePorts, shared: Shared): Promise<{ readonly retry: boolean }> {
  const livePart = async (): Promise<boolean> => {
    if (role !== 'server') return true;
    // before the manifest is read: a pointer that moves meanwhile has moved.
    const pointer = await configuration.pointer();
    const { sha256, declared, complete, apply } = await configuration.live();
    // nobody listens yet: what was written is read at the start.
    if (shared.listening !== true) return complete;
    shared.pointer = pointer;
    const applied = await apply();
    if (!applied) return false;
    shared.applied = sha256;
    if (declared && shared.reported !== sha256) {
      await surroundings.report(sha256);
      shared.reported = sha256;
    }
    return complete;
  };
  const [users, certificates] = [await settled(livePart), await settled(async () => (await configuration.certificates()).complete)];
  // certificates are looked after also when users cannot be.
  for (const each of [users, certificates]) if ('error' in each) throw each.error;
  return { retry: !('value' in users && users.value) || !('value' in certificates && certificates.value) };
}

async function settled(work: () => Promise<boolean>): Promise<{ readonly value: boolean } | { readonly error: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}
