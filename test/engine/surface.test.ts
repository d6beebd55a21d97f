import type { Engine } from './engine';
import { describeEngine, startEngine } from './engine';
import { FOREIGN_PAGE, UNWANTED_METHODS, lettingIn, unwantedPages } from './http';
import { EVENTS, login, nodeValues, serverDocuments, hashesOf } from './rendered';

describeEngine('what the HTTP interface answers', () => {
  let engine: Engine;
  const { user, password } = login('owner');
  const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password };

  beforeAll(async () => {
    engine = await startEngine({ documents: serverDocuments(EVENTS), holes: nodeValues(hashesOf(EVENTS)) });
  });

  afterAll(() => engine?.stop());

  test('health checks, to anybody', async () => {
    for (const path of ['/ping', '/replicas_status']) expect(await engine.send({ path })).toMatchObject({ status: 200, body: 'Ok.\n' });
    expect(await engine.send({ path: '/ping', method: 'HEAD' })).toMatchObject({ status: 200 });
    // would list tables and their delays. There is no replicated table in this engine, so only that it is answered is shown.
    expect(await engine.send({ path: '/replicas_status?verbose=1' })).toMatchObject({ status: 200, body: 'Ok.\n' });
  });

  test('queries, to those who log in', async () => {
    expect(await engine.send({ path: '/?query=SELECT+1', headers })).toMatchObject({ status: 200, body: '1\n' });
    expect(await engine.send({ path: '/', method: 'POST', body: 'SELECT 1', headers })).toMatchObject({ status: 200, body: '1\n' });
    expect(await engine.send({ path: '/?query=SELECT', method: 'POST', body: ' 1', headers })).toMatchObject({ status: 200, body: '1\n' });
    expect(await engine.send({ path: '/?query=SELECT+1' })).toMatchObject({ status: 401, code: 194 });
    expect(await engine.send({ path: '/' })).toMatchObject({ status: 401, code: 194 });
  });

  // with a login as well as without: none of these paths is there at all.
  test.each(unwantedPages(0).map(({ method = 'GET', path, headers: socket }, index) => [method, path, socket ? 'as a WebSocket' : '', index] as const))(
    '%s %s %s: nothing',
    async (_method, _path, _socket, index) => {
      const page = unwantedPages(engine.port)[index];
      if (!page) throw new Error('no such page');
      const { method, path } = page;
      for (const each of [page.headers, { ...headers, ...page.headers }]) {
        const reply = await engine.send({ path, method, headers: each });
        expect([path, reply.status]).toEqual([path, 404]);
        expect(reply.body).not.toMatch(/<html|<script|function/i);
      }
    },
  );

  test.each(UNWANTED_METHODS)('%s: nothing, on any path', async (method) => {
    for (const path of ['/', '/?query=SELECT+1', '/ping', '/replicas_status', '/play']) {
      const { status, body } = await engine.send({ path, method, headers: { ...headers, 'Content-Length': '0' } });
      expect([path, [404, 501].includes(status) ? 'refused' : status]).toEqual([path, 'refused']);
      expect(body).not.toMatch(/^1\n/);
    }
  });

  test('a page of another origin is not let in, neither before nor after logging in', async () => {
    for (const path of ['/', '/ping', '/replicas_status', '/play', '/?query=SELECT+1', '/?query=SELECT+1&add_http_cors_header=1']) {
      for (const method of ['GET', 'POST', 'OPTIONS', 'HEAD']) {
        for (const given of [FOREIGN_PAGE, { ...FOREIGN_PAGE, ...headers }]) {
          const reply = await engine.send({ path, method, headers: { ...given, 'Content-Length': '0' } });
          expect([method, path, lettingIn(reply)]).toEqual([method, path, []]);
        }
      }
    }
  });

  test('a query cannot set the headers of its answer', async () => {
    const settings = { http_response_headers: "{'Set-Cookie': 'a=b', 'Content-Type': 'text/html'}" };
    expect(await engine.query('SELECT 1', login('owner'), { settings })).toMatchObject({ status: 500, code: 452 });
  });

  test('a request with an oversized header or address is cut off', async () => {
    const many = Object.fromEntries(Array.from({ length: 1100 }, (_, index) => [`X-${index}`, 'x']));
    expect((await engine.send({ path: '/ping', headers: many })).status).toBe(400);
    expect((await engine.send({ path: '/ping', headers: { 'X-Long': 'x'.repeat(140_000) } })).status).toBe(400);
  });
});
