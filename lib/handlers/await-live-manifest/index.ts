import { customResource, log } from '../cloudformation';
import { movePointer } from '../pointer';
import type { LiveRolloutProperties, ReportStore } from './await';
import { rollOut } from './await';
import { s3Reports } from './s3';

let loaded: Promise<ReportStore> | undefined;

// loaded with the first question: a deletion asks none.
const reports = (): Promise<ReportStore> => (loaded ??= import('@aws-sdk/client-s3').then((sdk) => s3Reports(sdk)));

/** Custom resource: waits until every node runs the live manifest. */
export const handler = customResource<LiveRolloutProperties>((event) =>
  rollOut(event, {
    store: {
      list: async (bucket) => (await reports()).list(bucket),
      read: async (bucket, node) => (await reports()).read(bucket, node),
    },
    movePointer,
    now: Date.now,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    waiting: (behind) => log('waiting', { behind: behind.length, nodes: behind.slice(0, 20).join(' ') }),
  }),
);
