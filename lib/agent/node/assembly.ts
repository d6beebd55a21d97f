import { dirname } from 'node:path';
import { PATHS } from '../../config/paths';
import { DRAIN_HOOK } from '../../config/lifecycle';
import type { BootManifest } from '../../config/manifest';
import type { InternalSecrets } from '../boot/internal-secret';
import { readBootManifest } from '../boot/manifest';
import { certificatePlaces, certificatesTemplate } from '../certificates/command';
import type { Installed } from '../certificates/status';
import { readInstalled } from '../certificates/status';
import { valuesOf, writeDocuments } from '../documents';
import { allThere, createDatabases } from '../health/databases';
import type { KeeperListener } from '../health/keeper';
import { observeKeeper, observeServer } from '../health/observe';
import { queryAs } from '../health/server';
import type { NodeIdentity } from '../identity';
import { CLICKHOUSE_ID, ensureAccount } from '../machine/account';
import { prepareDirectories } from '../machine/directories';
import { applyFirewall, closeToClients, firewallHolds, openToClients } from '../machine/firewall';
import { installPackages, PackageRefused } from '../machine/packages';
import { applySystemSettings } from '../machine/settings';
import { isActive, kill, serviceName, serviceUnit, start, stop, writeUnits } from '../machine/units';
import { markEstablished, mountVolume, unmountVolume, VolumeRefused } from '../volume';
import { Definite } from './attempts';
import { newMaintenance } from './maintenance';
import { marksIn } from './marks';
import { readyLine } from './metrics';
import type { Parts } from './parts';
import { undisturbed } from './parts';
import { certificatesPass, internalSecrets, READABLE, usersPass } from './passes';
import { bootDocumentsOf, devicePath, directoriesOf, ROOT } from './places';
import type { Configuration, Facts, Look, Machine, NodePorts, Surroundings } from './ports';

/** Who the node is and what it is told, verified. */
export interface Assignment {
  readonly identity: NodeIdentity;
  /** the boot manifest as it was fetched. */
  readonly text: string;
}

/** Where lines go that tell what happens. */
export type Write = (line: string) => void;

/** Puts a node together. Nothing is done yet, but for what is wrong with the boot manifest, which ends it here. */
export function assemble({ identity, text }: Assignment, parts: Parts, write: Write): NodePorts {
  const manifest = readBootManifest(text, identity);
  const log = (event: Readonly<Record<string, unknown>>): void => write(JSON.stringify({ ...event, node: identity.name, at: new Date(parts.now()).toISOString() }));
  const marks = marksIn(parts.disk, `${parts.root}${PATHS.agentRuntime}`, ROOT);
  const { configuration, look } = clickhouse({ identity, text }, manifest, parts, marks, write, log);
  return {
    role: identity.role,
    machine: machineOf(identity, manifest, parts, log),
    configuration,
    look,
    surroundings: surroundingsOf(identity, parts, log),
    marks,
    sleep: parts.sleep,
    random: parts.random,
    now: parts.now,
    log,
    publishReady: (ready) => write(readyLine(ready, manifest.clusterName, identity.name, parts.now())),
  };
}

/** What waiting does not change is told apart from what may pass. */
async function definitely<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof VolumeRefused || error instanceof PackageRefused ? new Definite(error.message) : error;
  }
}

