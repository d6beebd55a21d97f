import { toldIn } from '../credentials/told';
import type { Entry } from '../ingress';
import { findEntries, openingInWords, openingOf } from '../ingress';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import { plainClients } from '../transport/clients';
import type { Behind, Leading } from '../transport/fronts';
import { transportFronts } from '../transport/fronts';
import { plainInKubernetes } from '../transport/kubernetes';
import { plainPeers, plainSettings, publishedInPlain } from '../transport/listening';
import type { PlainPorts } from '../transport/ports';
import { insteadOf, plainPortsOf, portInWords } from '../transport/ports';
import type { Located, Resource } from '../../exposure/templates/templates';
import { inside, items, literalText, property, scalar } from '../../exposure/templates/values';
import { LOAD_BALANCER_TYPES } from '../../exposure/workloads/load-balancers';
import type { Container, SecurityGroupUse } from '../../exposure/workloads/workloads';

/**
 * Who may reach a port is the matter of other rules; this one asks what is spoken there, inside of a VPC as well.
 *
 * What a load balancer takes from clients by HTTP is the matter of ClickHouse-WeakTls.
 */
export const plaintextPort: Rule = {
  id: 'ClickHouse-PlaintextPort',
  severity: 'error',
  info: 'ClickHouse is reached without TLS',
  explanation: 'Passwords, queries and results then travel as they are. Whoever sees or redirects the traffic inside the VPC, by a mirror, a changed route or one machine that was taken over, reads and changes them, and a private network does not keep such a one out.',
  fix: 'use 8443 (https_port), 9440 (tcp_port_secure), 9010 (interserver_https_port), 9281 and 9444 (Keeper), and remove the settings of the plain ports',
  link: 'https://clickhouse.com/docs/guides/sre/configuring-ssl',
  *check(deployment: Deployment): Iterable<Finding> {
    const { templates, workloads } = deployment;
    const plainOf = plainPortsOf(deployment);
    const entriesOf = findEntries(templates, 'Ingress');
    for (const [group, uses] of workloads.securityGroups) for (const entry of entriesOf(group)) yield* judgeEntry(entry, uses, plainOf);
    for (const container of workloads.containers) yield* judgeContainer(container, plainOf(container.task));
    const { groups, leading, classic } = transportFronts(deployment);
    for (const { group, behind } of groups) yield* judgeTargets(group, behind);
    for (const each of leading) yield* judgeListener(each);
    for (const { balancer, listener, behind } of classic) yield* judgeClassic(balancer, listener, behind);
    yield* plainInKubernetes(deployment);
    for (const told of toldIn(deployment)) {
      const own = told.isServer ? [...plainSettings(told), ...plainPeers(told), ...publishedInPlain(told, plainOf(told.resource))] : [];
      for (const message of new Set([...own, ...plainClients(told, deployment)])) yield finding(told.resource, message, { location: told.location });
    }
  },
};

function* judgeEntry({ resource, value, location }: Entry, uses: readonly SecurityGroupUse[], plainOf: (owner: Resource) => PlainPorts): Iterable<Finding> {
  // the same group may serve several: one finding an entry, about the first whose ports it opens.
  for (const { owner } of uses) {
    // the listeners of a load balancer are judged by what they speak.
    if (LOAD_BALANCER_TYPES.includes(owner.type)) continue;
    const plain = plainOf(owner);
    const opening = openingOf(value, plain.keys());
    if (opening === undefined) continue;
    const message = opening.known
      ? `${openingInWords(opening, [8123, 9000])} of ClickHouse (${owner.logicalId}) ${opening.all || opening.ports.length > 1 ? 'are' : 'is'} open in plain text; use ${insteadOf(opening.all ? opening.ports.filter((port) => [8123, 9000].includes(port)) : opening.ports, plain) || '8443 and 9440'}`
      : `whether ports of ClickHouse (${owner.logicalId}) in plain text are open cannot be told at synthesis: the ports of the entry are not known`;
    yield finding(resource, message, { location, fix: 'admit the ports with TLS only: 8443 and 9440 for clients, 9010, 9281 and 9444 within the cluster' });
    return;
  }
}

