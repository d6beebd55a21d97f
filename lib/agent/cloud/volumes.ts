import { AttachVolumeCommand, DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { patience, unless } from '../../sdk';
import type { VolumeApi } from '../volume';

/** What is given up is tried again by whoever boots. */
const CLIENT = patience(3);

/**
 * Volumes in EC2: the two things that a node does with its own; it never detaches or deletes one.
 *
 * Right after a change EC2 may still answer with what was before, also that a volume does not exist:
 * https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html.
 */
export function volumeApi(region: string, client: Pick<EC2Client, 'send'> = new EC2Client({ ...CLIENT, region })): VolumeApi {
  return {
    async describe(volumeId) {
      // https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html
      const answer = await client.send(new DescribeVolumesCommand({ VolumeIds: [volumeId] })).catch(unless('InvalidVolume.NotFound'));
      const volume = answer?.Volumes?.find((each) => each.VolumeId === volumeId);
      if (volume === undefined) return undefined;
      const { State = '', Size = 0, Attachments = [] } = volume;
      return { state: State, sizeGiB: Size, attachments: Attachments.map(({ InstanceId = '', State: state = '', Device = '' }) => ({ instanceId: InstanceId, state, device: Device })) };
    },
    async attach(volumeId, instanceId, device) {
      await client.send(new AttachVolumeCommand({ VolumeId: volumeId, InstanceId: instanceId, Device: device }));
    },
  };
}
