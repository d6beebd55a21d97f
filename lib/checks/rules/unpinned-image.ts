import { DEFAULT_VERSION } from '../../config/version';
import type { Loose } from '../releases';
import { looseImage, looseVersion, serverPackage } from '../releases';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import { commandsOf } from '../scripts';
import type { Located, Resource } from '../../exposure/templates/templates';
import { isDictionary } from '../../exposure/templates/templates';
import { inside, items, literalText, scalar } from '../../exposure/templates/values';
import { isServerImage } from '../../exposure/workloads/evidence';
import { startUpScript } from '../../exposure/workloads/workloads';

/** Only asks whether a version is written down; whether that version has a known hole is the matter of ClickHouse-VulnerableVersion. */
export const unpinnedImage: Rule = {
  id: 'ClickHouse-UnpinnedImage',
  severity: 'warning',
  info: 'an image or a package of ClickHouse that names no release',
  explanation: 'What runs is then decided by the day a machine starts: replicas differ, a restart is an upgrade that nobody tried, and whether a known hole is in it cannot be told.',
  fix: `name one release, such as clickhouse/clickhouse-server:${DEFAULT_VERSION}, best with its digest`,
  link: 'https://clickhouse.com/docs/install/docker',
  *check({ workloads }: Deployment): Iterable<Finding> {
    for (const { task, definition } of workloads.containers) {
      for (const image of inside(definition, 'Image')) yield* judgeContainer(task, image);
    }
    for (const host of workloads.hosts) {
      const problems = [...problemsOfScript(startUpScript(host)), ...problemsOfInit(host)];
      // the same image is often pulled and then run.
      for (const problem of new Set(problems)) yield finding(host, `${host.logicalId}: ${problem}`);
    }
  },
};

function* judgeContainer(task: Resource, image: Located): Iterable<Finding> {
  const value = scalar(image);
  // the registry of an image that CDK builds is only known at deployment, its tag is not.
  const text = value.known ? String(value.value) : literalText(image).trimStart();
  const loose = looseImage(text);
  if (loose === undefined) return;
  const words = problem(`image ${text.trim()} of ClickHouse (${task.logicalId})`, { ...loose, words: value.known || loose.known ? loose.words : value.reason });
  yield finding(task, words.replace('  ', ' '), { location: 'Properties.ContainerDefinitions' });
}

function problem(what: string, { known, words }: Loose): string {
  return known ? `${what} names no release: ${words}` : `whether ${what} names a release cannot be told at synthesis: ${words}`;
}

const MANAGER = /\b(?:yum|dnf|microdnf|tdnf|apt|apt-get|aptitude|zypper|apk)\s(.*)/;
const INSTALLING = /(?:^|\s)(?:install|reinstall|add|in)\s(.*)/;
const CONTAINER = /\b(?:docker|podman|nerdctl|finch)\s+(?:container\s+|image\s+)?(?:run|create|pull)\s+(.*)/;
const COMPOSED = /(?:^|[\s{,])["']?image["']?\s*:\s*["']?([^\s"',}]+)/;
// the documented one-line installer, and what it downloads; https://clickhouse.com/docs/install
const NEWEST_BUILD = /https?:\/\/(?:www\.)?clickhouse\.com\/?["']?\s*\||https?:\/\/builds\.clickhouse\.com\/master\//;

/** What a start-up script installs or runs without saying which release. */
function* problemsOfScript(script: string): Iterable<string> {
  if (!/clickhouse/i.test(script)) return;
  for (const command of commandsOf(script)) {
    if (NEWEST_BUILD.test(command)) yield problem('the installer of clickhouse.com', { known: true, words: 'it takes the newest build' });
    const [, managing = ''] = MANAGER.exec(command) ?? [];
    const [, packages = ''] = INSTALLING.exec(managing) ?? [];
    const named = packages.split(/\s+/).flatMap((word) => serverPackage(fileName(bare(word))) ?? []);
    const loose = named.flatMap(({ name, version }) => ({ name, why: looseVersion(version) }));
    // the server's packages demand each other in the same version.
    if (loose.every(({ why }) => why !== undefined)) for (const { name, why } of loose) if (why) yield problem(`package ${name}`, why);
    const [, rest = ''] = CONTAINER.exec(command) ?? [];
    for (const image of [imageArgument(rest), COMPOSED.exec(command)?.[1]]) {
      const why = image !== undefined && isServerImage(image) ? looseImage(image) : undefined;
      if (why !== undefined) yield problem(`image ${image}`, why);
    }
  }
}

/** A word of a shell or of JSON without what stands around it. */
function bare(word: string): string {
  return word.replace(/["'{}[\],()`]/g, '');
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

// the options without a value; https://docs.docker.com/reference/cli/docker/container/run/
const SWITCHES = new Set(['detach', 'init', 'interactive', 'no-healthcheck', 'oom-kill-disable', 'privileged', 'publish-all', 'quiet', 'read-only', 'replace', 'rm', 'sig-proxy', 'tty', 'use-api-socket', 'all-tags', 'disable-content-trust'].map((each) => `--${each}`));

/** The image in the arguments of `docker run`: the first that is neither an option nor the value of one. */
function imageArgument(text: string): string | undefined {
  const words = text.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (!word.startsWith('-')) return bare(word);
    // -d, -it, -p80:8123 stand alone; -p, -dp and --name are followed by their value.
    const takesNext = word.startsWith('--') ? !word.includes('=') && !SWITCHES.has(word) : /^-[ditPq]*[a-zA-Z]$/.test(word) && !/^-[ditPq]+$/.test(word);
    if (takesNext) index++;
  }
  return undefined;
}

/** The same for the packages that cfn-init installs; https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-init.html */
function* problemsOfInit({ metadata, template }: Resource): Iterable<string> {
  const init = metadata['AWS::CloudFormation::Init'];
  const below = (value: unknown): readonly unknown[] => (isDictionary(value) ? Object.values(value) : []);
  const packages = below(init).flatMap((config) => inside({ node: config, template }, 'packages')).flatMap((managers) => below(managers.node));
  for (const [name, list] of packages.flatMap((each) => (isDictionary(each) ? Object.entries(each) : []))) {
    if (serverPackage(name) === undefined) continue;
    const versions = items({ node: list, template }).map(scalar);
    for (const version of versions.length > 0 ? versions : [undefined]) {
      // a package may also be given as a file, whose name has its version.
      const text = version?.known ? String(version.value) : undefined;
      const written = text?.includes('/') ? serverPackage(fileName(text))?.version : text;
      const why = version?.known === false ? { known: false, words: version.reason } : looseVersion(written);
      if (why !== undefined) yield problem(`package ${name}`, why);
    }
  }
}
