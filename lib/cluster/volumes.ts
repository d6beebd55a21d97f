import { RemovalPolicy, Size, SizeRoundingBehavior, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Topology } from '../config/topology';
import { ConstructError } from '../error';
import type { VolumeModel } from './node';
import type { ClickHouseClusterProps } from './props';

type VolumeProps = Pick<ClickHouseClusterProps, 'storageSize' | 'storageIops' | 'storageThroughput' | 'keeperStorageSize' | 'adoptVolumes' | 'removalPolicy'>;

/** The data volumes of servers and of Keepers: sizes that EBS has, and names of nodes that there are. */
export function volumes(cluster: Construct, topology: Topology, props: VolumeProps): { readonly serverVolume: VolumeModel; readonly keeperVolume: VolumeModel } {
  const size = checkedSize(cluster, 'storageSize', props.storageSize ?? Size.gibibytes(100));
  const gibibytes = size.isUnresolved() ? undefined : size.toGibibytes();
  // https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html: 500 operations per GiB, 0.25 MiB/s per operation.
  const mostIops = Math.max(3000, Math.min(80_000, (gibibytes ?? 65_536) * 500));
  within(cluster, 'storageIops', props.storageIops, 3000, mostIops, 'operations per second at this size');
  const mostThroughput = Math.min(2000, (props.storageIops ?? 3000) / 4);
  within(cluster, 'storageThroughput', props.storageThroughput, 125, mostThroughput, 'MiB/s at these operations per second');
  const adopted = checkedAdoption(cluster, topology, props.adoptVolumes ?? {});
  const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
  return {
    serverVolume: { size, iops: props.storageIops, throughput: props.storageThroughput, removalPolicy, adopted },
    keeperVolume: { size: checkedSize(cluster, 'keeperStorageSize', props.keeperStorageSize ?? Size.gibibytes(20)), removalPolicy, adopted },
  };
}

function checkedAdoption(cluster: Construct, { servers, keepers }: Topology, adopted: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const names = [...servers, ...keepers].map(({ name }) => name);
  for (const [name, volumeId] of Object.entries(adopted)) {
    if (!names.includes(name)) throw new ConstructError('AdoptVolumes', `'adoptVolumes' must name nodes of this cluster (${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}), got ${JSON.stringify(name)}`, cluster);
    if (!Token.isUnresolved(volumeId) && !/^vol-[0-9a-f]{8,17}$/.test(volumeId)) throw new ConstructError('AdoptVolumes', `'adoptVolumes' must give volume ids such as vol-0123456789abcdef0, got ${JSON.stringify(volumeId)} for ${name}`, cluster);
  }
  const alone = keepers.filter(({ name }) => !(name in adopted));
  if (servers.some(({ name }) => name in adopted) && alone.length > 0) {
    throw new ConstructError('AdoptVolumes', `'adoptVolumes' must name the Keepers' volumes with those of servers, got none for ${alone.map(({ name }) => name).join(', ')}: tables whose Keepers know nothing of them stay read-only`, cluster);
  }
  return adopted;
}

function checkedSize(cluster: Construct, prop: string, size: Size): Size {
  within(cluster, prop, size.isUnresolved() ? undefined : size.toGibibytes({ rounding: SizeRoundingBehavior.NONE }), 10, 65_536, 'GiB');
  return size;
}

function within(cluster: Construct, prop: string, value: number | undefined, least: number, most: number, unit: string): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ConstructError('OutOfRange', `'${prop}' must be a whole number from ${least} to ${most} ${unit}, got ${value}`, cluster);
  }
}
