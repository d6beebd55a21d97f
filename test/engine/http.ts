import type { Reply, SendOptions } from './engine';

/** A request without a login, and the status it has on the insecure control. */
export interface Knock extends SendOptions {
  readonly control: number;
}

const WEBSOCKET = { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13' };

/** Pages and interfaces of a packaged server, and ways of writing their paths. None of them may be answered. */
export function unwantedPages(port: number): readonly Knock[] {
  return [
    // what a packaged server answers to anybody; it goes by the beginning of the path.
    ...[
      '/play', '/play/', '/play?user=default', '/dashboard', '/dashboards', '/binary', '/merges', '/merges/', '/replicas_status/', '/jemalloc', '/docs', '/schema', '/webterminal',
      '/js/uplot.js', '/js/lz-string.js', '/js/xterm.min.js', '/js/katex.min.css',
    ].map((path) => ({ path, control: 200 })),
    ...['/play', '/webterminal', '/binary'].map((path) => ({ path, method: 'HEAD', control: 200 })),
    ...['/merges', '/webterminal'].map((path) => ({
      path,
      headers: { ...WEBSOCKET, Origin: `http://127.0.0.1:${port}` },
      control: path === '/webterminal' ? 101 : 200,
    })),
    // what some servers answer, or what a proxy in front might turn into one of the above.
    ...[
      '/metrics', '/api/v1/query', '/api/v1/write', '/write', '/query', '/predefined_query', '/ready', '/mcp', '/swagger', '/index.html', '/favicon.ico',
      '/clickhouse', '/static', '/PLAY', '/Ping', '//play', '//', '/%70lay', '/ping/../play', '/../play', '/./play', '/ping/', '/ping%00/play', '/ping;play',
      '/ping%2f..%2fplay', '/../../etc/passwd', '/js/../../../etc/passwd', '*', 'http://127.0.0.1/play', '/.well-known/acme-challenge/x',
    ].map((path) => ({ path, control: 404 })),
    { path: '/play', method: 'POST', control: 404 },
  ];
}

/** Methods that nothing here needs. */
export const UNWANTED_METHODS = ['PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS', 'LINK', 'PROPFIND'] as const;

/** A web page elsewhere asks whether it may talk to the server. */
export const FOREIGN_PAGE = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'x-clickhouse-user,x-clickhouse-key' };

/** The headers by which a server would let a foreign page in. */
export function lettingIn({ headers }: Reply): string[] {
  return Object.keys(headers).filter((name) => /^access-control-allow-/.test(name));
}
