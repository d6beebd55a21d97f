import { ConfigurationError } from './error';
import { BUILT_IN, checkedName } from './names';
import { parseXml, textOf } from './parse';
import { isTunable, namedProtection, querySettingProtection } from './protected';
import type { XmlElement } from './xml';
import { childElements } from './xml';

/** What a raw extra document adds to: the server's configuration or the users'. */
export type ExtraDocumentKind = 'server' | 'users';

/** Why an attribute is refused. Those of substitution put something unchecked in place of what was checked. */
const REFUSED_ATTRIBUTES: Readonly<Record<string, string>> = {
  incl: 'its value would come from a file that was not checked',
  from_env: 'its value would come from the environment, and an unset variable is an empty value, not an error',
  from_zk: 'its value would come from Keeper',
  encrypted_by: 'its value cannot be checked',
  hide_in_preprocessed: 'a secret has no place in the template',
  optional: 'it belongs to a substitution',
};

/**
 * The attributes that say how a section is merged. In a server document they stand on what may be set anyway; in a users document they would
 * take away the profiles that hold the limits. https://clickhouse.com/docs/operations/configuration-files
 */
const MERGE_ATTRIBUTES = ['replace', 'remove'];

/** The only elements that may be repeated beside each other. Of others ClickHouse reads one and ignores the rest. */
const REPEATABLE = ['interval', 'case', 'profile'];

/**
 * Reads a raw document that a user adds to the configuration and refuses it when it could weaken what the library decides.
 *
 * A server document may hold what is known to tune resources; a users document may hold profiles and quotas. Users are declared with the
 * typed model, because every user needs networks, grants and rotated hashes. The result is rendered anew before it is written.
 */
export function acceptExtraDocument(kind: ExtraDocumentKind, name: string, xml: string): XmlElement {
  checkedName('extra document', name);
  const root = read(name, xml);
  if (root.name !== 'clickhouse') {
    throw new ConfigurationError('ExtraRoot', `the root of the extra document '${name}' must be <clickhouse>, got <${root.name}>`);
  }
  if (Object.keys(root.attributes).length > 0) {
    throw new ConfigurationError(
      'ExtraAttribute',
      `the root of the extra document '${name}' must have no attributes, got '${Object.keys(root.attributes).join("', '")}'; remove them`,
    );
  }
  if (childElements(root).length === 0 && root.children.length > 0) {
    throw new ConfigurationError('ExtraRoot', `the root of the extra document '${name}' must hold settings, got a text`);
  }
  checkRepeated(name, root, []);
  for (const setting of childElements(root)) {
    (kind === 'server' ? checkServerSetting : checkUsersSection)(name, setting, []);
    checkAttributes(kind, name, setting, []);
  }
  return root;
}

/** The profiles that an accepted users document defines. */
export function definedProfiles(root: XmlElement): string[] {
  return sections(root, 'profiles').map((profile) => profile.name);
}

/** The profiles that those of an accepted users document build on. */
export function inheritedProfiles(root: XmlElement): string[] {
  return sections(root, 'profiles').flatMap((profile) =>
    childElements(profile).filter((child) => child.name === 'profile').map((child) => textOf(child) ?? ''),
  );
}

/** The quotas that an accepted users document defines. */
export function definedQuotas(root: XmlElement): string[] {
  return sections(root, 'quotas').map((quota) => quota.name);
}

function sections(root: XmlElement, name: string): readonly XmlElement[] {
  return childElements(root).filter((child) => child.name === name).flatMap(childElements);
}

function read(name: string, xml: string): XmlElement {
  try {
    return parseXml(xml);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError('ExtraSyntax', `the extra document '${name}' cannot be read: ${error.message}`);
  }
}

// names with a meaning first, from the outside in, and what is merely unknown last, from the inside out: the message then names the setting
// that matters, not the section around it.
function checkServerSetting(name: string, setting: XmlElement, above: readonly string[]): void {
  const path = [...above, setting.name];
  const inner = childElements(setting);
  const why = namedProtection(path, inner.length > 0);
  if (why !== undefined) refuse(name, path, why);
  for (const child of inner) checkServerSetting(name, child, path);
  if (!isTunable(path, inner.length > 0)) refuse(name, path, 'it is not on the list of settings known to be harmless, and one that is not known may open something');
}

function checkUsersSection(name: string, section: XmlElement, above: readonly string[]): void {
  const path = [...above, section.name];
  switch (section.name) {
    case 'profiles':
      return childElements(section).forEach((profile) => checkProfile(name, profile, path));
    case 'quotas':
      return childElements(section).forEach((quota) => checkQuota(name, quota, path));
    case 'users':
      return refuse(name, path, 'every user needs networks, grants and rotated passwords, so users are declared with the typed model');
    case 'roles':
      return refuse(name, path, 'grants are declared with the typed model, which cannot grant the management of access');
    default:
      return refuse(name, path, 'an extra users document may hold profiles and quotas only');
  }
}

