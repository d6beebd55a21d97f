import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import type { Located, Resource } from '../../exposure/templates/templates';
import { elements, everythingOf, inside, items, mayBeAbsent, scalar, truths } from '../../exposure/templates/values';
import { hostProperty } from '../../exposure/workloads/workloads';

export const unencryptedStorage: Rule = {
  id: 'ClickHouse-UnencryptedStorage',
  severity: 'error',
  info: 'storage of ClickHouse is not stated to be encrypted',
  explanation: 'Snapshots and detached volumes outlive the server and can be shared by one call. Encryption by default is a setting of an account that a template neither sees nor carries to the next account.',
  fix: 'set Encrypted to true, with a KMS key of yours',
  link: 'https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html',
  *check({ workloads }: Deployment): Iterable<Finding> {
    for (const volume of workloads.volumes) yield* judge(volume, everythingOf(volume), `volume ${volume.logicalId}`, 'Properties.Encrypted');
    for (const system of workloads.fileSystems) yield* judge(system, everythingOf(system), `file system ${system.logicalId}`, 'Properties.Encrypted');
    for (const host of workloads.hosts) {
      const location = `${host.type === 'AWS::EC2::LaunchTemplate' ? 'Properties.LaunchTemplateData' : 'Properties'}.BlockDeviceMappings`;
      for (const mapping of mappingsOf(host)) {
        const device = inside(mapping, 'DeviceName').map(scalar).find((each) => each.known);
        const name = `device ${device?.known ? device.value : ''} of ${host.logicalId}`.replace('  ', ' ');
        // a mapping without Ebs is instance storage, which the hardware encrypts, or removes a device.
        for (const ebs of inside(mapping, 'Ebs')) yield* judge(host, ebs, name, location);
      }
      if (!statesDevices(host, workloads)) {
        yield finding(host, `the root volume of ${host.logicalId} is as the image has it, which nothing says is encrypted`, { location, fix: 'map the root device with Encrypted: true (blockDevices in CDK)' });
      }
    }
    for (const service of workloads.services) {
      for (const volume of elements(service, 'VolumeConfigurations')) {
        for (const managed of inside(volume, 'ManagedEBSVolume')) yield* judge(service, managed, `the managed volume of ${service.logicalId}`, 'Properties.VolumeConfigurations');
      }
    }
  },
};

function* judge(resource: Resource, storage: Located, name: string, location: string): Iterable<Finding> {
  const states = inside(storage, 'Encrypted').flatMap(truths);
  if (mayBeAbsent(storage, 'Encrypted') || states.includes(false)) yield finding(resource, `${name} is not encrypted`, { location });
  else {
    const unknown = states.find((each) => each !== true);
    if (unknown !== undefined) yield finding(resource, `whether ${name} is encrypted cannot be told at synthesis: ${String(unknown)}`, { location });
  }
}

function mappingsOf(host: Resource): readonly Located[] {
  return hostProperty(host, 'BlockDeviceMappings').flatMap((list) => items(list));
}

/** Whether a host, or what it starts from, says anything about its devices. For a launch template, whoever starts from it may say it. */
function statesDevices(host: Resource, { launchTemplatesOf, startedFrom }: Deployment['workloads']): boolean {
  if (mappingsOf(host).length > 0) return true;
  if (host.type === 'AWS::EC2::Instance') return launchTemplatesOf(host).some((each) => each !== undefined && mappingsOf(each).length > 0);
  const users = startedFrom(host);
  return users.length > 0 && users.every((each) => each.type === 'AWS::EC2::Instance');
}
