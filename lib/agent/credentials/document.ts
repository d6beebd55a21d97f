import { ConfigurationError } from '../../config/error';
import { fillHoles } from '../../config/holes';
import type { DocumentTemplate, UserDocument } from '../../config/manifest';
import { parseXml, textOf } from '../../config/parse';
import { checkedUserName } from '../../config/users';
import { childElements } from '../../config/xml';
import type { XmlElement } from '../../config/xml';

/** What every user's document is filled with. */
export interface Networks {
  readonly clientNetworks: readonly string[];
  readonly rotationNetworks: readonly string[];
}

/** What is wrong with the name of a user, which becomes the name of his file. */
export function strangeName({ user, path }: UserDocument): string | undefined {
  try {
    checkedUserName(user);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  return path.endsWith(`/${user}.xml`) ? undefined : `the manifest says that the document of '${user}' is ${JSON.stringify(path)}; it must be ${user}.xml`;
}

/**
 * The finished document of a user, or why there is none.
 *
 * The server refuses every user for one document it cannot read, so what is not certainly this user's whole document is never written.
 */
export function finishedDocument(document: UserDocument, hashes: readonly string[], networks: Networks): { readonly content: string } | { readonly unfit: string } {
  const { user, template } = document;
  try {
    const content = fillHoles(template, { ...networks, passwordHashes: { [user]: hashes } });
    return isDocumentOf(content, user) ? { content } : { unfit: 'the finished document is not that of this user and nobody else' };
  } catch (error) {
    // its message shows no secret; a message of the parser, which quotes the document, does not get here.
    if (error instanceof ConfigurationError) return { unfit: error.message };
    throw error;
  }
}

/** Whether a text is a whole document of this user and nobody else. */
export function isDocumentOf(content: string | undefined, user: string): boolean {
  const root = content === undefined ? undefined : read(content);
  return root?.name === 'clickhouse' && children(child(root, 'users')).map(({ name }) => name).join() === user;
}

/** The hashes in a document that was written earlier. None when it is not what we write. */
export function hashesIn(content: string | undefined, user: string): string[] {
  const root = content === undefined ? undefined : read(content);
  const methods = children(child(child(child(root, 'users'), user), 'auth_methods'));
  return methods.map((method) => textOf(child(method, 'password_sha256_hex') ?? method) ?? '').filter((text) => /^[0-9a-f]{64}$/.test(text));
}

/**
 * What a document that was written earlier refers to and these documents do not bring. A user's file with such a reference is not only useless: the
 * server reads no user at all beside it, and does not start.
 */
export function missingReferences(content: string, user: string, documents: readonly DocumentTemplate[]): string[] {
  const element = child(child(read(content), 'users'), user);
  const texts = (parent: XmlElement | undefined, name: string): string[] => children(parent).filter((each) => each.name === name).flatMap((each) => textOf(each) ?? []);
  const roles = texts(child(element, 'grants'), 'query').flatMap((query) => /^GRANT `([^`]+)`$/.exec(query)?.[1] ?? []);
  const referred = [
    ...texts(element, 'profile').map((name) => ['profiles', name] as const),
    ...texts(element, 'quota').map((name) => ['quotas', name] as const),
    ...roles.map((name) => ['roles', name] as const),
  ];
  const roots = documents.map(({ template }) => read(template));
  return referred.filter(([kind, name]) => !roots.some((root) => child(child(root, kind), name) !== undefined)).map(([kind, name]) => `${kind}/${name}`);
}

function read(content: string): XmlElement | undefined {
  try {
    return parseXml(content);
  } catch (error) {
    if (error instanceof ConfigurationError) return undefined;
    throw error;
  }
}

function child(parent: XmlElement | undefined, name: string): XmlElement | undefined {
  return children(parent).find((each) => each.name === name);
}

function children(parent: XmlElement | undefined): readonly XmlElement[] {
  return parent === undefined ? [] : childElements(parent);
}
