// A process of the bench: synthesises clusters of several sizes in turns, and prints how long each took and how large its templates are.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { App, AssetStaging, Fn, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { ClickHouseCluster, ClickHouseVpcEndpoints } from '../../lib';
import { MOST_NODES_IN_ONE_STACK } from '../../lib/cluster/placement';

/** How many of each there are. */
export interface ClusterSize {
  readonly shards: number;
  readonly replicas: number;
  readonly keepers: number;
}

/** What to do, as JSON in the first argument. */
export interface ScaleTask {
  readonly sizes: readonly ClusterSize[];
  readonly warmUps: number;
  readonly runs: number;
  /** where to write. */
  readonly folder: string;
}

/** What one size costs. */
export interface ScaleResult {
  readonly nodes: number;
  /** milliseconds of each run. */
  readonly times: readonly number[];
  /** bytes of each template, the cluster's own and those of nested stacks. */
  readonly templates: readonly number[];
}

function synthesise(size: ClusterSize, folder: string): { readonly ms: number; readonly templates: readonly number[] } {
  const outdir = mkdtempSync(join(folder, 'out-'));
  AssetStaging.clearAssetHashCache();
  global.gc?.();
  try {
    const start = performance.now();
    const app = new App({ outdir, builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'Analytics');
    // as in bin/app.ts, so that the figures are those of the example with more nodes.
    const vpc = new ec2.Vpc(stack, 'Vpc', {
      availabilityZones: [0, 1, 2].map((zone) => Fn.select(zone, Fn.getAzs())),
      natGateways: 0,
      subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
    });
    const vpcEndpoints = new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc });
    new ClickHouseCluster(stack, 'ClickHouse', { vpc, vpcEndpoints, ...size, nestedStacks: nodesOf(size) > MOST_NODES_IN_ONE_STACK });
    app.synth();
    const ms = performance.now() - start;
    const templates = readdirSync(outdir).filter((file) => file.endsWith('.template.json'));
    return { ms, templates: templates.map((file) => statSync(join(outdir, file)).size) };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

function nodesOf({ shards, replicas, keepers }: ClusterSize): number {
  return shards * replicas + keepers;
}

function main({ sizes, warmUps, runs, folder }: ScaleTask): ScaleResult[] {
  const results = sizes.map((size) => ({ size, times: [] as number[], templates: [] as readonly number[] }));
  for (let run = -warmUps; run < runs; run++) {
    // in turns, so that what else the machine does hits all; the largest goes first as often as the smallest.
    for (const result of run % 2 === 0 ? results : [...results].reverse()) {
      const { ms, templates } = synthesise(result.size, folder);
      result.templates = templates;
      if (run >= 0) result.times.push(ms);
    }
  }
  return results.map(({ size, times, templates }) => ({ nodes: nodesOf(size), times, templates }));
}

console.log(JSON.stringify(main(JSON.parse(process.argv[2] ?? '{}') as ScaleTask)));
