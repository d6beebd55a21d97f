import { randomBytes } from 'node:crypto';
import { BUILT_IN } from '../../config/names';
import { sha256Hex } from '../../config/manifest';
import type { Marks } from './marks';

/** The node-local account: made anew whenever the agent starts, kept in its memory, admitted from this machine only. */
export interface Maintenance {
  readonly user: string;
  readonly password: string;
  readonly hash: string;
}

export function newMaintenance(): Maintenance {
  const password = randomBytes(32).toString('base64url');
  return { user: BUILT_IN.maintenanceUser, password, hash: sha256Hex(password) };
}

/** The hash of the agent that runs, for who else writes the users' main document. */
export function maintenanceHash(marks: Marks): string {
  const hash = marks.text('maintenance');
  if (hash === undefined) throw new Error('the agent has not prepared this machine yet, so there are no users to look after; try again when it has');
  return hash;
}
