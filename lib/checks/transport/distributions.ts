import { judgeViewerPolicy } from './security-policies';
import { keysIn, textsOf } from '../credentials/marks';
import { isOursIn } from '../credentials/told';
import type { Deployment, Finding } from '../rule';
import { finding } from '../rule';
import type { Located, Resource } from '../../exposure/templates/templates';
import { elements, identity, inside, items, mayBeAbsent, property, referenceOf, scalar } from '../../exposure/templates/values';

const CONFIG = 'DistributionConfig';
const VPC_ORIGIN = 'AWS::CloudFront::VpcOrigin';

/**
 * CloudFront in front of ClickHouse: what it takes from viewers, and how it asks the origin.
 *
 * That an origin is ClickHouse is known where it is a VPC origin, or the name, of a machine or a load balancer of the templates.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-https.html
 */
export function* weakDistributions(deployment: Deployment): Iterable<Finding> {
  const isOurs = isOursIn(deployment.workloads);
  const origins = new Set<Resource>();
  for (const distribution of deployment.templates.ofType('AWS::CloudFront::Distribution')) {
    const found = elements(distribution, CONFIG, 'Origins').flatMap((origin): readonly Led[] => {
      const inner = inside(origin, 'VpcOriginConfig', 'VpcOriginId').flatMap((id) => referenceOf(id)?.resource ?? []).filter(({ type }) => type === VPC_ORIGIN);
      const own = inner.filter((each) => property(each, 'VpcOriginEndpointConfig', 'Arn').flatMap(textsOf).flatMap(keysIn).some(isOurs));
      const isNamed = inside(origin, 'DomainName').flatMap(textsOf).flatMap(keysIn).some(isOurs);
      for (const each of own) origins.add(each);
      return own.length > 0 || isNamed ? [{ origin, ids: inside(origin, 'Id').map(identity) }] : [];
    });
    if (found.length === 0) continue;
    yield* viewers(distribution, found);
    yield* certificate(distribution);
    for (const { origin } of found) for (const config of inside(origin, 'CustomOriginConfig')) yield* asked(distribution, `Properties.${CONFIG}.Origins`, config);
  }
  for (const origin of origins) for (const config of property(origin, 'VpcOriginEndpointConfig')) yield* asked(origin, 'Properties.VpcOriginEndpointConfig', config);
}

interface Led {
  readonly origin: Located;
  readonly ids: readonly string[];
}

const what = (resource: Resource): string => `${resource.logicalId} in front of ClickHouse`;

function* viewers(distribution: Resource, origins: readonly Led[]): Iterable<Finding> {
  const own = new Set(origins.flatMap(({ ids }) => ids));
  // a group of origins is asked by its own name.
  for (const group of elements(distribution, CONFIG, 'OriginGroups', 'Items')) {
    const members = inside(group, 'Members', 'Items').flatMap((list) => items(list)).flatMap((each) => inside(each, 'OriginId')).map(identity);
    if (members.some((each) => own.has(each))) for (const id of inside(group, 'Id')) own.add(identity(id));
  }
  const behaviors = [
    ...property(distribution, CONFIG, 'DefaultCacheBehavior').map((value) => ({ value, location: `Properties.${CONFIG}.DefaultCacheBehavior` })),
    ...elements(distribution, CONFIG, 'CacheBehaviors').map((value) => ({ value, location: `Properties.${CONFIG}.CacheBehaviors` })),
  ];
  for (const { value, location } of behaviors) {
    if (!inside(value, 'TargetOriginId').map(identity).some((each) => own.has(each))) continue;
    const policies = inside(value, 'ViewerProtocolPolicy').map(scalar);
    const unknown = policies.flatMap((each) => (each.known ? [] : [each.reason]));
    const fix = 'set ViewerProtocolPolicy to https-only';
    if (policies.length === 0 || policies.some((each) => each.known && each.value === 'allow-all')) yield finding(distribution, `${what(distribution)} takes HTTP without TLS from viewers`, { location, fix });
    else if (unknown.length > 0) yield finding(distribution, `whether ${what(distribution)} takes HTTP from viewers cannot be told at synthesis: ${unknown.join(', ')}`, { location, fix });
  }
}

