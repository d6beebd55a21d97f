import type { AnyGrantModel } from './any-grant';
import { isSourceGrant, isTableGrant } from './any-grant';
import { createDatabaseStatement } from './databases';
import { ConfigurationError } from './error';
import { acceptExtraDocument, definedProfiles, definedQuotas, inheritedProfiles } from './extra';
import { checkedDatabase } from './grants';
import { keeperDocument } from './keeper';
import type { BootManifest, DocumentTemplate, LiveManifest, NodeRole, UserDocument } from './manifest';
import { BUILT_IN, distinct } from './names';
import { PATHS } from './paths';
import type { RoleModel } from './roles';
import { certificatesDocument, clusterDocument, internodeDocument, serverDocument } from './server';
import type { ProfileModel, QuotaModel, ServerSettings } from './settings';
import { completeServerSettings } from './settings';
import { sourceHost } from './sources';
import type { Topology } from './topology';
import type { UserModel } from './users';
import { userDocument, usersDocument } from './users';
import type { XmlElement } from './xml';
import { renderXml } from './xml';

/** A raw document of the user's, by name. */
export interface ExtraDocument {
  /** Names the file; a lower-case letter, then lower-case letters, digits, `_` or `-`. */
  readonly name: string;
  readonly xml: string;
}

/** A user's password: only where it is. Both are known at deployment. */
export interface SecretModel {
  readonly arn: string;
  readonly graceSeconds: number;
}

/** All that decides the documents of a cluster. */
export interface ClusterModel {
  readonly topology: Topology;
  /** the full ClickHouse version, such as `26.8.36.3`. */
  readonly version: string;
  readonly settings?: ServerSettings;
  readonly users?: readonly UserModel[];
  /** where each user's password is, by user name. */
  readonly secrets?: Readonly<Record<string, SecretModel>>;
  /** CIDR blocks of the subnets that passwords are rotated from. */
  readonly rotationNetworks?: readonly string[];
  readonly roles?: readonly RoleModel[];
  readonly profiles?: readonly ProfileModel[];
  readonly quotas?: readonly QuotaModel[];
  /** databases that every server creates. */
  readonly databases?: readonly string[];
  readonly extraServerDocuments?: readonly ExtraDocument[];
  readonly extraUsersDocuments?: readonly ExtraDocument[];
}

/** A Keeper has no queries to wait for, only its log to write. */
const KEEPER_DRAIN_SECONDS = 30;

/** What ClickHouse cannot reload, for one role. Users, grants and the number of servers have no part in it. */
export function bootManifest(model: ClusterModel, role: NodeRole): BootManifest {
  const { topology, version } = model;
  const documents =
    role === 'keeper'
      ? [
          document(PATHS.keeperConfig, keeperDocument(topology)),
          document(`${PATHS.keeperConfigDirectory}/certificates.xml`, certificatesDocument()),
        ]
      : [
          document(PATHS.serverConfig, serverDocument(topology, model.settings)),
          document(`${PATHS.serverConfigDirectory}/certificates.xml`, certificatesDocument()),
          document(`${PATHS.serverConfigDirectory}/internode.xml`, internodeDocument()),
          ...extras('server', PATHS.serverConfigDirectory, model.extraServerDocuments ?? []),
        ];
  return {
    schema: 1,
    kind: 'boot',
    role,
    clusterName: topology.clusterName,
    clickhouseVersion: version,
    documents,
    dataPath: role === 'keeper' ? PATHS.keeperData : PATHS.serverData,
    keepers: topology.keepers.map(({ host }) => host),
    drainSeconds: role === 'keeper' ? KEEPER_DRAIN_SECONDS : completeServerSettings(model.settings ?? {}).shutdownWaitSeconds,
  };
}

/** What ClickHouse reloads: the members of the cluster, the users and what they may do, the databases. */
export function liveManifest(model: ClusterModel): LiveManifest {
  const { topology } = model;
  const users = model.users ?? [];
  const databases = model.databases ?? [];
  distinct('user', users.map((user) => user.name));
  distinct('database', databases.map(checkedDatabase));
  const extraUsers = extras('users', PATHS.usersConfigDirectory, model.extraUsersDocuments ?? []);
  checkReferences(model);
  checkGrants(model);
  return {
    schema: 1,
    kind: 'live',
    clusterName: topology.clusterName,
    servers: topology.servers.map((server) => server.host),
    documents: [
      document(`${PATHS.serverConfigDirectory}/cluster.xml`, clusterDocument(topology)),
      document(PATHS.usersConfig, usersDocument(model.profiles, model.quotas, model.roles)),
      ...extraUsers,
    ],
    users: users.map((user) => userOf(user, model.secrets?.[user.name])),
    databases: databases.map((name) => ({ name, create: createDatabaseStatement(topology, name) })),
    rotationNetworks: [...(model.rotationNetworks ?? [])],
  };
}

