import { hole } from './holes';
import { PORTS } from './ports';
import type { XmlElement } from './xml';
import { element } from './xml';

/**
 * Where a server listens: three TLS ports on the node's own address and on loopback.
 *
 * What is absent is never opened: `http_port`, `tcp_port`, `interserver_http_port`, `mysql_port`, `postgresql_port` (plaintext),
 * `tcp_with_proxy_port` (believes the client address it is told, which defeats `<networks>`), `grpc_port`, `arrowflight_port`,
 * `tcp_ssh_port`, `prometheus` (no login), and anything under `protocols`.
 *
 * - `listen_host` names addresses, never `0.0.0.0` or `::`: a further interface of the machine stays dark.
 * - `interserver_listen_host` keeps the replication port off loopback as well.
 * - `interserver_https_host` makes replicas fetch from the name that is in the certificate.
 *
 * @see https://clickhouse.com/docs/guides/sre/network-ports
 */
export function listeners(): XmlElement[] {
  return [
    element('listen_host', hole('nodeIp')),
    element('listen_host', '127.0.0.1'),
    element('https_port', PORTS.https),
    element('tcp_port_secure', PORTS.native),
    element('interserver_listen_host', hole('nodeIp')),
    element('interserver_https_port', PORTS.interserver),
    element('interserver_https_host', hole('nodeHost')),
  ];
}
