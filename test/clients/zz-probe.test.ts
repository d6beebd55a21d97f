import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCEPTED, attempt, documented, nativeProtocol, onPort, run } from './harness';
test('probe', async () => {
  const how = ACCEPTED['a node by its name'];
  if (!how) return;
  const out = await attempt(how, (folder, port, env) => {
    writeFileSync(join(folder, 'clickhouse-client.xml'), documented('clickhouse-client', 'xml'));
    return run('bash', ['-c', `clickhouse-client() { /tmp/cl/chc "$@"; }\n${onPort(documented('clickhouse-client', 'sh'), 9440, port)}`], folder, env);
  }, (socket) => { socket.on('data', (b) => console.log(b.toString('hex'), b.toString('latin1'))); nativeProtocol(socket); });
  console.log(out);
});
