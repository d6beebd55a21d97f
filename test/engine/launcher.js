'use strict';
/**
 * Runs the ClickHouse engine of the npm package `chdb` in this process: `node launcher.js <parent's process id> <argument>...`.
 * With `--check` it only loads the engine's library, and says why where it cannot.
 *
 * Plain JavaScript, because it runs by itself, outside the test runner. The call into the engine does not return while the engine serves,
 * and it is made from the main thread: the engine measures its stack against the bounds of the thread that calls it. A second thread
 * watches the parent and ends this process when the parent is gone, however it went.
 */
const { isMainThread, Worker, workerData } = require('node:worker_threads');

if (!isMainThread) {
  outliveNobody(workerData.parent);
} else if (process.argv[2] === '--check') {
  openLibrary();
} else {
  const watch = new Worker(__filename, { workerData: { parent: Number(process.argv[2]) } });
  watch.once('online', () => runEngine(['clickhouse', ...process.argv.slice(3)]));
}

function openLibrary() {
  // late, so that the watching thread never loads it.
  const { libchdbPath } = require('chdb/libchdb');
  const { open } = require('ffi-rs');
  open({ library: 'chdb', path: libchdbPath() });
}

/** `chdb_query_cmdline` takes the command line of `clickhouse local`. */
function runEngine(argv) {
  openLibrary();
  const { DataType, load } = require('ffi-rs');
  // the answer stays unread: what went wrong is on standard error already, and there is none where a configuration was refused.
  load({
    library: 'chdb',
    funcName: 'chdb_query_cmdline',
    retType: DataType.External,
    paramsType: [DataType.I32, DataType.StringArray],
    paramsValue: [argv.length, argv],
  });
  // an orderly exit would wait for threads of the engine that never end.
  process.kill(process.pid, 'SIGKILL');
}

function outliveNobody(parent) {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  // reading a pipe from the parent until it ends would need no polling, but a blocked read keeps the main thread from starting.
  while (process.ppid === parent) Atomics.wait(pause, 0, 0, 200);
  process.kill(process.pid, 'SIGKILL');
}
