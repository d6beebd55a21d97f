import type { Setting } from './settings';
import { isLater, isOff, isOn } from './settings';

const SECTION = /(?:^|\.)openSSL\.(server|client)\.(.{1,200})$/;

/**
 * What sections of OpenSSL's settings leave open.
 *
 * A server that asks no client for a certificate is how HTTPS is everywhere. For Keeper it is not enough: it has no other login.
 *
 * @see https://clickhouse.com/docs/operations/server-configuration-parameters/settings#openssl
 */
export function* problemsOfOpenSsl(settings: readonly Setting[]): Iterable<string> {
  const isKeeper = settings.some(({ path }) => /(?:^|\.)keeper_server\./.test(path));
  for (const section of ['server', 'client']) {
    const written = settings.flatMap((each) => {
      const [, of, rest = ''] = SECTION.exec(each.path) ?? [];
      return of === section ? [{ ...each, rest }] : [];
    });
    const values = (name: string): readonly string[] => written.filter(({ rest }) => rest === name).map(({ value }) => value);
    if (values('verificationMode').some((mode) => mode.toLowerCase() === 'none')) {
      if (section === 'client') yield 'verificationMode none has ClickHouse take whoever answers for its peer';
      else if (isKeeper) yield 'verificationMode none lets everybody into Keeper, which has no other login than a certificate';
    }
    if (written.some(({ rest, value }) => rest.endsWith('invalidCertificateHandler.name') && /AcceptCertificateHandler/.test(value))) yield `AcceptCertificateHandler takes every certificate for a good one (openSSL.${section})`;
    if (section === 'client' && values('extendedVerification').some(isOff)) yield 'extendedVerification false takes the certificate of one host for that of another';
    yield* problemsOfProtocols(section, values('disableProtocols'), values('requireTLSv1_2').some(isOn), section === 'server' && values('certificateFile').length > 0);
  }
  if (settings.some(({ name, value }) => /^accept[-_]invalid[-_]certificate$/.test(name) && isOn(value))) yield 'accept-invalid-certificate has the client take whoever answers for the server';
}

/** The package disables SSL 2 and 3 only. */
function* problemsOfProtocols(section: string, lists: readonly string[], demandsNew: boolean, isSection: boolean): Iterable<string> {
  if (demandsNew || lists.some(isLater)) return;
  const [list] = lists.filter((each) => each !== '');
  if (list === undefined) {
    if (isSection) yield `TLS 1.0 and 1.1 are left on: openSSL.${section} has no disableProtocols`;
    return;
  }
  const named = new Set(list.toLowerCase().split(',').map((each) => each.trim()));
  const left = [['tlsv1', 'TLS 1.0'], ['tlsv1_1', 'TLS 1.1']].flatMap(([name = '', words = '']) => (named.has(name) ? [] : words));
  if (left.length > 0) yield `${left.join(' and ')} ${left.length > 1 ? 'are' : 'is'} left on: disableProtocols of openSSL.${section} does not have ${left.length > 1 ? 'tlsv1 and tlsv1_1' : left[0] === 'TLS 1.0' ? 'tlsv1' : 'tlsv1_1'}`;
}
