import type { Change } from '../assessment';
import type { Located, Resource } from '../templates/model';
import { isDictionary } from '../templates/model';
import { inside, items, property, scalar } from '../templates/values';
import type { Route } from './api-routes';

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'x-amazon-apigateway-any-method']);
const EXTENSION = 'x-amazon-apigateway';

/**
 * The routes of an API that an OpenAPI document defines. One that is not in the template may lead anywhere.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
 */
export function definedRoutes(api: Resource): readonly Route[] {
  const elsewhere = ['BodyS3Location', 'CloneFrom'].flatMap((name) => property(api, name).map((): Route => opaque(api, `Properties.${name}`)));
  const written = property(api, 'Body').flatMap((body): readonly Route[] => {
    const paths = entriesIn(body, 'paths');
    if (paths === undefined) return [opaque(api, 'Properties.Body')];
    return paths.flatMap((path) => [...METHODS].flatMap((method) => inside(path, method)).flatMap((operation) => operationOf(api, body, operation)));
  });
  return [...elsewhere, ...written];
}

function opaque(resource: Resource, location: string): Route {
  return { resource, location, login: `whether the routes of ${resource.logicalId} ask for a login`, missing: `the routes of ${resource.logicalId} are not in the template` };
}

/** The values of a dictionary in another one; undefined where it cannot be read. */
function entriesIn(value: Located, name: string): readonly Located[] | undefined {
  const found = inside(value, name);
  if (found.length === 0 || found.some(({ node }) => !isDictionary(node) || 'Fn::Transform' in node)) return undefined;
  return found.flatMap(({ node, template, doubt }) => Object.values(node as Readonly<Record<string, unknown>>).map((each) => ({ node: each, template, doubt })));
}

function operationOf(api: Resource, body: Located, operation: Located): readonly Route[] {
  return inside(operation, `${EXTENSION}-integration`).map((written): Route => {
    const integration = followed(body, written);
    return {
      resource: api,
      location: 'Properties.Body',
      login: loginOf(body, operation),
      missing: integration.doubt ?? operation.doubt,
      change: asking(api),
      integration: { type: inside(integration, 'type').map(upper), uri: inside(integration, 'uri'), connectionType: inside(integration, 'connectionType'), connection: inside(integration, 'connectionId'), balancer: inside(integration, 'integrationTarget') },
    };
  });
}

/** An integration may be written once, among the components, and referred to. */
function followed(body: Located, value: Located): Located {
  const [pointer] = inside(value, '$ref').map(scalar);
  if (pointer?.known !== true) return value;
  return inside(body, ...String(pointer.value).split('/').slice(1))[0] ?? value;
}

function upper(value: Located): Located {
  return typeof value.node === 'string' ? { ...value, node: value.node.toUpperCase() } : value;
}

/** Whether every way to meet the security requirements asks who calls. A scheme without an authorizer is a key, and that is no login. */
function loginOf(body: Located, operation: Located): boolean | string {
  const asked = inside(operation, `${EXTENSION}-auth`, 'type').map(scalar);
  if (asked.some((each) => each.known && each.value !== 'NONE')) return true;
  const own = inside(operation, 'security');
  const lists = own.length > 0 ? own : inside(body, 'security');
  const requirements = lists.flatMap((list) => items(list));
  if (requirements.length === 0) return false;
  const each = requirements.map(({ node, doubt }) => doubt ?? (isDictionary(node) ? Object.keys(node).some((name) => hasAuthorizer(body, name)) : 'what the security of a route is'));
  return each.includes(false) ? false : (each.find((one) => typeof one === 'string') ?? true);
}

function hasAuthorizer(body: Located, name: string): boolean {
  const schemes = [...inside(body, 'components', 'securitySchemes', name), ...inside(body, 'securityDefinitions', name)];
  return schemes.some((scheme) => inside(scheme, `${EXTENSION}-authorizer`).length > 0 || inside(scheme, `${EXTENSION}-authtype`).length > 0);
}

function asking({ template, logicalId }: Resource): Change {
  return { template: template.path, logicalId, location: 'Properties.Body', inside: true, words: `demand a login for every route in Body of ${logicalId}` };
}
