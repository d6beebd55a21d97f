import { createHash } from 'node:crypto';
import type { ClusterModel } from '../../lib/config/manifests';
import type { Engine, Login, QueryOptions, Reply } from './engine';
import { CLIENT, NODE, STRANGER, describeEngine, startEngine } from './engine';
import { EVENTS, MAINTENANCE, SECRETS, VALID, login, nodeValues, serverDocuments, hashesOf } from './rendered';
import { PATHS } from '../../lib/config/paths';

const DECLARED = ['ingest', 'reports', 'owner', 'nothing'];
const CERTIFICATE = { subjectAltName: 'URI:spiffe://events/batch' };
const MODEL: ClusterModel = {
  ...EVENTS,
  users: [...(EVENTS.users ?? []), { name: 'audit' }, { name: 'either', certificate: CERTIFICATE }, { name: 'batch', password: false, certificate: { commonName: 'batch', ...CERTIFICATE } }],
};
const HOLES = nodeValues(hashesOf(MODEL));

/** Authentication failed, whatever the reason. */
const REFUSED = { status: 403, code: 516 };
/** Authentication failed for `default`, which ClickHouse answers differently: it asks a browser for the password. */
const ASKED = { status: 401, code: 194 };

describeEngine('logging in', () => {
  let engine: Engine;

  beforeAll(async () => {
    // the secret of the user 'audit' could not be read, so the node left the user out.
    engine = await startEngine({ documents: serverDocuments(MODEL, ['audit']), holes: HOLES });
  });

  afterAll(() => engine?.stop());

  const attempt = (who?: Login, options?: QueryOptions) => engine.query('SELECT currentUser()', who, options);

  describe.each(DECLARED)('%s', (user) => {
    test.each(['headers', 'basic', 'url'] as const)('logs in with the password sent in %s', async (as) => {
      expect(await attempt(login(user), { as })).toMatchObject({ status: 200, code: 0, body: `${user}\n` });
    });

    test.each(VALID)('logs in with the %s password', async (which) => {
      expect(await attempt(login(user, which))).toMatchObject({ status: 200, body: `${user}\n` });
    });

    test.each(['headers', 'basic', 'url'] as const)('is refused with anything else sent in %s', async (as) => {
      const { password } = login(user);
      const hash = createHash('sha256').update(password).digest('hex');
      const wrong = [
        '', 'x', 'another-password', user, password.toUpperCase(), password.slice(0, -1), `${password}x`,
        // what a header cannot carry: HTTP drops spaces at its ends.
        ...(as === 'headers' ? [] : [' ', `${password} `, `${password}\0`, `\0${password}`]),
        hash, hash.toUpperCase(), createHash('sha256').update(password).digest('base64'), ...DECLARED.filter((other) => other !== user).map((other) => login(other).password),
        MAINTENANCE.password, SECRETS.cluster, SECRETS.interserver,
      ];
      for (const each of wrong) expect([each, await attempt({ user, password: each }, { as })]).toMatchObject([each, REFUSED]);
    });

    test('logs in from where passwords are rotated', async () => {
      expect(await fromAddress('10.30.0.7', login(user))).toMatchObject({ status: 200 });
    });

    test('is refused from outside the networks', async () => {
      for (const from of [STRANGER, '10.30.1.0', NODE, '10.19.255.255', '10.21.0.0', '203.0.113.9', '::1', '2001:db8::1']) {
        expect([from, await fromAddress(from, login(user))]).toMatchObject([from, REFUSED]);
      }
    });

    test('is not known by other spellings of the name', async () => {
      const { password } = login(user);
      for (const name of [user.toUpperCase(), ` ${user}`, `${user} `, `${user}\0`, `'${user}'`, `${user}'--`, `${user}@%`]) {
        expect([name, await attempt({ user: name, password }, { as: 'url' })]).toMatchObject([name, REFUSED]);
      }
    });
  });

  // a header that Node itself would not add for the address of the node.
  const fromAddress = (from: string, who: Required<Login>) =>
    engine.send({
      path: '/?query=SELECT+1',
      from: NODE,
      headers: { 'X-Forwarded-For': from, 'X-ClickHouse-User': who.user, 'X-ClickHouse-Key': who.password },
    });

  test('nobody is refused', async () => {
    for (const method of ['GET', 'POST']) {
      expect(await engine.send({ path: '/?query=SELECT+1', method })).toMatchObject(ASKED);
      expect(await engine.send({ path: '/', method })).toMatchObject(ASKED);
    }
    expect(await engine.query('SELECT 1', { user: '' })).toMatchObject(ASKED);
    expect(await engine.query('SELECT 1', { user: '', password: login('ingest').password })).toMatchObject(REFUSED);
  });

  test('default is refused, with no password and with any', async () => {
    expect(await attempt({ user: 'default' })).toMatchObject(ASKED);
    for (const password of ['default', 'clickhouse', 'password', login('owner').password, MAINTENANCE.password]) {
      expect([password, await attempt({ user: 'default', password })]).toMatchObject([password, ASKED]);
    }
  });

  test('other ways of proving who one is are refused', async () => {
    const ways: [Record<string, string>, object][] = [
      [{ 'X-ClickHouse-User': 'owner', 'X-ClickHouse-SSL-Certificate-Auth': 'on' }, REFUSED],
      [{ Authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvd25lciJ9.' }, REFUSED],
      // bad arguments: there is no Kerberos here.
      [{ Authorization: 'Negotiate YII=' }, { status: 400, code: 36 }],
      [{ Authorization: 'never' }, REFUSED],
      [{ Authorization: `Basic ${Buffer.from('owner').toString('base64')}` }, REFUSED],
    ];
    const outcomes = [];
    for (const [headers] of ways) {
      const { status, code } = await engine.send({ path: '/?query=SELECT+1', headers });
      outcomes.push([headers, { status, code }]);
    }
    expect(outcomes).toEqual(ways);
  });

  test('the declared networks of a user replace those of the cluster', async () => {
    expect(await attempt(login('abroad'), { from: '10.50.3.4' })).toMatchObject({ status: 200 });
    expect(await attempt(login('abroad'), { from: '192.168.7.9' })).toMatchObject({ status: 200 });
    for (const from of [CLIENT, '192.168.7.8', STRANGER]) expect([from, await attempt(login('abroad'), { from })]).toMatchObject([from, REFUSED]);
  });

  test('a certificate is one more way in, or the only one', async () => {
    const methods = await engine.admin("SELECT name, toString(auth_type), toString(auth_params) FROM system.users WHERE name IN ('either', 'batch') ORDER BY name");
    const [batch = '', either = ''] = methods.replaceAll('\\', '').split('\n');
    expect(batch).toMatch(/^batch\t\['ssl_certificate'\]\t.*batch.*spiffe:\/\/events\/batch/);
    expect(either).toMatch(/^either\t\['sha256_password',.*'ssl_certificate'\]/);
    expect(await attempt(login('either'))).toMatchObject({ status: 200 });
    // there is no TLS in this engine, so no certificate either: whoever only says to have one is refused.
    for (const password of ['', 'batch', login('batch').password, 'URI:spiffe://events/batch']) expect([password, await attempt({ user: 'batch', password })]).toMatchObject([password, REFUSED]);
    for (const user of ['batch', 'either']) {
      expect(await engine.send({ path: '/?query=SELECT+1', headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-SSL-Certificate-Auth': 'on' } })).toMatchObject(REFUSED);
    }
    // nobody rotates what is not there.
    expect(await engine.admin("SELECT arrayJoin(host_ip) FROM system.users WHERE name = 'batch'")).toBe('10.20.0.0/16\n');
  });

  test('the node-local account logs in on the node only', async () => {
    expect(await attempt(MAINTENANCE, { from: NODE })).toMatchObject({ status: 200, body: 'node_maintenance\n' });
    expect(await attempt(MAINTENANCE, { from: CLIENT })).toMatchObject(REFUSED);
    expect(await attempt({ ...MAINTENANCE, password: '' }, { from: NODE })).toMatchObject(REFUSED);
    expect(await attempt({ ...MAINTENANCE, password: HOLES.maintenanceHash }, { from: NODE })).toMatchObject(REFUSED);
  });

  test('a user that was left out is refused and the others are served', async () => {
    expect(await attempt(login('audit'))).toMatchObject(REFUSED);
    expect(await attempt(login('ingest'))).toMatchObject({ status: 200 });
  });

  test('an answer does not tell whether the user exists', async () => {
    const anonymous = (reply: Reply, user: string) => ({
      status: reply.status,
      headers: Object.keys(reply.headers).sort(),
      body: reply.body.replaceAll(user, 'USER'),
    });
    const known = anonymous(await attempt({ user: 'ingest', password: 'x' }), 'ingest');
    const unknown = anonymous(await attempt({ user: 'nobody', password: 'x' }), 'nobody');
    const stranger = anonymous(await attempt(login('ingest'), { from: STRANGER }), 'ingest');
    expect(known).toMatchObject({ status: 403 });
    expect(unknown).toEqual(known);
    expect(stranger).toEqual(known);
  });

  test('every failure and every success is in the audit trail, with the address', async () => {
    await attempt({ user: 'intruder', password: 'x' }, { from: STRANGER });
    await attempt(login('ingest'));
    await engine.admin('SYSTEM FLUSH LOGS');
    const rows = await engine.admin("SELECT DISTINCT type, user, interface, client_address FROM system.session_log WHERE user IN ('intruder', 'ingest') AND client_address IN (toIPv6('10.99.0.5'), toIPv6('10.20.0.5')) ORDER BY ALL");
    expect(rows.split('\n')).toEqual(expect.arrayContaining([
      `LoginFailure\tintruder\tHTTP\t::ffff:${STRANGER}`,
      `LoginFailure\tingest\tHTTP\t::ffff:${STRANGER}`,
      `LoginSuccess\tingest\tHTTP\t::ffff:${CLIENT}`,
    ]));
  });

  test('no password, hash or secret is in what the engine logs, at its most talkative', async () => {
    await engine.admin('SYSTEM FLUSH LOGS');
    const log = [engine.log(), await engine.admin('SELECT * FROM system.session_log'), await engine.admin('SELECT * FROM system.query_log')].join('\n');
    expect(log).toContain("Authenticating user 'ingest'");
    expect(log).toContain('LoginFailure\t');
    const secrets = [
      ...DECLARED.flatMap((user) => VALID.map((which) => login(user, which).password)),
      ...Object.values(HOLES.passwordHashes ?? {}).flat(),
      MAINTENANCE.password, HOLES.maintenanceHash ?? '', SECRETS.cluster, SECRETS.interserver,
    ];
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(20);
      expect([secret, log.includes(secret)]).toEqual([secret, false]);
    }
  });
});

describeEngine('where a client comes from', () => {
  test('is not what the client says', async () => {
    const engine = await startEngine({ documents: serverDocuments(EVENTS), holes: HOLES, clientsNameTheirAddress: false });
    try {
      // in the other tests these words are believed, and then the same login works.
      // X-Forwarded-For is sent with every request here.
      const claims: Record<string, string>[] = [{}, { 'X-Real-IP': CLIENT }, { Forwarded: `for=${CLIENT}` }, { 'X-Forwarded-For': `${CLIENT}, ${CLIENT}` }];
      for (const headers of claims) {
        const { user, password } = login('ingest');
        const reply = await engine.send({ path: '/?query=SELECT+1', headers: { ...headers, 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password } });
        expect([headers, reply]).toMatchObject([headers, REFUSED]);
      }
    } finally {
      await engine.stop();
    }
  });
});

describeEngine('a rotation, step by step', () => {
  const sha = (password: string) => createHash('sha256').update(password).digest('hex');
  const [a, b, c] = ['A', 'B', 'C'].map((name) => `password-${name}-of-this-test-only`) as [string, string, string];

  test.each([
    ['before', [a]],
    ['pending is set', [a, b]],
    ['promoted, the previous one in its grace', [b, a]],
    ['the next one is set within the grace', [b, c, a]],
    ['the grace is over, and two that are the same', [c, c]],
  ] as const)('%s', async (_step, accepted) => {
    const engine = await startEngine({ documents: serverDocuments(EVENTS), holes: { ...HOLES, passwordHashes: { ...HOLES.passwordHashes, ingest: accepted.map(sha) } } });
    try {
      const statuses: Record<string, number> = {};
      for (const password of [a, b, c]) statuses[password] = (await engine.query('SELECT 1', { user: 'ingest', password })).status;
      expect(statuses).toEqual(Object.fromEntries([a, b, c].map((password) => [password, (accepted as readonly string[]).includes(password) ? 200 : 403])));
      // the others do not notice.
      expect(await engine.query('SELECT 1', login('reports'))).toMatchObject({ status: 200 });
    } finally {
      await engine.stop();
    }
  });
});

describeEngine('a configuration that lets somebody in without a password does not start', () => {
  const start = (documents: Record<string, string>, bootstrap = true) => startEngine({ documents: { ...serverDocuments(EVENTS), ...documents }, holes: HOLES, bootstrap });
  const user = (authentication: string) =>
    `<clickhouse><users><careless>${authentication}<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota><grants><query>GRANT NONE ON *.*</query></grants></careless></users></clickhouse>`;
  const CARELESS = `${PATHS.usersConfigDirectory}/careless.xml`;

  test('the rendered documents alone: default does not exist, not even on the node with an empty password', async () => {
    await expect(start({}, false)).rejects.toThrow(/default: Authentication failed/);
  });

  test('the control: with a hash the same document starts', async () => {
    const engine = await start({ [CARELESS]: user(`<password_sha256_hex>${createHash('sha256').update('x').digest('hex')}</password_sha256_hex>`) });
    expect(await engine.query('SELECT 1', { user: 'careless', password: 'x' }, { from: '203.0.113.9' })).toMatchObject({ status: 200 });
    await engine.stop();
  });

  test.each([
    ['<no_password/>', /NO_PASSWORD is not allowed/],
    ['<password></password>', /PLAINTEXT_PASSWORD is not allowed/],
    ['<password>readable</password>', /PLAINTEXT_PASSWORD is not allowed/],
    ['<password from_env="NOT_SET_ANYWHERE"/>', /PLAINTEXT_PASSWORD is not allowed/],
    ['<auth_methods><current><no_password/></current></auth_methods>', /NO_PASSWORD is not allowed/],
    ['', /password/],
  ])('%s', async (authentication, why) => {
    await expect(start({ [CARELESS]: user(authentication) })).rejects.toThrow(why);
  });
});
