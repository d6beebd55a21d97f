import type { XmlElement } from './xml';
import { element } from './xml';

/** The paths that the HTTP interface answers. Everything else is 404. */
export const HTTP_PATHS = ['/ping', '/replicas_status', '/'] as const;

/**
 * The HTTP interface: a list of what is answered, instead of a list of what is not.
 *
 * - `http_handlers` without `<defaults/>` prevents `/play`, `/dashboard`, `/binary`, `/merges`, `/jemalloc`, `/docs`, `/js/...`: pages that
 *   anybody may load without a login, which fingerprint the server and hand out a console. `/ping` stays for the load balancer,
 *   `/replicas_status` for health checks. https://clickhouse.com/docs/interfaces/http#predefined_http_interface
 * - `enable_webterminal` 0 prevents the console over WebSocket, on by default. https://github.com/ClickHouse/ClickHouse/pull/106255
 *   Its former name is set too, which counts where the new one is unknown.
 * - `http_options_response` is absent, which prevents answering preflight requests with `Access-Control-Allow-Origin: *` as the packaged
 *   file does; any web page could otherwise talk to the server from a visitor's browser.
 * - `enable_http_stacktrace` 0 and `enable_verbose_replicas_status` 0 prevent stack traces and table names in answers.
 *   https://github.com/ClickHouse/ClickHouse/blob/master/programs/server/config.xml
 */
export function httpInterface(): XmlElement[] {
  const rule = (url: string, methods: string, ...handler: XmlElement[]) =>
    element('rule', element('url', url), element('methods', methods), element('handler', handler));
  const [ping, replicas, query] = HTTP_PATHS;
  return [
    element('enable_webterminal', false),
    element('allow_experimental_webterminal', false),
    element('enable_http_stacktrace', false),
    element('enable_verbose_replicas_status', false),
    element(
      'http_handlers',
      rule(ping, 'GET,HEAD', element('type', 'ping')),
      rule(replicas, 'GET', element('type', 'replicas_status')),
      rule(query, 'POST,GET', element('type', 'dynamic_query_handler'), element('query_param_name', 'query')),
    ),
  ];
}
