import type { DatabaseStatement } from '../../config/manifest';
import type { Query } from './server';
import { reasonOf } from './server';

/**
 * What became of a declared database.
 *
 * - `there`: it was there, and nothing was done.
 * - `created`: it was not, and now is.
 * - `failed`: it is not there. Mostly there is no Keeper yet, so it is tried again.
 */
export type DatabaseOutcome = { readonly name: string } & ({ readonly kind: 'there' | 'created' } | { readonly kind: 'failed'; readonly reason: string });

/** A new replica of a `Replicated` database finds its place in Keeper before the statement ends. */
const CREATE_MILLISECONDS = 60_000;

const PRESENT = 'SELECT name, engine FROM system.databases';

/**
 * Creates the databases of the live manifest that are not there, in its order; one that fails does not keep the next from being tried.
 *
 * Which are there is asked first, so that the usual pass is one cheap question. The statements are the manifest's, and only those of databases that are
 * missing are run.
 */
export async function createDatabases(query: Query, databases: readonly DatabaseStatement[]): Promise<DatabaseOutcome[]> {
  if (databases.length === 0) return [];
  let present: ReadonlyMap<unknown, unknown>;
  try {
    present = new Map((await query(PRESENT)).map(([name, engine]) => [name, engine]));
  } catch (error) {
    return databases.map(({ name }) => ({ name, kind: 'failed', reason: reasonOf(error) }));
  }
  const outcomes: DatabaseOutcome[] = [];
  for (const database of databases) outcomes.push(present.has(database.name) ? already(database, present.get(database.name)) : await created(query, database));
  return outcomes;
}

/** Whether everything that is declared is there. */
export function allThere(outcomes: readonly DatabaseOutcome[]): boolean {
  return outcomes.every(({ kind }) => kind !== 'failed');
}

/** `IF NOT EXISTS` passes over a database of the name that is another kind of one: its tables would be on this server and nowhere else. */
function already({ name, create }: DatabaseStatement, engine: unknown): DatabaseOutcome {
  const declared = / ENGINE = ([A-Za-z]+)/.exec(create)?.[1];
  if (declared === undefined || declared === engine) return { name, kind: 'there' };
  return { name, kind: 'failed', reason: `it is there as ${typeof engine === 'string' ? engine : 'something else'}, and declared as ${declared}` };
}

async function created(query: Query, { name, create }: DatabaseStatement): Promise<DatabaseOutcome> {
  try {
    await query(create, { milliseconds: CREATE_MILLISECONDS });
    return { name, kind: 'created' };
  } catch (error) {
    return { name, kind: 'failed', reason: reasonOf(error) };
  }
}