function* certificate(distribution: Resource): Iterable<Finding> {
  const location = `Properties.${CONFIG}.ViewerCertificate`;
  const fix = 'use a certificate of your own, with MinimumProtocolVersion TLSv1.2_2021 or later';
  const certificates = property(distribution, CONFIG, 'ViewerCertificate');
  // CloudFront's own certificate comes with TLSv1, whatever is written: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudfront-distribution-viewercertificate.html
  const isOwn = certificates.some((each) => inside(each, 'CloudFrontDefaultCertificate').map(scalar).some((value) => value.known && String(value.value) === 'true'));
  if (isOwn || property(distribution, CONFIG).some((each) => mayBeAbsent(each, 'ViewerCertificate'))) {
    yield finding(distribution, `${what(distribution)} allows viewers TLS before 1.2: it has CloudFront's own certificate, and that comes with TLSv1`, { location, fix });
    return;
  }
  for (const each of certificates) {
    const versions = inside(each, 'MinimumProtocolVersion').map(scalar);
    if (versions.length === 0) yield finding(distribution, `${what(distribution)} allows viewers TLS before 1.2: it names no MinimumProtocolVersion`, { location, fix });
    for (const version of versions) {
      const judged = version.known ? judgeViewerPolicy(String(version.value)) : 'unknown';
      if (judged === 'old' && version.known) yield finding(distribution, `${what(distribution)} allows viewers TLS before 1.2: MinimumProtocolVersion ${version.value}`, { location, fix });
      else if (judged === 'unknown') yield finding(distribution, `whether ${what(distribution)} allows viewers TLS before 1.2 cannot be told: ${version.known ? `nothing is known of MinimumProtocolVersion ${JSON.stringify(String(version.value).slice(0, 50))}` : version.reason}`, { location, fix });
    }
  }
}

/** How CloudFront asks an origin. Not written means as the viewer asked, which is judged with the viewers. */
function* asked(resource: Resource, location: string, config: Located): Iterable<Finding> {
  const policies = inside(config, 'OriginProtocolPolicy').map(scalar);
  const unknown = policies.flatMap((each) => (each.known ? [] : [each.reason]));
  const fix = 'set OriginProtocolPolicy to https-only and OriginSSLProtocols to TLSv1.2 alone';
  if (policies.some((each) => each.known && each.value === 'http-only')) yield finding(resource, `${what(resource)} asks it by HTTP without TLS: OriginProtocolPolicy is http-only`, { location, fix });
  else if (unknown.length > 0) yield finding(resource, `whether ${what(resource)} asks it with TLS cannot be told at synthesis: ${unknown.join(', ')}`, { location, fix });
  if (policies.length > 0 && policies.every((each) => each.known && each.value === 'http-only')) return;
  const protocols = inside(config, 'OriginSSLProtocols').flatMap((list) => items(list)).map(scalar);
  const old = protocols.flatMap((each) => (each.known && each.value !== 'TLSv1.2' && each.value !== 'TLSv1.3' ? [String(each.value).slice(0, 50)] : []));
  if (old.length > 0) yield finding(resource, `${what(resource)} asks it by protocols before TLS 1.2 as well: OriginSSLProtocols has ${old.join(', ')}`, { location, fix });
  // CloudFormation has documented SSLv3 and TLSv1 as what leaving it out means, and now says nothing: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudfront-distribution-customoriginconfig.html
  else if (protocols.length === 0) yield finding(resource, `whether ${what(resource)} asks it by protocols before TLS 1.2 cannot be told: it names no OriginSSLProtocols`, { location, fix });
  else if (protocols.some((each) => !each.known)) yield finding(resource, `whether ${what(resource)} asks it by protocols before TLS 1.2 cannot be told at synthesis: ${protocols.flatMap((each) => (each.known ? [] : [each.reason])).join(', ')}`, { location, fix });
}

