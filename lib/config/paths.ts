/** Where things lie on a node. One table, because the agent, the documents and the systemd units must agree. */
export const PATHS = {
  serverConfig: '/etc/clickhouse-server/config.xml',
  serverConfigDirectory: '/etc/clickhouse-server/config.d',
  usersConfig: '/etc/clickhouse-server/users.xml',
  usersConfigDirectory: '/etc/clickhouse-server/users.d',
  keeperConfig: '/etc/clickhouse-keeper/keeper_config.xml',
  keeperConfigDirectory: '/etc/clickhouse-keeper/keeper_config.d',
  serverData: '/var/lib/clickhouse',
  keeperData: '/var/lib/clickhouse-keeper',
  serverLog: '/var/log/clickhouse-server',
  keeperLog: '/var/log/clickhouse-keeper',
  /** the agent's program and who it is told that it is; user data writes both. */
  agentProgram: '/opt/clickhouse-agent/agent.js',
  agentIdentity: '/etc/clickhouse-agent/identity.json',
  agentBootManifest: '/etc/clickhouse-agent/boot.json',
  /** what is forgotten when the machine starts anew: the lock, whether the machine is ready, what was signalled. A tmpfs that only root writes to. */
  agentRuntime: '/run/clickhouse-agent',
  /** where packages lie until they are installed. */
  agentPackages: '/var/cache/clickhouse-agent',
  systemdUnits: '/etc/systemd/system',
  /**
   * Empty, owned by root and not writable by the server. The scalar `file()` function reads from the first with no privilege at all and
   * `executable()` runs what lies in the second, so nothing may ever lie there. The agent creates them before the first start.
   *
   * @see https://clickhouse.com/docs/sql-reference/functions/files
   * @see https://clickhouse.com/docs/sql-reference/table-functions/executable
   */
  emptyUserFiles: '/var/lib/clickhouse-empty/user_files',
  emptyUserScripts: '/var/lib/clickhouse-empty/user_scripts',
} as const;
