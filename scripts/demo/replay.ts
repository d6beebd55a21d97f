import { setTimeout as pause } from 'node:timers/promises';
import type { Reply } from '../../test/engine/engine';
import { CLIENT, startEngine } from '../../test/engine/engine';
import type { Published } from '../../test/engine/live/cluster';
import { LiveCluster } from '../../test/engine/live/cluster';
import { Load, total } from '../../test/engine/live/load';
import { PACKAGED } from '../../test/engine/packaged';

/** An address of the internet. https://www.rfc-editor.org/rfc/rfc5737 */
const ANYWHERE = '203.0.113.9';
const QUERY = 'SELECT * FROM log_stream ORDER BY time';
/** Invented, like the keys in it. */
const LOG_STREAM = [
  'CREATE TABLE log_stream (time DateTime, service String, message String) ENGINE = MergeTree ORDER BY time',
  `INSERT INTO log_stream VALUES ('2025-01-06 09:14:02', 'chat', 'prompt: summarise my contract'), ('2025-01-06 09:14:03', 'gateway', 'Authorization: Bearer invented-key-7f3a'), ('2025-01-06 09:14:07', 'backend', 'connecting as root, password invented-word')`,
];

const row = (title: string, text: string): void => console.log(`  ${title.padEnd(11)}${text}`);
const answer = ({ status, code }: Reply): string => (status === 200 ? `ANSWERED ${status}` : `refused (HTTP ${status}, ClickHouse code ${code})`);
const authenticationFailed = ({ status, code }: Reply): boolean => (status === 401 && code === 194) || (status === 403 && code === 516);

/** The breach against a real server as it was then, the same against ours, and a rotation under load. Whether all of it ended as it must. */
export async function replay(published: Published): Promise<boolean> {
  const exposed = await breach();
  const cluster = await LiveCluster.start(published);
  try {
    const closed = await sameAgainst(cluster);
    const served = await rotation(cluster);
    return exposed && closed && served;
  } finally {
    await cluster.stop();
  }
}

/** What the packages install, with an empty password and open to everybody. */
async function breach(): Promise<boolean> {
  const engine = await startEngine({ documents: PACKAGED, bootstrap: false });
  try {
    for (const sql of LOG_STREAM) await engine.admin(sql);
    console.log(`\nthe breach on a real ClickHouse (${(await engine.admin('SELECT version()')).trim()}, on loopback): ${QUERY}, from the internet, with no login\n`);
    const reply = await engine.query(QUERY, undefined, { from: ANYWHERE });
    const rows = reply.body.trim().split('\n');
    row('exposed', reply.status === 200 ? `answered, ${rows.length} rows:` : answer(reply));
    for (const each of rows) row('', each.replaceAll('\t', '  '));
    return reply.status === 200 && rows.length === 3;
  } finally {
    await engine.stop();
  }
}

async function sameAgainst(cluster: LiveCluster): Promise<boolean> {
  const replies: Reply[] = [];
  const attempt = async (what: string, user: string | undefined, from: string): Promise<void> => {
    const all = await Promise.all(cluster.nodes.map((node) => cluster.ask(node, user === undefined ? undefined : { user }, from, QUERY)));
    row(replies.length === 0 ? 'bin/app.ts' : '', `${what}: ${[...new Set(all.map(answer))].join(', ')}`);
    replies.push(...all);
  };
  await attempt('the same query', undefined, ANYWHERE);
  await attempt('the same from inside the VPC', undefined, CLIENT);
  await attempt("as 'default' with an empty password", 'default', CLIENT);
  return replies.length > 0 && replies.every(authenticationFailed);
}

async function rotation(cluster: LiveCluster): Promise<boolean> {
  const [user = ''] = cluster.users;
  const hosts = cluster.nodes.map(({ host }) => host.split('.')[0]);
  console.log(`\na rotation of the password of '${user}' on ${hosts.join(' and ')}, while clients log in without a break\n`);
  const old = cluster.current(user);
  const load = new Load(cluster, [user]);
  const start = performance.now();
  const outcomes = await cluster.rotate(user);
  const seconds = (performance.now() - start) / 1000;
  await cluster.settled();
  await pause(500);
  await cluster.graceEnds();
  await pause(300);
  const { sent, accepted, refused, surprises } = await load.stop();
  row('rotated', `in ${seconds.toFixed(1)} s: ${outcomes.join(', ')}`);
  const count = (kind: string): number => total(Object.fromEntries(Object.entries(accepted).filter(([what]) => what.includes(kind))));
  row('logins', `${count('current')} with the current password, ${count('in its grace')} with the one before, in its grace: ${surprises.filter((each) => !each.includes('accepted')).length} refused`);
  row('attacks', `${total(refused)} with wrong, empty, other and expired passwords: ${surprises.filter((each) => each.includes('accepted')).length} let in`);
  for (const each of new Set(surprises)) row('', each);
  const afterwards = await Promise.all(cluster.nodes.map((node) => cluster.ask(node, { user, password: old })));
  const closed = afterwards.filter(authenticationFailed).length;
  row('a day on', `the password before is refused on ${closed} of ${cluster.nodes.length} servers`);
  return outcomes.at(-1) === 'Promoted' && surprises.length === 0 && total(accepted) + total(refused) === sent && closed === cluster.nodes.length;
}
