export { DEVICES } from './device';
export { markEstablished } from './history';
export { mountVolume, unmountVolume } from './mount';
export type { BlockDevice, VolumeApi, VolumeAttachment, VolumeDescription, VolumeOwner, VolumeRequest, VolumeWorld } from './world';
export { VolumeRefused } from './world';