function userOf(user: UserModel, secret?: SecretModel): UserDocument {
  const rendered = document(`${PATHS.usersConfigDirectory}/${user.name}.xml`, userDocument(user));
  return { user: user.name, ...rendered, ...(secret === undefined ? {} : { secret: secret.arn, graceSeconds: secret.graceSeconds }) };
}

/** One user with an unknown profile or quota makes ClickHouse refuse every user, so names are resolved here. */
function checkReferences(model: ClusterModel): void {
  const raw = (model.extraUsersDocuments ?? []).map((extra) => ({ name: extra.name, root: acceptExtraDocument('users', extra.name, extra.xml) }));
  const ownProfiles = [...(model.profiles ?? []).map((profile) => profile.name), ...raw.flatMap(({ root }) => definedProfiles(root))];
  const ownQuotas = [...(model.quotas ?? []).map((quota) => quota.name), ...raw.flatMap(({ root }) => definedQuotas(root))];
  distinct('profile', ownProfiles);
  distinct('quota', ownQuotas);
  const profiles = [BUILT_IN.defaultProfile, ...ownProfiles];
  const quotas = [BUILT_IN.defaultQuota, ...ownQuotas];
  for (const { name, root } of raw) {
    for (const parent of inheritedProfiles(root)) known('profile', profiles, parent, `the extra document '${name}'`);
  }
  for (const user of model.users ?? []) {
    known('profile', profiles, user.profile, `the user '${user.name}'`);
    known('quota', quotas, user.quota, `the user '${user.name}'`);
    for (const role of user.roles ?? []) known('role', (model.roles ?? []).map(({ name }) => name), role, `the user '${user.name}'`);
  }
}

/** What grants name besides tables must be there: where tables are made, and where queries may go. */
function checkGrants(model: ClusterModel): void {
  const holders: [string, readonly AnyGrantModel[]][] = [
    ...(model.users ?? []).map(({ name, grants }): [string, readonly AnyGrantModel[]] => [`the user '${name}'`, grants ?? []]),
    ...(model.roles ?? []).map(({ name, grants }): [string, readonly AnyGrantModel[]] => [`the role '${name}'`, grants]),
  ];
  const hosts = model.settings?.remoteUrlAllowHosts ?? [];
  for (const [who, grants] of holders) {
    // in a database that was not declared, `default` above all, tables stay on one server, and may be made replicas of anybody's.
    for (const { database, privileges } of grants.filter(isTableGrant)) {
      if (privileges.includes('CREATE TABLE')) known('database', model.databases ?? [], database, who);
    }
    for (const source of grants.filter(isSourceGrant)) {
      const host = sourceHost(source);
      if (!hosts.includes(host) && !hosts.includes(host.includes(':') ? host.replace(/:.*/, '') : `${host}:443`)) {
        throw new ConfigurationError(
          'SourceHost',
          `${who} is granted ${JSON.stringify(source.urlPrefix)}, but the servers reach no such host: 'remoteUrlAllowHosts' is ${JSON.stringify(hosts)}; add '${host}'`,
        );
      }
    }
  }
}

function known(what: string, names: readonly string[], name: string | undefined, who: string): void {
  if (name !== undefined && !names.includes(name)) {
    throw new ConfigurationError(
      'UnknownReference',
      `${who} names the ${what} ${JSON.stringify(name)}, which is not declared; declared are ${[...new Set(names)].join(', ')}`,
    );
  }
}

function extras(kind: 'server' | 'users', directory: string, documents: readonly ExtraDocument[]): DocumentTemplate[] {
  distinct(`extra ${kind} document`, documents.map((extra) => extra.name));
  return documents.map((extra) => document(`${directory}/extra-${extra.name}.xml`, acceptExtraDocument(kind, extra.name, extra.xml)));
}

function document(path: string, root: XmlElement): DocumentTemplate {
  return { path, template: renderXml(root) };
}
