// The agent as it runs on a machine, in a process of its own that can be killed. What its machine lacks comes over a socket; everything else is
// real. One argument: a file with the settings below.
import { readFileSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { instanceMetadata } from '../../../lib/agent/cloud/metadata';
import { readIdentity } from '../../../lib/agent/identity';
import { exclusively } from '../../../lib/agent/lock';
import { realParts } from '../../../lib/agent/node/parts';
import { serve } from '../../../lib/agent/node/service';
import type { ProgramResult } from '../../../lib/agent/programs';

export interface AgentSettings {
  readonly root: string;
  readonly control: string;
  readonly metadata: string;
  readonly httpsPort: number;
  /** how many times faster than on a node pauses pass. */
  readonly haste: number;
}

const [, , file = ''] = process.argv;
const { root, control, metadata, httpsPort, haste } = JSON.parse(readFileSync(file, 'utf8')) as AgentSettings;
const identity = readIdentity(readFileSync(`${root}/etc/clickhouse-agent/identity.json`, 'utf8'));
const text = readFileSync(`${root}/etc/clickhouse-agent/boot.json`, 'utf8');
const real = realParts(identity.region);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

void serve(
  { identity, text },
  {
    ...real,
    root,
    ports: { ...real.ports, https: httpsPort },
    programs: {
      run: async (program, args, options) => {
        const response = await fetch(control, { method: 'POST', body: JSON.stringify({ program, args, ...options }) });
        return (await response.json()) as ProgramResult;
      },
    },
    metadata: instanceMetadata(metadata),
    writeKernelFile: (path, content) => writeFileSync(path, content),
    exclusively: (work) => exclusively(`${root}/run/lock`, 30, work),
    sleep: (milliseconds, signal) => real.sleep(milliseconds / haste, signal),
  },
  stop.signal,
).then(() => process.exit(0), (error: unknown) => {
  process.stderr.write(`agent: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 70;
});
