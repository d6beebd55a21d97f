import { hole } from './holes';
import type { NodeRole } from './manifest';
import type { XmlElement } from './xml';
import { element } from './xml';

/**
 * What a process accepts as TLS, the same as a server and as a client of its peers.
 *
 * - `verificationMode` holds for every TLS port of a process. Servers are `relaxed`: a peer that shows a certificate must show a good one,
 *   clients with a password need none. Keepers have no clients but the cluster, so they are `strict`: no certificate of the cluster's
 *   authority, no connection, on the client port and on Raft alike. As a client everything is `strict`.
 *   https://github.com/ClickHouse/ClickHouse/blob/master/src/Coordination/KeeperServer.cpp (absent means `none` for Raft)
 * - `extendedVerification` prevents a certificate of one host from being accepted for another. Off by default on 26.8: a "strict" client
 *   then takes any certificate of the authority for any host. On the accepting side it compares the peer's address with the certificate,
 *   so node certificates must carry the private address, and a stolen node key is of no use elsewhere.
 *   https://github.com/ClickHouse/ClickHouse/pull/116724
 *   https://github.com/ClickHouse/ClickHouse/blob/master/base/poco/NetSSL_OpenSSL/src/SecureSocketImpl.cpp
 * - `loadDefaultCAFile` false prevents every public authority from vouching for a node.
 * - `disableProtocols` prevents falling back to SSL and TLS before 1.2.
 * - `cipherList` (TLS 1.2 only) prevents key exchanges without forward secrecy and ciphers without authentication.
 * - `RejectCertificateHandler` prevents the handler that accepts everything.
 *
 * @see https://clickhouse.com/docs/operations/server-configuration-parameters/settings#openssl
 */
export function tlsPolicy(role: NodeRole): XmlElement {
  const common = (verificationMode: string) => [
    element('verificationMode', verificationMode),
    element('extendedVerification', 'true'),
    element('loadDefaultCAFile', 'false'),
    element('cacheSessions', 'true'),
    element('disableProtocols', 'sslv2,sslv3,tlsv1,tlsv1_1'),
    element('cipherList', 'ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL'),
    element('preferServerCiphers', 'true'),
    element('invalidCertificateHandler', element('name', 'RejectCertificateHandler')),
  ];
  return element(
    'openSSL',
    element('server', common(role === 'keeper' ? 'strict' : 'relaxed')),
    element('client', common('strict')),
  );
}

/**
 * The node's certificate, its key and the cluster's authority: a document of its own, because the agent swaps it when a certificate is
 * renewed. New material lies under new paths, so that ClickHouse, which watches certificate and key separately, never pairs an old one
 * with a new one (https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/CertificateReloader.cpp).
 *
 * The certificate is shown in both directions: to clients and, as a client, to interserver and Keeper peers.
 */
export function certificatesDocument(): XmlElement {
  const material = () => [
    element('certificateFile', hole('certificatePath')),
    element('privateKeyFile', hole('privateKeyPath')),
    element('caConfig', hole('caBundlePath')),
  ];
  return element('clickhouse', element('openSSL', element('server', material()), element('client', material())));
}