function machineOf(identity: NodeIdentity, manifest: BootManifest, parts: Parts, log: NodePorts['log']): Machine {
  const { disk, programs, root } = parts;
  const { role, stackId, volumeId } = identity;
  const unit = serviceName(role);
  const data = `${root}${manifest.dataPath}`;
  const units = `${root}${PATHS.systemdUnits}`;
  const dropIn = serviceUnit({
    role,
    runtime: PATHS.agentRuntime,
    data: manifest.dataPath,
    log: role === 'keeper' ? PATHS.keeperLog : PATHS.serverLog,
    // what the agent is told lies where ClickHouse must not look.
    agentConfig: dirname(PATHS.agentIdentity),
    drainSeconds: manifest.drainSeconds,
  });
  const clientPorts = [parts.ports.https, parts.ports.native];
  return {
    closeMetadata: () => applyFirewall(programs, CLICKHOUSE_ID),
    metadataIsClosed: () => firewallHolds(programs, CLICKHOUSE_ID),
    async tune() {
      const notes = await applySystemSettings({
        programs,
        disk,
        writeKernelFile: parts.writeKernelFile,
        paths: { sysctl: `${root}/etc/sysctl.d/90-clickhouse.conf`, hugePages: `${root}/sys/kernel/mm/transparent_hugepage/enabled` },
        owner: { ...ROOT, mode: 0o644 },
      });
      if (notes.length > 0) log({ event: 'system', notes });
    },
    async account() {
      await ensureAccount({ programs, read: parts.readSystemFile, paths: { passwd: `${root}/etc/passwd`, group: `${root}/etc/group` } });
    },
    mountVolume: (instanceId) =>
      definitely(
        mountVolume(
          { volumeId, instanceId, mountPoint: data, devicePath: devicePath(root, volumeId), owner: { cluster: manifest.clusterName, node: identity.host }, stackId },
          { volumes: parts.volumes, programs, disk, ...parts.devices, sleep: undisturbed(parts), now: parts.now, log: (event) => log({ ...event }) },
        ),
      ),
    establish: () => markEstablished(disk, data, stackId),
    async units() {
      await writeUnits([dropIn], { programs, disk, directory: units, owner: { ...ROOT, mode: 0o644 } });
    },
    async install() {
      await definitely(
        installPackages(
          {
            role,
            version: manifest.clickhouseVersion,
            packages: identity.packages,
            bucket: identity.packageBucket,
            directory: `${root}${PATHS.agentPackages}`,
            owner: { ...ROOT, mode: 0o600 },
            guard: `${units}/${dropIn.name}`,
          },
          { programs, disk, store: { object: (bucket, key) => parts.objects.objectStream(bucket, key) } },
        ),
      );
    },
    directories() {
      const removed = prepareDirectories(directoriesOf(manifest, root, disk, { uid: CLICKHOUSE_ID, gid: CLICKHOUSE_ID }), disk);
      if (removed.length > 0) log({ event: 'removed', documents: removed });
    },
    isRunning: () => isActive(programs, unit),
    start: () => start(programs, unit),
    // systemd itself ends what does not end in time, see the drop-in.
    stop: () => stop(programs, unit, manifest.drainSeconds + STOP_MARGIN_SECONDS),
    async halt() {
      await closeToClients(programs, clientPorts);
      await kill(programs, unit);
      // it would be started again.
      await stop(programs, unit, STOP_MARGIN_SECONDS);
    },
    unmountVolume: () => unmountVolume(data, { programs, ...parts.devices }),
    closeToClients: () => closeToClients(programs, clientPorts),
    openToClients: () => openToClients(programs),
  };
}

/** More than systemd gives a unit beyond its queries, see the drop-in: whoever is waited for ends by systemd's hand and not by ours. */
const STOP_MARGIN_SECONDS = 200;

/** The maintenance account is on this machine and nowhere else; see lib/config/users.ts. */
const LOOPBACK = '127.0.0.1';

