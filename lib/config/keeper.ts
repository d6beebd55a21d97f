import { hole } from './holes';
import { requireKeepers } from './internode';
import { textLog } from './logs';
import { PATHS } from './paths';
import { PORTS } from './ports';
import { tlsPolicy } from './tls';
import type { Topology } from './topology';
import type { XmlElement } from './xml';
import { element } from './xml';

/** The four-letter commands Keeper answers, which it does without a login: liveness, metrics, role. */
export const FOUR_LETTER_WORDS = ['ruok', 'mntr', 'srvr', 'isro'] as const;

/**
 * The Keeper document: `/etc/clickhouse-keeper/keeper_config.xml`, the same for every Keeper.
 *
 * - `tcp_port_secure` only; `tcp_port` (plaintext), `http_control` and `prometheus` (no login) are absent.
 * - `listen_host` is the node's own address and not loopback: a strict listener compares the peer's address with its certificate, so a
 *   connection from 127.0.0.1 could not be told from a stranger. Whoever checks a Keeper's health connects to the node's address.
 * - `interserver_listen_host`: without it the Raft port is opened on every address, whatever `listen_host` says.
 *   https://github.com/ClickHouse/ClickHouse/blob/master/src/Coordination/KeeperServer.cpp (launchRaftServer)
 * - `raft_configuration.secure`: absent means plaintext Raft, and whoever can write to Raft owns the cluster.
 *   https://github.com/ClickHouse/ClickHouse/pull/22992
 * - `four_letter_word_white_list`: the default list answers `conf`, `envi`, `rcvr` (recovery) and `rqld` (leadership) to anybody.
 *   https://clickhouse.com/docs/guides/sre/keeper/clickhouse-keeper#four-letter-word-commands
 * - `force_sync`: what was acknowledged is on disk.
 * - `enable_reconfiguration` false: membership is what this document says, not what a client asks for.
 */
export function keeperDocument(topology: Topology): XmlElement {
  requireKeepers(topology);
  return element(
    'clickhouse',
    textLog(PATHS.keeperLog, 'clickhouse-keeper', 'information'),
    element('listen_host', hole('nodeIp')),
    element('interserver_listen_host', hole('nodeIp')),
    element('max_connections', 1024),
    tlsPolicy('keeper'),
    element(
      'keeper_server',
      element('tcp_port_secure', PORTS.keeper),
      element('server_id', hole('serverId')),
      element('storage_path', PATHS.keeperData),
      element('log_storage_path', `${PATHS.keeperData}/log`),
      element('snapshot_storage_path', `${PATHS.keeperData}/snapshots`),
      element('four_letter_word_white_list', FOUR_LETTER_WORDS.join(',')),
      element('enable_reconfiguration', 'false'),
      element(
        'coordination_settings',
        element('operation_timeout_ms', 10_000),
        element('min_session_timeout_ms', 10_000),
        element('session_timeout_ms', 30_000),
        element('raft_logs_level', 'information'),
        element('force_sync', 'true'),
      ),
      element(
        'raft_configuration',
        element('secure', 'true'),
        topology.keepers.map((keeper) =>
          element('server', element('id', keeper.serverId), element('hostname', keeper.host), element('port', PORTS.raft)),
        ),
      ),
    ),
    element('send_crash_reports', element('enabled', 'false'), element('send_logical_errors', 'false')),
  );
}
