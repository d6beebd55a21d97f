import type { Vulnerability } from '../../config/version';
import { DEFAULT_VERSION, knownVulnerability } from '../../config/version';
import { METADATA_CLICKHOUSE } from '../../metadata';
import { parseImage } from '../../exposure/workloads/evidence';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import { isDictionary } from '../../exposure/templates/templates';
import { startUpScript } from '../../exposure/workloads/workloads';

/** Judges the versions that are written down. One that is not (`latest`, no tag, an unpinned package) is another rule's matter. */
export const vulnerableVersion: Rule = {
  id: 'ClickHouse-VulnerableVersion',
  severity: 'error',
  info: 'a ClickHouse release with remote code execution before the login',
  explanation: 'Whoever reaches a port of such a server owns it, whatever its users and passwords are.',
  fix: `use ${DEFAULT_VERSION} or newer`,
  link: 'https://clickhouse.com/docs/whats-new/security-changelog',
  *check({ workloads }: Deployment): Iterable<Finding> {
    for (const resource of workloads.evidence.keys()) {
      const mark = resource.metadata[METADATA_CLICKHOUSE];
      if (isDictionary(mark) && typeof mark.version === 'string') yield* judge(resource, [mark.version]);
    }
    for (const { task, image } of workloads.containers) {
      if (image !== undefined) yield* judge(task, versionsOfImages(image));
    }
    for (const host of workloads.hosts) {
      const script = startUpScript(host);
      yield* judge(host, [...versionsOfPackages(script), ...versionsOfImages(script)]);
    }
  },
};

function* judge(resource: Parameters<typeof finding>[0], versions: readonly string[]): Iterable<Finding> {
  for (const version of new Set(versions)) {
    const known = vulnerabilityOf(version);
    if (known) {
      yield finding(resource, `ClickHouse ${version} (${resource.logicalId}) lets anyone who reaches it run code without logging in: ${known.cve}, ${known.link}`, {
        fix: `use ${known.fixedIn} or newer, such as ${DEFAULT_VERSION}`,
      });
    }
  }
}

/** A version or the beginning of one: `24.3` means its newest release, and is only wrong if that is. */
function vulnerabilityOf(text: string): Vulnerability | undefined {
  const [, ...numbers] = /^(\d{2})(?:\.(\d{1,2}))?(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?(?:-.*)?$/.exec(text) ?? [];
  const [year, month = Infinity, patch = Infinity, build = Infinity] = numbers.map((each) => (each === undefined ? undefined : Number(each)));
  // the first release named by year is 18.1; what is older, or something else's version, is not ours to judge.
  return year === undefined || year < 18 || month === 0 ? undefined : knownVulnerability({ year, month, patch, build });
}

/** The tags of server images in a text: an image's own name, or a script that runs containers. */
function versionsOfImages(text: string): string[] {
  return [...text.matchAll(/(?<![\w./:-])[\w./:-]*clickhouse(?:-server)?:[\w.-]+/gi)].flatMap(([image]) => parseImage(image).tag ?? []);
}

/** `clickhouse-server=24.3.1.1`, `clickhouse-common-static-24.3.1.1-amd64.tgz`, `CLICKHOUSE_VERSION=24.3.1.1`. */
function versionsOfPackages(script: string): string[] {
  return [...script.matchAll(/clickhouse(?:-server|-common-static|_version)["']?\s*[=:_-]\s*["']?v?(\d{2}\.\d{1,2}\.\d{1,6}\.\d{1,6})/gi)].flatMap(([, version]) => version ?? []);
}