function clickhouse(
  { identity, text }: Assignment,
  manifest: BootManifest,
  parts: Parts,
  marks: NodePorts['marks'],
  write: Write,
  log: NodePorts['log'],
): { readonly configuration: Configuration; readonly look: NodePorts['look'] } {
  const { disk, manifests, ports, root } = parts;
  const maintenance = newMaintenance();
  let secrets: InternalSecrets | undefined;
  const known = (): InternalSecrets => {
    if (secrets === undefined) throw new Error('the internal secret was not read yet');
    return secrets;
  };
  const installed = (): Installed => {
    const places = certificatePlaces(identity.role, root);
    const found = readInstalled(disk, { directory: { path: places.tls, owner: READABLE }, document: { path: places.document, template: certificatesTemplate(manifest) } });
    if (found === undefined) throw new Error('no certificate is installed');
    return found;
  };
  const query = (): ReturnType<typeof queryAs> => queryAs({ address: LOOPBACK, port: ports.https, host: identity.host, bundle: installed().bundle }, maintenance);
  const tell = ({ line, metrics }: { readonly line: string; readonly metrics: readonly string[] }): void => [line, ...metrics].forEach(write);
  // what the running server has read; nobody knows of the first, and a refresh that ran beside tells nobody.
  let loaded: string | undefined;
  let unread = false;
  let tried = -Infinity;

  const configuration: Configuration = {
    async secrets() {
      secrets = await internalSecrets(identity, parts);
    },
    async bootDocuments() {
      const password = identity.role === 'server' ? { interserverPassword: known().interserverPassword } : {};
      // in turn with a refresh that runs beside: each tidies away what the other has not finished.
      await parts.exclusively(() => Promise.resolve(writeDocuments(disk, { root, owner: READABLE }, bootDocumentsOf(manifest), { ...valuesOf(identity), ...password })));
    },
    async certificates() {
      const result = await certificatesPass(identity, parts, text);
      tell(result);
      return result;
    },
    async live() {
      marks.set('maintenance', maintenance.hash);
      const result = await usersPass('refresh', identity, [], parts, () => Promise.resolve({ clusterSecret: known().clusterSecret, maintenanceHash: maintenance.hash })).catch((error: unknown) => {
        // it may have written before it failed.
        unread = true;
        throw error;
      });
      tell(result);
      const { changed, complete, declared, live } = result;
      unread ||= changed || live.sha256 !== loaded;
      return {
        sha256: live.sha256,
        complete,
        declared,
        async apply() {
          // also when it was refused before: a server does not read again by itself what it could parse and not use.
          if (unread) {
            await query()('SYSTEM RELOAD CONFIG', { milliseconds: RELOAD_MILLISECONDS });
            [loaded, unread, tried] = [live.sha256, false, -Infinity];
          }
          const databases = await createDatabases(query(), live.manifest.databases);
          const told = databases.filter(({ kind }) => kind !== 'there');
          if (told.length > 0) log({ event: 'databases', databases: told });
          return allThere(databases);
        },
      };
    },
    pointer: () => manifests.pointer(identity.liveManifestParameter),
  };

  const keepers = manifest.keepers.map((host): KeeperListener => ({ host, port: ports.keeper }));
  const look = async (facts: Facts): Promise<Look> => {
    const { bundle, own } = installed();
    const trust = { certificate: own.cert, privateKey: own.key, bundle };
    if (identity.role === 'keeper') {
      const self: KeeperListener = { host: identity.host, address: identity.ip, port: ports.keeper };
      return observeKeeper({ own: self, others: keepers.filter(({ host }) => host !== identity.host) }, trust, facts.volume);
    }
    const thorough = parts.now() - tried >= STRANGERS_MILLISECONDS;
    const access = { listener: { address: LOOPBACK, port: ports.https, host: identity.host, bundle }, maintenance };
    const { observation, open, trouble } = await observeServer(access, { ...facts, keepers, thorough }, trust);
    // until it answers it may be another process each time.
    tried = !observation.listening ? -Infinity : thorough ? parts.now() : tried;
    return { observation, trouble, ...(open === undefined ? {} : { open }) };
  };
  return { configuration, look };
}

/** How often strangers are tried when nothing changes. Each time leaves refused logins in the audit log, and many would hide those of others. */
const STRANGERS_MILLISECONDS = 5 * 60_000;

/** Reading users again takes as long as there are many; a server that is busy answers late. */
const RELOAD_MILLISECONDS = 60_000;

function surroundingsOf(identity: NodeIdentity, parts: Parts, log: NodePorts['log']): Surroundings {
  const { lifecycle, metadata, objects, signals } = parts;
  return {
    instanceId: () => metadata.instanceId(),
    terminating: async () => (await metadata.targetLifecycleState()) === 'Terminated',
    async signal(outcome, instanceId) {
      const target = { stackId: identity.stackId, groupLogicalId: identity.groupLogicalId, instanceId };
      const answer = await (outcome === 'SUCCESS' ? signals.success(target) : signals.failure(target));
      if (answer.kind === 'notAwaited') log({ event: 'signal', outcome, reason: answer.reason });
    },
    report: (sha256) => objects.putReport(identity.bucket, identity.name, { live: sha256, at: new Date(parts.now()).toISOString() }),
    async drained(instanceId) {
      const answer = await lifecycle.complete({ groupName: await signals.groupName(identity), instanceId, hook: DRAIN_HOOK });
      if (answer.kind === 'notActive') log({ event: 'drained', reason: 'Auto Scaling waits for no word of this machine' });
    },
  };
}
