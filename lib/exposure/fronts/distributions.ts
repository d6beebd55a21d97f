import { AddressSet } from '../addresses/address-set';
import type { Change, Level } from '../assessment';
import { statementOf, switchIn } from '../network/subnets';
import type { Gate } from '../paths/ways';
import { gate } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import type { Placed } from '../templates/values';
import { elements, inside, items, placed, property, scalar, why } from '../templates/values';
import { deliverAnywhere, deliverToOrigin } from './distribution-origins';
import type { Scene } from './fronts';
import { at, passes, removalOf } from './fronts';
import { given, isWritten, same } from './given';

const CONFIG = 'DistributionConfig';

/**
 * CloudFront and the origins that only it reaches. One with a name of the internet everybody reaches as well, so it is no way of its own.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
 */
export function distributions(scene: Scene): void {
  for (const distribution of scene.templates.ofType('AWS::CloudFront::Distribution')) {
    const origins = elements(distribution, CONFIG, 'Origins');
    const groups = elements(distribution, CONFIG, 'OriginGroups', 'Items');
    const certificate = given(property(distribution, CONFIG, 'ViewerMtlsConfig', 'Mode'));
    const open = enabled(distribution, origins.length === 1);
    const unread = [...property(distribution, CONFIG), ...behaviorsOf(distribution).map(({ value }) => value), ...origins, ...origins.flatMap((each) => inside(each, 'VpcOriginConfig')), ...structure(distribution, groups)].find((each) => !isWritten(each));
    if (unread !== undefined) deliverAnywhere(scene, distribution, [open], why(unread));
    for (const behavior of behaviorsOf(distribution)) {
      const signed = demandsSignature(behavior.value);
      const level: Level | undefined = signed === true || (certificate?.known === true && certificate.value === 'required') ? 'login' : undefined;
      const unsure = typeof signed === 'string' ? signed : certificate?.known === false ? certificate.reason : undefined;
      for (const target of inside(behavior.value, 'TargetOriginId')) {
        for (const { origin, missing } of originsNamed(target, origins, groups)) {
          const step = passes(at(distribution, 'cache behavior', 'leads to the origin', { location: behavior.location, missing: missing ?? behavior.value.doubt ?? unsure }), elsewhere(distribution, behavior, origins));
          deliverToOrigin(scene, { distribution, origin, level, viewers: inside(behavior.value, 'ViewerProtocolPolicy'), gates: [open, step] });
        }
      }
    }
  }
}

/** What leads from a behavior to a member of a group of origins. */
function structure(distribution: Resource, groups: readonly Located[]): readonly Located[] {
  const members = groups.flatMap((each) => inside(each, 'Members'));
  return [...property(distribution, CONFIG, 'OriginGroups'), ...groups, ...members, ...members.flatMap((each) => inside(each, 'Items')).flatMap((list) => items(list))];
}

/** Switching it off is proposed only where that takes nothing else from anybody. */
function enabled(distribution: Resource, isOnly: boolean): Gate {
  const { template, logicalId } = distribution;
  const location = `Properties.${CONFIG}.Enabled`;
  const values = property(distribution, CONFIG, 'Enabled');
  const state = values.length === 0 ? `whether distribution ${logicalId} is enabled` : switchIn(values);
  const hop = at(distribution, 'distribution', `distribution ${logicalId} answers anybody`, { location });
  const change = { template: template.path, logicalId, location, to: false, words: `set Enabled of ${logicalId} to false` };
  return gate(`distribution ${logicalId} is not enabled`, statementOf(state, { hop, change: isOnly ? change : undefined, lets: AddressSet.ALL }));
}

interface Behavior extends Placed {
  readonly isDefault: boolean;
}

function behaviorsOf(distribution: Resource): readonly Behavior[] {
  return [
    ...property(distribution, CONFIG, 'DefaultCacheBehavior').map((value) => ({ value, location: `Properties.${CONFIG}.DefaultCacheBehavior`, isDefault: true })),
    ...placed(distribution, CONFIG, 'CacheBehaviors').map((each) => ({ ...each, isDefault: false })),
  ];
}

/** What takes a behavior away from an origin. The default one has to lead somewhere: to an origin of the internet, if there is one. */
function elsewhere(distribution: Resource, { location, isDefault }: Behavior, origins: readonly Located[]): Change | undefined {
  if (!isDefault) return removalOf(distribution, location);
  const [other] = origins.filter((each) => inside(each, 'VpcOriginConfig').length === 0).flatMap((each) => inside(each, 'Id')).map(scalar);
  if (other?.known !== true) return undefined;
  const { template, logicalId } = distribution;
  return { template: template.path, logicalId, location: `${location}.TargetOriginId`, to: other.value, words: `set TargetOriginId of DefaultCacheBehavior of ${logicalId} to ${other.value}` };
}

/**
 * Whether only those come through who have a URL or a cookie that the owner signed, or why nobody can tell.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-overview.html
 */
function demandsSignature(behavior: Located): boolean | string {
  const signers = ['TrustedKeyGroups', 'TrustedSigners'].flatMap((name) => inside(behavior, name)).flatMap((list) => items(list));
  return signers.some(({ doubt }) => doubt === undefined) || (signers[0]?.doubt ?? false);
}

/** The origins that a behavior names, by themselves or as members of a group that falls back from one to the other. */
function originsNamed(target: Located, origins: readonly Located[], groups: readonly Located[]): ReadonlyArray<{ readonly origin: Located; readonly missing?: string }> {
  const called = (id: Located, entries: readonly Located[], so?: string): ReadonlyArray<{ readonly origin: Located; readonly missing?: string }> =>
    entries.flatMap((origin) =>
      inside(origin, 'Id').flatMap((own) => {
        const match = same(own, id);
        return match === false ? [] : [{ origin, missing: so ?? id.doubt ?? own.doubt ?? origin.doubt ?? (match === true ? undefined : match) }];
      }),
    );
  const members = called(target, groups).flatMap(({ origin: group, missing }) => inside(group, 'Members', 'Items').flatMap((list) => items(list)).flatMap((member) => inside(member, 'OriginId')).flatMap((id) => called(id, origins, missing)));
  return [...called(target, origins), ...members];
}
