import { AddressSet } from '../addresses/address-set';
import type { Level } from '../assessment';
import type { PortRange } from '../network/port-range';
import { EVERY_PORT, port } from '../network/port-range';
import type { Sender } from '../network/sender';
import type { Switch } from '../network/subnets';
import type { Gate } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import { inside, nameOf, property, referenceOf, referencesIn, resourceIdentity, scalar, why } from '../templates/values';
import { functionsNamed } from './called-functions';
import type { Scene } from './fronts';
import { at, passes, removalOf } from './fronts';
import { given, isElsewhere, isWritten, numberIn } from './given';

const ORIGIN = 'AWS::CloudFront::VpcOrigin';
const ENDPOINTS = new Set(['AWS::ElasticLoadBalancingV2::LoadBalancer', 'AWS::EC2::Instance']);

/**
 * CloudFront inside a network. Its interfaces have addresses and a group that it makes itself; which, the template does not say.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
 */
function cloudFront(origin?: Resource): Sender {
  const plain = origin !== undefined && property(origin, 'VpcOriginEndpointConfig', 'IpAddressType').map(scalar).every((each) => each.known && each.value === 'ipv4');
  const addresses6 = plain ? AddressSet.NONE : undefined;
  return { name: 'CloudFront', preserves: false, groups: [], subnets: [], addresses6, entering: true, outside: 'whether the admitted group is the one that CloudFront makes' };
}

/** What a distribution sends to an origin. */
export interface Sent {
  readonly distribution: Resource;
  readonly origin: Located;
  readonly level?: Level;
  /** how viewers may ask: by HTTP, or HTTPS. */
  readonly viewers: readonly Located[];
  readonly gates: readonly Gate[];
}

export function deliverToOrigin(scene: Scene, sent: Sent): void {
  const ids = inside(sent.origin, 'VpcOriginConfig', 'VpcOriginId');
  if (ids.length === 0) return deliverToFunction(scene, sent);
  for (const id of ids) {
    const own = referenceOf(id)?.resource;
    if (own?.type === ORIGIN) deliverInside(scene, sent, own, id.doubt);
    else {
      const missing = `VPC origin ${nameOf(id)} is not in the templates`;
      if (!isElsewhere(id)) for (const any of scene.templates.ofType(ORIGIN)) deliverInside(scene, sent, any, `which VPC origin it is: ${why(id)}`);
      for (const name of inside(sent.origin, 'DomainName')) {
        for (const { target } of endpointsIn(name)) scene.graph.deliver({ target, level: sent.level, sender: cloudFront(), gates: [...sent.gates, passes(at(sent.distribution, 'VPC origin', `asks ${nameOf(name)}`, { missing }))] });
      }
    }
  }
}

/** Somewhere into the networks, where it cannot be read what CloudFront asks. */
export function deliverAnywhere({ graph }: Scene, distribution: Resource, gates: readonly Gate[], missing: string): void {
  graph.deliver({ sender: cloudFront(), gates: [...gates, passes(at(distribution, 'VPC origin', 'may ask it', { missing: `what CloudFront asks: ${missing}` }))] });
}

function deliverInside(scene: Scene, { distribution, level, viewers, gates }: Sent, origin: Resource, missing: string | undefined): void {
  const unread = property(origin, 'VpcOriginEndpointConfig').find((each) => !isWritten(each));
  if (unread !== undefined) deliverAnywhere(scene, distribution, gates, why(unread));
  for (const arn of property(origin, 'VpcOriginEndpointConfig', 'Arn')) {
    for (const endpoint of endpointsIn(arn)) {
      for (const asked of portsOf(origin, viewers)) {
        const hop = at(origin, 'VPC origin', `asks ${nameOf(arn)}${asked.port === undefined ? '' : ` on port ${asked.port.first}`}`, { missing: missing ?? arn.doubt ?? endpoint.missing ?? asked.missing });
        scene.graph.deliver({ level, target: endpoint.target, port: asked.port, sender: cloudFront(origin), gates: [...gates, passes(hop, removalOf(origin))] });
      }
    }
  }
}

/** The load balancers and machines inside an ARN or a name. One that is only known at deployment may be that of anything. */
function endpointsIn(value: Located): ReadonlyArray<{ readonly target?: string; readonly missing?: string }> {
  const named = referencesIn(value).filter(({ type }) => ENDPOINTS.has(type));
  if (named.length > 0) return named.map((each) => ({ target: resourceIdentity(each) }));
  return isElsewhere(value) ? [] : [{ missing: `what CloudFront asks: ${why(value)}` }];
}

/**
 * The ports that an origin is asked on, by the protocol that it or the viewer chooses.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudfront-vpcorigin-vpcoriginendpointconfig.html
 */
function portsOf(origin: Resource, viewers: readonly Located[]): ReadonlyArray<{ readonly port?: PortRange; readonly missing?: string }> {
  const config = (name: string): readonly Located[] => property(origin, 'VpcOriginEndpointConfig', name);
  const policy = given(config('OriginProtocolPolicy')) ?? { known: true, value: 'match-viewer' };
  const viewer = given(viewers) ?? { known: true, value: 'allow-all' };
  const asked = (name: string, otherwise: number, state: Switch): ReadonlyArray<{ readonly port?: PortRange; readonly missing?: string }> => {
    if (state === false) return [];
    const number = numberIn(config(name), otherwise);
    return [typeof number === 'string' ? { missing: number } : { port: port(number), missing: state === true ? undefined : state }];
  };
  if (!policy.known) return [...asked('HTTPPort', 80, policy.reason), ...asked('HTTPSPort', 443, policy.reason)];
  const plainly = viewer.known ? viewer.value === 'allow-all' : viewer.reason;
  return [...asked('HTTPPort', 80, policy.value === 'http-only' || (policy.value === 'match-viewer' && plainly)), ...asked('HTTPSPort', 443, policy.value !== 'http-only')];
}

/**
 * A function whose URL asks for a signature, which CloudFront gives for everybody who asks it.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html
 */
function deliverToFunction({ graph, templates }: Scene, { distribution, origin, level, gates }: Sent): void {
  const controls = inside(origin, 'OriginAccessControlId');
  if (controls.length === 0 || controls.every(signsNothing)) return;
  const urls = inside(origin, 'DomainName').flatMap(referencesIn).filter(({ type }) => type === 'AWS::Lambda::Url');
  for (const url of urls) {
    const missing = controls[0]?.doubt ?? url.doubt;
    const hop = at(distribution, 'origin access control', `signs what anybody asks ${url.logicalId}`, { missing });
    for (const called of property(url, 'TargetFunctionArn').flatMap((value) => functionsNamed(value, templates))) {
      graph.deliver({ target: called.target, port: EVERY_PORT, level, gates: [...gates, passes({ ...hop, missing: hop.missing ?? called.missing }, removalOf(url))] });
    }
  }
}

function signsNothing(control: Located): boolean {
  const resource = referenceOf(control)?.resource;
  const behavior = resource && given(property(resource, 'OriginAccessControlConfig', 'SigningBehavior'));
  return behavior?.known === true && behavior.value === 'never';
}
