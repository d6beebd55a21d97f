import { EVERY_ATTACK, IMPATIENT, LIFTING } from './attacks';
import type { Engine } from './engine';
import { describeEngine, startEngine } from './engine';
import { FOREIGN_PAGE, lettingIn, unwantedPages } from './http';
import { PACKAGED } from './packaged';

describeEngine('the insecure control is open: what the other tests attack with does work', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await startEngine({ documents: PACKAGED, bootstrap: false });
    for (const sql of ['CREATE DATABASE events', 'CREATE DATABASE secrets']) await engine.admin(sql);
    for (const database of ['events', 'secrets']) await engine.admin(`CREATE TABLE ${database}.facts (n UInt64) ENGINE = MergeTree ORDER BY n`);
  });

  afterAll(() => engine?.stop());

  test('anybody is logged in, from anywhere, with nothing', async () => {
    for (const from of ['127.0.0.1', '10.20.0.5', '203.0.113.9']) {
      expect(await engine.query('SELECT currentUser()', undefined, { from })).toMatchObject({ status: 200, body: 'default\n' });
    }
  });

  test.each(unwantedPages(0).map(({ method = 'GET', path, control, headers }, index) => [method, path, headers ? 'as a WebSocket' : '', control, index] as const))(
    '%s %s %s is answered with %i',
    async (_method, _path, _socket, status, index) => {
      const page = unwantedPages(engine.port)[index];
      expect(page && (await engine.send(page)).status).toBe(status);
    },
  );

  test('any web page may talk to it', async () => {
    const reply = await engine.send({ path: '/', method: 'OPTIONS', headers: FOREIGN_PAGE });
    expect(reply.headers['access-control-allow-origin']).toBe('*');
    expect(lettingIn(reply)).not.toEqual([]);
  });

  test('a query may lift every limit', async () => {
    for (const [name, value] of Object.entries(LIFTING)) {
      expect([name, await engine.query('SELECT 1', undefined, { settings: { [name]: value } })]).toMatchObject([name, { status: 200 }]);
    }
  });

  test('every attack passes the check of privileges', async () => {
    const outcomes: Record<string, number> = {};
    for (const { sql, control } of EVERY_ATTACK) {
      if (control !== undefined) outcomes[sql] = (await engine.query(sql, undefined, { settings: IMPATIENT })).code;
    }
    expect(outcomes).toEqual(Object.fromEntries(EVERY_ATTACK.filter(({ control }) => control !== undefined).map(({ sql, control }) => [sql, control])));
  });
});
