import type { Level } from '../assessment';
import { Links } from '../network/links';
import { passes, at } from './fronts';
import { Place } from '../paths/ways';
import type { TemplateSet } from '../templates/templates';
import { append } from '../templates/model';
import { elements, inside, property } from '../templates/values';
import type { Belongings } from './api-doors';
import { doorOf } from './api-doors';
import { Routes } from './api-routes';
import { Targets } from './api-targets';
import type { Scene } from './fronts';

/**
 * API Gateway: REST, HTTP and WebSocket APIs, which lead to functions and through VPC links into networks.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/private-integration.html
 */
export function apis(scene: Scene): void {
  const all = scene.templates.ofType('AWS::ApiGateway::RestApi', 'AWS::ApiGatewayV2::Api');
  if (all.length === 0) return;
  const routes = new Routes(scene.templates);
  const targets = new Targets(scene);
  const belongings = belongingsIn(scene.templates);
  for (const api of all) {
    const door = doorOf(api, belongings);
    for (const route of routes.of(api)) {
      const level: Level | undefined = route.login === true ? 'login' : undefined;
      const missing = route.missing ?? (typeof route.login === 'string' ? route.login : undefined);
      const hop = at(route.resource, 'route', `${api.logicalId} leads ${level === undefined ? 'anybody' : 'who logs in'} on`, { location: route.location, missing });
      const step = passes(hop, level === undefined ? route.change : undefined);
      for (const { service, gates, ...led } of targets.of(api, route)) {
        const own = [step, ...gates];
        if (service === undefined) scene.graph.deliver({ ...led, from: door, level, gates: own });
        else append(scene.services, service.balancer, { from: new Place(() => [{ from: door, level, gates: own }]), port: service.port });
      }
    }
  }
}

function belongingsIn(templates: TemplateSet): Belongings {
  const deployments = templates.ofType('AWS::ApiGateway::Deployment').filter((each) => property(each, 'StageName').length > 0);
  const mappings = new Links(templates.ofType('AWS::ApiGatewayV2::ApiMapping', 'AWS::ApiGateway::BasePathMapping'), 'ApiId', 'RestApiId');
  for (const rule of templates.ofType('AWS::ApiGatewayV2::RoutingRule')) {
    for (const api of elements(rule, 'Actions').flatMap((each) => inside(each, 'InvokeApi', 'ApiId'))) mappings.add(api, rule);
  }
  return { mappings, stages: new Links([...templates.ofType('AWS::ApiGateway::Stage', 'AWS::ApiGatewayV2::Stage'), ...deployments], 'RestApiId', 'ApiId') };
}
