import type { Change } from '../assessment';
import { Links } from '../network/links';
import type { Located, Resource } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import { everythingOf, inside, property, referencesIn, resourceIdentity, scalar } from '../templates/values';
import { definedRoutes } from './api-definitions';
import { given, isWritten } from './given';

/** Where a route leads, however it is spelled. */
export interface Integration {
  readonly type: readonly Located[];
  readonly uri: readonly Located[];
  readonly connectionType: readonly Located[];
  readonly connection: readonly Located[];
  /** a load balancer, or a listener of one, beside an address of its own. */
  readonly balancer: readonly Located[];
}

/** A route of an API, or a method of a REST API. */
export interface Route {
  /** what writes it, and where. */
  readonly resource: Resource;
  readonly location?: string;
  /** whether it asks who calls, or why nobody can tell. */
  readonly login: boolean | string;
  readonly missing?: string;
  /** what makes it ask. */
  readonly change?: Change;
  /** undefined where nobody knows what it leads to. */
  readonly integration?: Integration;
}

/** The routes of APIs. */
export class Routes {
  private readonly methods: Links;
  private readonly routes: Links;
  private readonly overrides: Links;
  private readonly integrations: Links;

  constructor(templates: TemplateSet) {
    this.methods = new Links(templates.ofType('AWS::ApiGateway::Method'), 'RestApiId');
    this.routes = new Links(templates.ofType('AWS::ApiGatewayV2::Route'), 'ApiId');
    this.integrations = new Links(templates.ofType('AWS::ApiGatewayV2::Integration'), 'ApiId');
    this.overrides = new Links(templates.ofType('AWS::ApiGatewayV2::ApiGatewayManagedOverrides'), 'ApiId');
  }

  of(api: Resource): readonly Route[] {
    const key = resourceIdentity(api);
    const methods = this.methods.of(key).flatMap(({ resource, missing }) => property(resource, 'Integration').map((value): Route => ({ resource, login: loginOf(resource), missing: missing ?? value.doubt, change: asking(resource), integration: isWritten(value) ? integrationIn(value, '') : undefined })));
    return [...methods, ...this.written(api, key), ...this.quick(api, key), ...definedRoutes(api)];
  }

  private written(api: Resource, key: string): readonly Route[] {
    const routes = this.routes.of(key);
    // a WebSocket API asks when a client connects, and not again.
    const isSocket = property(api, 'ProtocolType').map(scalar).some((each) => each.known && each.value === 'WEBSOCKET');
    const connect = isSocket ? routes.find(({ resource }) => property(resource, 'RouteKey').map(scalar).some((each) => each.known && each.value === '$connect'))?.resource : undefined;
    return routes.flatMap(({ resource, missing }) => {
      const asks = connect ?? resource;
      return property(resource, 'Target').flatMap((target) => this.named(key, target).map((each): Route => ({ resource, login: loginOf(asks), change: asking(asks), missing: missing ?? target.doubt ?? each.missing, integration: integrationIn(everythingOf(each.integration), 'Integration') })));
    });
  }

  /** The integrations that a target names: `integrations/` and the id of one. */
  private named(api: string, target: Located): ReadonlyArray<{ readonly integration: Resource; readonly missing?: string }> {
    const named = referencesIn(target).filter(({ type }) => type === 'AWS::ApiGatewayV2::Integration');
    if (named.length > 0) return named.map((integration) => ({ integration, missing: integration.doubt }));
    return this.integrations.of(api).map(({ resource }) => ({ integration: resource, missing: 'which integration the route leads to' }));
  }

  /** The route that an API has which is made of a target. */
  private quick(api: Resource, key: string): readonly Route[] {
    const login = this.overrides.of(key).map(({ resource }) => asksFor(property(resource, 'Route', 'AuthorizationType'))).find((each) => each !== false) ?? false;
    return property(api, 'Target').map((uri) => ({ resource: api, location: 'Properties.Target', login, missing: uri.doubt, integration: { uri: [uri], type: [], connectionType: [], connection: [], balancer: [] } }));
  }
}

function integrationIn(value: Located, prefix: 'Integration' | ''): Integration {
  return {
    type: inside(value, `${prefix}Type`),
    uri: inside(value, `${prefix}Uri`),
    connectionType: inside(value, 'ConnectionType'),
    connection: inside(value, 'ConnectionId'),
    balancer: inside(value, 'IntegrationTarget'),
  };
}

function loginOf(route: Resource): boolean | string {
  return asksFor(property(route, 'AuthorizationType'));
}

/**
 * A key is no login.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
 */
function asksFor(authorization: readonly Located[]): boolean | string {
  const type = given(authorization);
  if (type === undefined) return false;
  return type.known ? type.value !== 'NONE' : type.reason;
}

function asking({ template, logicalId }: Resource): Change {
  return { template: template.path, logicalId, location: 'Properties.AuthorizationType', to: 'AWS_IAM', words: `set AuthorizationType of ${logicalId} to AWS_IAM` };
}
