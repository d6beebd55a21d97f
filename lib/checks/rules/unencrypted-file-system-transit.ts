import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import { commandsOf } from '../scripts';
import type { Resource } from '../../exposure/templates/templates';
import { elements, inside, mayBeAbsent, referencesIn, scalar } from '../../exposure/templates/values';
import { hostProperty, startUpScript } from '../../exposure/workloads/workloads';

/** Of NFS in a script only what is known to be EFS: other servers have encryption of their own that no mount option shows. */
export const unencryptedFileSystemTransit: Rule = {
  id: 'ClickHouse-UnencryptedFileSystemTransit',
  severity: 'error',
  info: 'a file system of ClickHouse is mounted without TLS',
  explanation: 'NFS carries every block of a table over the network as it is. Encryption at rest ends at the file system, so whoever sees or redirects that traffic reads the data and can change it.',
  fix: "set TransitEncryption to ENABLED in EFSVolumeConfiguration; on a machine mount with amazon-efs-utils, '-t efs -o tls'",
  link: 'https://docs.aws.amazon.com/efs/latest/ug/encryption-in-transit.html',
  *check({ workloads }: Deployment): Iterable<Finding> {
    for (const task of new Set(workloads.containers.map((each) => each.task))) yield* judgeTask(task);
    for (const host of workloads.hosts) {
      const hasFileSystem = hostProperty(host, 'UserData').flatMap(referencesIn).some((each) => each.type.startsWith('AWS::EFS::'));
      for (const mount of new Set(mountsInClear(startUpScript(host), hasFileSystem))) yield finding(host, `${host.logicalId} mounts a file system without TLS: ${mount}`);
    }
  },
};

/** @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EFSVolumeConfiguration.html, where not written means DISABLED. */
function* judgeTask(task: Resource): Iterable<Finding> {
  for (const volume of elements(task, 'Volumes')) {
    const names = inside(volume, 'Name').map(scalar).flatMap((each) => (each.known ? `${each.value} ` : []));
    const name = `volume ${names.join('')}of ClickHouse (${task.logicalId})`;
    for (const system of inside(volume, 'EFSVolumeConfiguration')) {
      const values = inside(system, 'TransitEncryption').map(scalar);
      const wrong = values.find((each) => each.known && String(each.value).toUpperCase() !== 'ENABLED');
      const unknown = values.flatMap((each) => (each.known ? [] : each.reason));
      const location = 'Properties.Volumes';
      if (mayBeAbsent(system, 'TransitEncryption')) yield finding(task, `${name} is mounted without TLS: TransitEncryption is not set, which means DISABLED`, { location });
      else if (wrong?.known) yield finding(task, `${name} is mounted without TLS: TransitEncryption is ${wrong.value}`, { location });
      else if (unknown.length > 0) yield finding(task, `whether ${name} is mounted with TLS cannot be told at synthesis: ${unknown.join(', ')}`, { location });
    }
  }
}

const MOUNT = /(?:^|[\s/"'])mount(?:\.(nfs4?|efs))?\s(.*)/;
// a line of /etc/fstab from its second field on: where, what, and how.
const TABLE = /(?:^|\s)["']?[/$]\S*\s+(nfs4?|efs)\s+([a-z_][\w=.,:-]*)/;
const SAYS_TLS = /(?:^|[\s,"'=])tls(?=$|[\s,"'])/;
// the kernel's own ways; https://man7.org/linux/man-pages/man5/nfs.5.html
const SECURE_NFS = /\b(?:sec=krb5p|xprtsec=m?tls)\b/;
// the far end of a tunnel that stunnel or efs-proxy keeps.
const LOOPBACK = /(?:^|[\s"'])(?:127\.[\d.]+|localhost|\[::1\]):/;
const EFS = /\.efs\.|\bfs-[0-9a-f]{8,17}\b/;

/** The commands that mount EFS as plain NFS, shortened. */
function* mountsInClear(script: string, hasFileSystem: boolean): Iterable<string> {
  if (!/[ne]fs/.test(script)) return;
  for (const command of commandsOf(script)) {
    // printf writes /etc/fstab with these.
    const text = command.replace(/\\[tn]/g, ' ');
    const [mounting, helper, given = ''] = MOUNT.exec(text) ?? [];
    const [listed, type, written = ''] = TABLE.exec(text) ?? [];
    const kind = listed !== undefined ? type : mounting !== undefined && !/(?:^|\s)-a\b/.test(given) ? (helper ?? typeOf(given)) : undefined;
    const options = listed !== undefined ? written : given;
    if (kind === undefined || LOOPBACK.test(text)) continue;
    const secure = kind === 'efs' ? SAYS_TLS.test(options) : SECURE_NFS.test(options) || !(hasFileSystem || EFS.test(text));
    if (!secure) yield `'${text.trim().replace(/\s+/g, ' ').slice(0, 80)}'`;
  }
}

/** The type that mount is told, or takes from the form of the name. */
function typeOf(options: string): string | undefined {
  const [, type] = /(?:^|\s)(?:-t|--types)[\s=]*(nfs4?|efs)\b/.exec(options) ?? [];
  return type ?? (/\.efs\.\S*:\//.test(options) ? 'nfs' : undefined);
}