function* judgeContainer({ task, definition }: Container, plain: PlainPorts): Iterable<Finding> {
  const mappings = inside(definition, 'PortMappings').flatMap((list) => items(list));
  const ports = new Set<number>();
  const unknown: string[] = [];
  for (const mapping of mappings) {
    for (const port of inside(mapping, 'ContainerPort').map(scalar)) {
      if (port.known) ports.add(Number(port.value));
      else unknown.push(port.reason);
    }
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
    for (const range of inside(mapping, 'ContainerPortRange').map(scalar)) {
      const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(range.known ? String(range.value) : '') ?? [];
      for (const port of plain.keys()) if (Number(first) <= port && port <= Number(last)) ports.add(port);
    }
  }
  const name = `container ${inside(definition, 'Name').map(literalText).join('')} (${task.logicalId})`;
  const plainly = [...ports].filter((port) => plain.has(port)).sort((a, b) => a - b);
  const location = 'Properties.ContainerDefinitions';
  if (plainly.length > 0) yield finding(task, `${name} opens ${plainly.map(portInWords).join(', ')} of ClickHouse in plain text; use ${insteadOf(plainly, plain)}`, { location });
  for (const reason of new Set(unknown)) yield finding(task, `whether ${name} opens a port in plain text cannot be told at synthesis: ${reason}`, { location });
}

/** What is asked in plain text of those behind something: the first that has such a port, or whose port is not known. */
function* asked(behind: readonly Behind[], what: string): Iterable<string> {
  for (const { owner, plain, port } of behind) {
    const name = `ClickHouse (${owner.logicalId})`;
    const instead = port === undefined ? undefined : plain.get(port);
    if (port === undefined && plain.size > 0) yield `whether ${what} a port of ${name} that speaks plain text cannot be told at synthesis: the port is not known`;
    else if (port !== undefined && instead !== undefined) yield `${what} ${portInWords(port)} of ${name}; use ${instead}`;
    else continue;
    return;
  }
}

const PLAIN = /^(?:HTTP|TCP|TCP_UDP)$/i;
const NOTHING_WRITTEN = 'what it gets';

function* judgeTargets(group: Resource, behind: readonly Behind[]): Iterable<Finding> {
  for (const [protocol, unknown] of protocolsOf(property(group, 'Protocol'))) {
    const location = 'Properties.Port';
    if (unknown !== undefined) yield finding(group, `whether target group ${group.logicalId} sends plain text to ClickHouse (${behind[0]?.owner.logicalId ?? ''}) cannot be told at synthesis: ${unknown}`, { location: 'Properties.Protocol' });
    else for (const message of asked(behind, `target group ${group.logicalId} sends ${protocol} in plain text to`)) yield finding(group, message, { location, fix: 'send HTTPS to 8443, or TCP through to 8443 or 9440' });
  }
}

/** A listener that only passes on what it gets. */
function* judgeListener({ source, listener, behind }: Leading): Iterable<Finding> {
  if (listener === undefined) return;
  for (const protocol of property(listener, 'Protocol').map(scalar)) {
    if (!protocol.known || !/^TCP(?:_UDP)?$/i.test(String(protocol.value))) continue;
    for (const message of asked(behind, `listener ${source.logicalId} passes ${protocol.value} in plain text on to`)) yield finding(source, message, { fix: 'pass TCP through to 8443 or 9440' });
  }
}

/** @see https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-listener-config.html */
function* judgeClassic(balancer: Resource, listener: Located, behind: readonly Behind[]): Iterable<Finding> {
  const ports = inside(listener, 'LoadBalancerPort').map(literalText).join(' or ');
  for (const [protocol, unknown] of protocolsOf(inside(listener, 'InstanceProtocol'))) {
    const what = `the listener on port ${ports} of ${balancer.logicalId} sends ${protocol} in plain text to`;
    const location = 'Properties.Listeners';
    if (unknown !== undefined) yield finding(balancer, `whether ${what} ClickHouse cannot be told at synthesis: ${unknown}`, { location });
    else for (const message of asked(behind, what)) yield finding(balancer, message, { location, fix: 'send HTTPS to 8443, or TCP through to 8443 or 9440' });
  }
}

/** The protocols without TLS that something may have; with why one is not known. One that is not written is none with TLS. */
function* protocolsOf(values: readonly Located[]): Iterable<readonly [protocol: string, unknown?: string]> {
  if (values.length === 0) yield [NOTHING_WRITTEN];
  for (const value of values.map(scalar)) {
    if (!value.known) yield [NOTHING_WRITTEN, value.reason];
    else if (PLAIN.test(String(value.value))) yield [String(value.value)];
  }
}