function checkProfile(name: string, profile: XmlElement, above: readonly string[]): void {
  const path = [...above, profile.name];
  checkOwnName(name, 'profile', profile.name, path, [BUILT_IN.defaultProfile, BUILT_IN.systemProfile, BUILT_IN.maintenanceProfile]);
  requireNoText(name, profile, path);
  for (const child of childElements(profile)) {
    const at = [...path, child.name];
    if (child.name === 'constraints') {
      requireNoText(name, child, at);
      childElements(child).forEach((constraint) => checkConstraint(name, constraint, at));
    } else if (child.name === 'profile') {
      const parent = requireText(name, child, at);
      if (parent === BUILT_IN.systemProfile || parent === BUILT_IN.maintenanceProfile) refuse(name, at, `the profile '${parent}' is the library's own`);
    } else {
      checkQuerySetting(name, child, at);
      requireText(name, child, at);
    }
  }
}

function checkConstraint(name: string, constraint: XmlElement, above: readonly string[]): void {
  const path = [...above, constraint.name];
  checkQuerySetting(name, constraint, path);
  requireNoText(name, constraint, path);
  for (const child of childElements(constraint)) {
    const at = [...path, child.name];
    if (!['min', 'max', 'const', 'readonly'].includes(child.name)) refuse(name, at, 'a constraint holds min, max, const or readonly');
    requireText(name, child, at);
  }
}

function checkQuerySetting(name: string, setting: XmlElement, path: readonly string[]): void {
  if (!/^[a-z][a-z0-9_]*$/.test(setting.name)) refuse(name, path, 'the names of query settings are lower-case letters, digits and _');
  const why = querySettingProtection(setting.name);
  if (why !== undefined) refuse(name, path, why);
}

const QUOTA_LIMITS = [
  'duration', 'randomize', 'queries', 'query_selects', 'query_inserts', 'errors', 'result_rows', 'result_bytes', 'read_rows', 'read_bytes',
  'execution_time', 'written_bytes',
];

function checkQuota(name: string, quota: XmlElement, above: readonly string[]): void {
  const path = [...above, quota.name];
  checkOwnName(name, 'quota', quota.name, path, [BUILT_IN.defaultQuota]);
  requireNoText(name, quota, path);
  for (const child of childElements(quota)) {
    const at = [...path, child.name];
    if (child.name === 'keyed_by_ip' || child.name === 'keyed') continue;
    if (child.name !== 'interval') refuse(name, at, 'a quota holds intervals, keyed or keyed_by_ip');
    requireNoText(name, child, at);
    for (const limit of childElements(child)) {
      const limitPath = [...at, limit.name];
      if (limit.name === 'failed_sequential_authentications') {
        refuse(name, limitPath, 'it refuses the right password too until the interval ends, so anybody who reaches the port could lock a user out');
      }
      if (!QUOTA_LIMITS.includes(limit.name)) refuse(name, limitPath, `an interval holds ${QUOTA_LIMITS.join(', ')}`);
      requireText(name, limit, limitPath);
    }
  }
}

function checkOwnName(name: string, what: string, own: string, path: readonly string[], taken: readonly string[]): void {
  if (taken.includes(own)) refuse(name, path, `the ${what} '${own}' is the library's own; declare it with the typed model or choose another name`);
  checkedName(what, own);
}

function checkRepeated(name: string, element: XmlElement, path: readonly string[]): void {
  const seen = new Set<string>();
  for (const child of childElements(element)) {
    const at = [...path, child.name];
    if (seen.has(child.name) && !REPEATABLE.includes(child.name)) refuse(name, at, 'it stands twice beside itself, and only one of them would count');
    seen.add(child.name);
    checkRepeated(name, child, at);
  }
}

function checkAttributes(kind: ExtraDocumentKind, name: string, element: XmlElement, above: readonly string[]): void {
  const path = [...above, element.name];
  for (const attribute of Object.keys(element.attributes)) {
    const merges = MERGE_ATTRIBUTES.includes(attribute);
    if (merges && kind === 'server') continue;
    const known = Object.hasOwn(REFUSED_ATTRIBUTES, attribute) ? REFUSED_ATTRIBUTES[attribute] : undefined;
    const why = known ?? (merges ? 'it would take away what the library put there' : 'its effect is not known');
    throw new ConfigurationError(
      'ExtraAttribute',
      `the extra document '${name}' uses the attribute '${attribute}' on '${element.name}' (${shown(path)}), which is refused: ${why}; write the value itself`,
    );
  }
  for (const child of childElements(element)) checkAttributes(kind, name, child, path);
}

function requireText(name: string, element: XmlElement, path: readonly string[]): string {
  const text = textOf(element);
  if (text === undefined) refuse(name, path, 'it must hold a value, got elements');
  return text;
}

function requireNoText(name: string, element: XmlElement, path: readonly string[]): void {
  if (childElements(element).length === 0 && (textOf(element) ?? '').trim() !== '') refuse(name, path, 'it must hold elements, got a text');
}

function refuse(name: string, path: readonly string[], why: string): never {
  throw new ConfigurationError(
    'ProtectedSetting',
    `the extra document '${name}' sets '${path.at(-1) ?? ''}' (${shown(path)}), which is protected: ${why}; remove it`,
  );
}

function shown(path: readonly string[]): string {
  return ['clickhouse', ...path].join('/');
}
