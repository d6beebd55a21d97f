import type { PlainPorts } from './ports';
import { composedIn, insteadOf, LISTENERS, portInWords, writtenFor } from './ports';
import type { Setting } from './settings';
import { isLater, isLoopback, isOn, listensToItself, listensToOthers, settingsOf } from './settings';
import { installsServer, isFetched } from '../credentials/open-doors';
import type { Told } from '../credentials/model';
import { append } from '../../exposure/templates/templates';
import { isServerImage } from '../../exposure/workloads/evidence';
import { publishedBy } from '../../exposure/workloads/ports';

/** The listeners without TLS that a configuration has, and those of the package that it leaves on. */
export function* plainSettings(told: Told): Iterable<string> {
  const settings = settingsOf(told);
  if (listensToItself(settings)) return;
  const written = LISTENERS.flatMap((listener) => {
    const values = writtenFor(listener, settings) ?? [];
    return values.length === 0 ? [] : [{ words: values.map((value) => `${listener.words} ${isLater(value) ? 'with a port that is filled in later' : value}`).join(' and '), instead: listener.instead }];
  });
  if (written.length > 0) yield `${told.words} has ClickHouse listen in plain text: ${written.map(({ words }) => words).join(', ')}; use ${[...new Set(written.map(({ instead }) => instead))].join(', ')}, and remove the others`;
  const composed = composedIn(settings).flatMap(({ port, isSecure }) => (isSecure ? [] : [port]));
  if (composed.length > 0) yield `${told.words} has ClickHouse listen in plain text: protocols on ${composed.map((port) => `port ${port}`).join(', ')}; put a protocol of type tls in front of them`;
  yield* leftOn(told, settings);
}

const OF_THE_PACKAGE = ['http_port', 'tcp_port', 'mysql_port', 'postgresql_port', 'interserver_http_port'];

/**
 * What the package listens on by itself, where a script opens it to others, and changes only some of it or nothing.
 *
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/programs/server/config.xml
 */
function* leftOn({ words, isShell, script }: Told, settings: readonly Setting[]): Iterable<string> {
  if (!isShell || !listensToOthers(settings)) return;
  const text = script.commands.join('\n');
  // a whole configuration has nothing of the package's, and one from elsewhere is not known.
  if (/\/etc\/clickhouse-server\/config\.(?:xml|ya?ml)\b/.test(text) && !/\bsed\s/.test(text)) return;
  if (isFetched(script.commands)) return;
  const packaged = LISTENERS.filter(({ words: name }) => OF_THE_PACKAGE.includes(name));
  const left = packaged.filter((each) => writtenFor(each, settings) === undefined);
  // without the package, and with nothing of it taken away, nobody knows that it is there.
  const isPackaged = installsServer(script.commands) || settings.some(({ name, isRemoved }) => isRemoved && OF_THE_PACKAGE.includes(name));
  if (!isPackaged || left.length === 0) return;
  const named = left.map(({ words: name, port }) => `${name} ${port}`);
  yield `${words} lets ClickHouse listen on every address and leaves what the package has in plain text: ${named.join(', ')}; remove ${named.length > 1 ? 'them' : 'it'} with <${left[0]?.words ?? ''} remove="1"/> and the like, and set https_port and tcp_port_secure`;
}

/** Peers that a server is told to ask in plain text: other servers, and Keeper. */
export function* plainPeers(told: Told): Iterable<string> {
  const peers = new Map<string, Setting[]>();
  for (const each of settingsOf(told)) if (/(?:^|\.)(?:remote_servers\..{1,300}\.replica|(?:auxiliary_)?zookeeper(?:s\.[^.]{1,100})?\.(?:node|nodes))\.(?:host|port|secure)$/.test(each.path)) append(peers, each.parent, each);
  const found = new Set<string>();
  for (const part of peers.values()) {
    const of = (name: string): string => part.find((each) => each.name === name)?.value ?? '';
    if (of('port') === '' || isLoopback(of('host')) || isOn(of('secure')) || isLater(of('secure'))) continue;
    const isKeeper = part.some(({ path }) => path.includes('zookeeper'));
    found.add(`${told.words} has ClickHouse ask ${isKeeper ? 'Keeper' : 'other nodes'} in plain text${/^\d{1,5}$/.test(of('port')) ? `, on port ${of('port')}` : ''}; use secure, with port ${isKeeper ? '9281' : '9440'}`);
  }
  yield* found;
}

/** Ports of containers that a script hands on: by a command, or by a compose file. */
export function* publishedInPlain(told: Told, plain: PlainPorts): Iterable<string> {
  if (!told.isShell) return;
  const text = told.script.commands.join('\n');
  const ports = new Set(publishedBy(text).filter(({ isListed }) => !isListed).map(({ inner }) => inner));
  for (const port of composedPorts(settingsOf(told))) ports.add(port);
  const plainly = [...ports].filter((port) => plain.has(port)).sort((a, b) => a - b);
  if (plainly.length > 0) yield `${told.words} publishes ${plainly.map(portInWords).join(', ')} of a ClickHouse container in plain text; use ${insteadOf(plainly, plain)}`;
}

// [address:][port:]port, and what is behind the slash; https://docs.docker.com/reference/compose-file/services/#ports
const MAPPING = /^(?:([\d.]{3,15}|\[[\da-f:]{2,40}\]|localhost):)?(?:[\d-]{0,11}:)?(\d{1,5})(?:\/tcp)?$/i;

/** The ports of the services of ClickHouse in a compose file: those that are called so, or have its image. */
function composedPorts(settings: readonly Setting[]): readonly number[] {
  const services = new Map<string, Setting[]>();
  for (const each of settings) {
    const [, service] = /(?:^|\.)services\.([^.]{1,100})\.(?:image|ports)$/.exec(each.path) ?? [];
    if (service !== undefined) append(services, service, each);
  }
  return [...services].flatMap(([name, part]) => {
    const image = part.find((each) => /\.image$/.test(each.path) && each.value !== '')?.value;
    // an image of one's own does not say what it is.
    if (!isServerImage(name) && !isServerImage(image ?? '')) return [];
    return part.flatMap(({ path, value }) => {
      const [, address = '', port] = /\.ports$/.test(path) ? (MAPPING.exec(value) ?? []) : [];
      return port === undefined || isLoopback(address) ? [] : [Number(port)];
    });
  });
}
