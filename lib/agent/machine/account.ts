import type { Programs } from '../programs';
import { succeed } from '../programs';

/**
 * The id of the user and of the group `clickhouse`. It is fixed because files on the data volume keep the number of their owner when the volume moves
 * to a new machine, and an image that gave the number to somebody else would give him the data. Above what distributions give to services (up to 999),
 * and not what the first people of a machine get (from 1000).
 */
export const CLICKHOUSE_ID = 8123;

const NAME = 'clickhouse';
const ADVICE = `build the machine image with user and group ${NAME} as ${CLICKHOUSE_ID}, or without them`;

/** What accounts are read and made with. */
export interface AccountWorld {
  readonly programs: Programs;
  read(path: string): string;
  readonly paths: { /** /etc/passwd */ readonly passwd: string; /** /etc/group */ readonly group: string };
}

/** The ids that ClickHouse runs with. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly shell: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Makes group and user unless they are there. Fails when they are others than they should be: their files would be somebody else's. */
export async function ensureAccount(world: AccountWorld): Promise<Account> {
  const { programs, paths } = world;
  const look = (): { users: User[]; groups: Group[] } => ({ users: usersIn(world.read(paths.passwd)), groups: groupsIn(world.read(paths.group)) });
  const before = look();
  check(before.users, before.groups);
  // `--system`: no subordinate ids, with which a user may make user namespaces, and no mailbox. https://man7.org/linux/man-pages/man8/useradd.8.html
  if (!before.groups.some(({ name }) => name === NAME)) await succeed(programs, '/usr/sbin/groupadd', ['--system', '--gid', String(CLICKHOUSE_ID), NAME]);
  if (!before.users.some(({ name }) => name === NAME)) {
    const options = ['--system', '--uid', String(CLICKHOUSE_ID), '--gid', String(CLICKHOUSE_ID), '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/sbin/nologin'];
    await succeed(programs, '/usr/sbin/useradd', [...options, NAME]);
  }
  const { users, groups } = look();
  check(users, groups);
  if (!users.some(({ name }) => name === NAME) || !groups.some(({ name }) => name === NAME)) throw new Error(`useradd made no user ${NAME}, and said nothing`);
  return { uid: CLICKHOUSE_ID, gid: CLICKHOUSE_ID };
}

/** Fails when somebody else has the id, or `clickhouse` another, or may do more than run ClickHouse. */
function check(users: readonly User[], groups: readonly Group[]): void {
  for (const { name, uid, gid, shell } of users) {
    const ours = name === NAME;
    if (ours && uid !== CLICKHOUSE_ID) throw new Error(`the user ${NAME} has the id ${uid}, not ${CLICKHOUSE_ID}; ${ADVICE}`);
    if (ours && gid !== CLICKHOUSE_ID) throw new Error(`the user ${NAME} is of the group ${gid}, not ${CLICKHOUSE_ID}; ${ADVICE}`);
    if (ours && !/\/(?:nologin|false)$/.test(shell)) throw new Error(`the user ${NAME} can log in, with ${JSON.stringify(shell)}; ${ADVICE}`);
    if (!ours && uid === CLICKHOUSE_ID) throw new Error(`the id ${CLICKHOUSE_ID} is that of the user ${JSON.stringify(name)}; ${ADVICE}`);
    // the group reads the keys and the hashes of passwords.
    if (!ours && gid === CLICKHOUSE_ID) throw new Error(`the user ${JSON.stringify(name)} is of the group ${CLICKHOUSE_ID}; ${ADVICE}`);
  }
  for (const { name, gid, members } of groups) {
    const ours = name === NAME;
    if (ours && gid !== CLICKHOUSE_ID) throw new Error(`the group ${NAME} has the id ${gid}, not ${CLICKHOUSE_ID}; ${ADVICE}`);
    if (!ours && gid === CLICKHOUSE_ID) throw new Error(`the id ${CLICKHOUSE_ID} is that of the group ${JSON.stringify(name)}; ${ADVICE}`);
    const stranger = members.find((member) => (member === NAME) !== ours);
    if ((ours || members.includes(NAME)) && stranger !== undefined) throw new Error(`${JSON.stringify(stranger)} is a member of the group ${JSON.stringify(name)}; ${ADVICE}`);
  }
}

/** https://man7.org/linux/man-pages/man5/passwd.5.html */
function usersIn(text: string): User[] {
  return lines(text).map(([name = '', , uid, gid, , , shell = '']) => ({ name, uid: Number(uid), gid: Number(gid), shell }));
}

/** https://man7.org/linux/man-pages/man5/group.5.html */
function groupsIn(text: string): Group[] {
  return lines(text).map(([name = '', , gid, members = '']) => ({ name, gid: Number(gid), members: members.split(',').filter((each) => each !== '') }));
}

function lines(text: string): string[][] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(':'));
}
