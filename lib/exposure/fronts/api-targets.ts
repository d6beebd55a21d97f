import type { Delivery } from '../graph';
import type { Interface } from '../network/interfaces';
import { EVERY_PORT, port } from '../network/port-range';
import type { Sender } from '../network/sender';
import type { Located, Resource } from '../templates/model';
import { elements, identity, literalText, nameOf, property, referenceOf, referencesIn, resourceIdentity, scalar, why } from '../templates/values';
import type { Integration, Route } from './api-routes';
import { functionsNamed } from './called-functions';
import { Names } from './cloud-map';
import type { Scene } from './fronts';
import { at, passes, removalOf, senderFrom, strangerAt } from './fronts';
import { given, isElsewhere, numberIn } from './given';

const BALANCER = 'AWS::ElasticLoadBalancingV2::LoadBalancer';
const LISTENER = 'AWS::ElasticLoadBalancingV2::Listener';
const LINK = 'AWS::ApiGateway::VpcLink';
const LINK_V2 = 'AWS::ApiGatewayV2::VpcLink';

/** Something that a route leads to. */
export interface Led extends Pick<Delivery, 'target' | 'address' | 'port' | 'sender' | 'gates'> {
  /** a network load balancer that is reached by PrivateLink, and the port it is asked on; undefined where that may be any. */
  readonly service?: { readonly balancer: string; readonly port?: number };
}

/**
 * What the routes of APIs lead to: functions, and through VPC links into networks. What answers on the internet answers everybody, so it is
 * no way of its own.
 */
export class Targets {
  private readonly names: Names;
  private readonly senders = new Map<Resource, Sender>();

  constructor(private readonly scene: Scene) {
    this.names = new Names(scene.templates);
  }

  of(api: Resource, { resource, integration }: Route): readonly Led[] {
    const { templates } = this.scene;
    if (integration === undefined) {
      const missing = `what ${resource.logicalId} leads to`;
      const functions = templates.ofType('AWS::Lambda::Function').map((each) => ({ target: resourceIdentity(each), port: EVERY_PORT, gates: [] }));
      return [...functions, ...templates.ofType(LINK).flatMap((link) => this.byPrivateLink(link, {}, missing)), ...templates.ofType(LINK_V2).map((link): Led => ({ sender: this.sender(link), gates: [linkGate(link, missing)] }))];
    }
    const type = given(integration.type);
    const isHttp = type?.known === true && String(type.value).startsWith('HTTP');
    const isOther = type?.known === true && /^MOCK$/.test(String(type.value));
    const unsure = type?.known === false ? type.reason : undefined;
    return [...(isHttp || isOther ? [] : functions(resource, integration, this.scene, unsure)), ...(isHttp || unsure !== undefined ? this.linked(api, integration, unsure) : [])];
  }

  private linked(api: Resource, integration: Integration, unsure: string | undefined): readonly Led[] {
    const kind = given(integration.connectionType);
    if (kind === undefined || (kind.known && kind.value !== 'VPC_LINK')) return [];
    const missing = unsure ?? (kind.known ? undefined : kind.reason);
    return integration.connection.flatMap((connection): readonly Led[] => {
      const link = referenceOf(connection)?.resource;
      if (link?.type === LINK_V2) return this.destinations(integration).map((each) => ({ ...each, sender: this.sender(link), gates: [linkGate(link, missing ?? connection.doubt), ...each.gates] }));
      if (link?.type === LINK) return this.byPrivateLink(link, asked(integration.uri), missing ?? connection.doubt);
      return this.byStranger(api, connection, integration);
    });
  }

  /** A link that is not in the templates has interfaces that nobody knows, or leads to a load balancer that nobody knows. */
  private byStranger(api: Resource, connection: Located, integration: Integration): readonly Led[] {
    const missing = `VPC link ${nameOf(connection)} is not in the templates`;
    const hop = at(api, 'VPC link', 'leads into a network', { missing });
    const isSocket = property(api, 'ProtocolType').map(scalar).some((each) => each.known && each.value === 'WEBSOCKET');
    const isSecond = integration.balancer.length > 0 || (api.type === 'AWS::ApiGatewayV2::Api' && !isSocket);
    if (isSecond) return this.destinations(integration).map((each) => ({ ...each, sender: strangerAt('a VPC link', missing), gates: [passes(hop), ...each.gates] }));
    return this.networkBalancers().map((balancer) => ({ service: { balancer, port: asked(integration.uri).port }, gates: [passes(hop)] }));
  }

  private byPrivateLink(link: Resource, { port: number, missing }: Asked, doubt: string | undefined): readonly Led[] {
    return elements(link, 'TargetArns').flatMap((value) => {
      const unknown = referenceOf(value) === undefined && !isElsewhere(value) ? `the load balancer of ${link.logicalId}: ${why(value)}` : undefined;
      const balancers = unknown === undefined ? [identity(value)] : this.networkBalancers();
      return balancers.map((balancer): Led => ({ service: { balancer, port: number }, gates: [linkGate(link, doubt ?? value.doubt ?? unknown ?? missing)] }));
    });
  }

  private networkBalancers(): readonly string[] {
    return this.scene.templates.ofType(BALANCER).filter((each) => property(each, 'Type').map(scalar).some((type) => !type.known || type.value === 'network')).map((each) => resourceIdentity(each));
  }

  /** What an integration names inside a network: a listener, a load balancer, or a name of Cloud Map. */
  private destinations({ balancer, uri }: Integration): readonly Led[] {
    return (balancer.length > 0 ? balancer : uri).flatMap((value): readonly Led[] => {
      const named = referenceOf(value)?.resource;
      const step = (resource: Resource, missing: string | undefined): Led['gates'] => [passes(at(resource, 'integration', `asks ${nameOf(value)}`, { missing: value.doubt ?? missing ?? resource.doubt }))];
      if (named?.type === LISTENER) {
        const number = numberIn(property(named, 'Port'), NaN);
        const isKnown = typeof number === 'number' && !Number.isNaN(number);
        return property(named, 'LoadBalancerArn').map((arn) => ({ target: identity(arn), port: isKnown ? port(number) : undefined, gates: step(named, arn.doubt ?? (isKnown ? undefined : `the port of ${named.logicalId}`)) }));
      }
      if (named?.type === BALANCER) {
        const { port: number, missing } = asked(uri);
        return [{ target: resourceIdentity(named), port: number === undefined ? undefined : port(number), gates: step(named, missing) }];
      }
      if (named?.type === 'AWS::ServiceDiscovery::Service') return this.names.of(named).map((each) => ({ ...each, gates: [...step(named, undefined), ...each.gates] }));
      if (named === undefined && isElsewhere(value)) return [];
      return [{ gates: [passes({ kind: 'integration', template: value.template.path, logicalId: nameOf(value), detail: 'may ask it', missing: `what an integration asks: ${why(value)}` })] }];
    });
  }

  private sender(link: Resource): Sender {
    let found = this.senders.get(link);
    if (found === undefined) {
      const { subnets, interfaces } = this.scene.graph.network;
      const places = elements(link, 'SubnetIds').map((value) => ({ subnet: subnets.of(value, value.template), missing: value.doubt }));
      const card: Interface = { owner: link, subnets: places, groups: interfaces.groupsOf(property(link, 'SecurityGroupIds'), places[0]?.subnet, undefined), addresses: () => [] };
      found = senderFrom(`VPC link ${link.logicalId}`, [card], false);
      this.senders.set(link, found);
    }
    return found;
  }
}

function linkGate(link: Resource, missing: string | undefined): Led['gates'][number] {
  return passes(at(link, 'VPC link', `${link.logicalId} leads into the network`, { missing: missing ?? link.doubt }), removalOf(link));
}

function functions(resource: Resource, { uri }: Integration, { templates }: Scene, unsure: string | undefined): readonly Led[] {
  return uri.filter((each) => !isOtherService(each)).flatMap((value) => functionsNamed(value, templates)).map(({ target, missing }) => ({ target, port: EVERY_PORT, gates: [passes(at(resource, 'integration', 'calls a function', { missing: missing ?? unsure }))] }));
}

/** Whether an integration is with another service than Lambda: `arn:aws:apigateway:REGION:SERVICE:...`. */
function isOtherService(uri: Located): boolean {
  const [, service = 'lambda'] = /:apigateway:[^:]*:([a-z0-9.-]+):/.exec(literalText(uri)) ?? [];
  return service !== 'lambda';
}

interface Asked {
  /** undefined where it may be any. */
  readonly port?: number;
  readonly missing?: string;
}

/** The port in an address, or that of its protocol; HTTP where there is no address. */
function asked(uris: readonly Located[]): Asked {
  const [uri, ...others] = uris;
  if (uri === undefined) return { port: 80 };
  if (uri.doubt !== undefined || others.length > 0) return { missing: uri.doubt ?? 'the address may be one of several' };
  const [, scheme, , written] = /^(https?):\/\/([^/:]*)(?::(\d+))?(?:[/?]|$)/.exec(literalText(uri)) ?? [];
  if (written !== undefined) return { port: Number(written) };
  // what is filled in for a name is a name; what else is filled in may have a port.
  const isName = isElsewhere(uri) || referencesIn(uri).some(({ type }) => type === BALANCER);
  return scheme !== undefined && isName ? { port: scheme === 'https' ? 443 : 80 } : { missing: `the port that is asked: ${why(uri)}` };
}
