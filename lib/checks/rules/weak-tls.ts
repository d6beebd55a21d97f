import { toldIn } from '../credentials/told';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import { unverifiedClients } from '../transport/clients';
import { weakDistributions } from '../transport/distributions';
import type { Leading } from '../transport/fronts';
import { transportFronts } from '../transport/fronts';
import { weakInKubernetes } from '../transport/kubernetes';
import { problemsOfOpenSsl } from '../transport/openssl';
import { DEFAULT_POLICY, problemOfPolicy } from '../transport/security-policies';
import { settingsOf } from '../transport/settings';
import type { Located, Resource } from '../../exposure/templates/templates';
import type { Value } from '../../exposure/templates/values';
import { elements, everythingOf, inside, items, literalText, mayBeAbsent, property, referenceOf, scalar } from '../../exposure/templates/values';

/** What is between a client and the first that answers it. What a load balancer then hands on in plain text is the matter of ClickHouse-PlaintextPort. */
export const weakTls: Rule = {
  id: 'ClickHouse-WeakTls',
  severity: 'error',
  info: 'TLS in front of ClickHouse is missing, old, or checks nothing',
  explanation: 'TLS before 1.2 can be broken or talked down to, and TLS that takes any certificate keeps out only those who do not try: whoever is on the way answers in place of the server, and reads the passwords and the data.',
  fix: 'use HTTPS or TLS listeners with ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09, disable tlsv1 and tlsv1_1, and have every client check the certificate and its name',
  link: 'https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html',
  *check(deployment: Deployment): Iterable<Finding> {
    const { leading, classic } = transportFronts(deployment);
    const judged = new Set<Resource>();
    for (const each of leading) yield* judgeListener(each, judged);
    for (const { balancer, listener, behind } of classic) yield* judgeClassic(balancer, listener, behind[0]?.owner);
    yield* weakDistributions(deployment);
    yield* weakInKubernetes(deployment);
    for (const told of toldIn(deployment)) {
      const problems = [...[...problemsOfOpenSsl(settingsOf(told))].map((problem) => `${told.words}: ${problem}`), ...unverifiedClients(told, deployment)];
      for (const problem of new Set(problems)) yield finding(told.resource, problem, { location: told.location });
    }
  },
};

const TERMINATES = /^(?:HTTPS|TLS|SSL)$/;

function* judgeListener({ source, listener, behind }: Leading, judged: Set<Resource>): Iterable<Finding> {
  const name = `${source.logicalId} in front of ClickHouse (${behind[0]?.owner.logicalId ?? ''})`;
  if (listener === undefined) {
    yield finding(source, `whether ${name} takes HTTP without TLS cannot be told at synthesis: its listener is not in the templates`, { fix: 'define the listener in this app, with HTTPS' });
    return;
  }
  const location = listener === source ? 'Properties.Protocol' : undefined;
  for (const protocol of protocolsOf(listener)) {
    if (!protocol.known) yield finding(source, `whether ${name} takes HTTP without TLS cannot be told at synthesis: ${protocol.reason}`, { location });
    else if (protocol.value === 'HTTP') yield finding(source, `${name} takes HTTP without TLS`, { location, fix: 'listen with HTTPS, and let HTTP only redirect to it' });
    else if (TERMINATES.test(String(protocol.value)) && !judged.has(listener)) {
      judged.add(listener);
      yield* judgePolicyOf(listener, name);
    }
  }
}

/** The protocols that a listener may have. One that names none has certificates, or is an application load balancer's and speaks HTTP, or passes on what it gets. */
function protocolsOf(listener: Resource): readonly Value[] {
  const written = property(listener, 'Protocol').map(scalar).map((each) => (each.known ? { ...each, value: String(each.value).toUpperCase() } : each));
  if (written.length > 0) return written;
  if (elements(listener, 'Certificates').length > 0) return [{ known: true, value: 'HTTPS' }];
  const balancers = property(listener, 'LoadBalancerArn').flatMap((arn) => referenceOf(arn)?.resource ?? []);
  const isApplication = balancers.some((each) => property(each, 'Type').map(scalar).every((type) => type.known && type.value === 'application'));
  return isApplication ? [{ known: true, value: 'HTTP' }] : [];
}

function* judgePolicyOf(listener: Resource, name: string): Iterable<Finding> {
  const location = 'Properties.SslPolicy';
  if (mayBeAbsent(everythingOf(listener), 'SslPolicy')) yield finding(listener, `${name} allows TLS before 1.2: it names no SslPolicy, which means ${DEFAULT_POLICY}`, { location });
  for (const policy of property(listener, 'SslPolicy').map(scalar)) {
    const problem = policy.known ? problemOfPolicy(String(policy.value)) : { known: false, words: policy.reason };
    if (problem !== undefined) yield finding(listener, problem.known ? `${name} is weak: ${problem.words}` : `whether ${name} allows TLS before 1.2 cannot be told: ${problem.words}`, { location });
  }
}

function* judgeClassic(balancer: Resource, listener: Located, owner: Resource | undefined): Iterable<Finding> {
  const ports = inside(listener, 'LoadBalancerPort').map(literalText).join(' or ');
  const name = `the listener on port ${ports} of ${balancer.logicalId} in front of ClickHouse (${owner?.logicalId ?? ''})`;
  const location = 'Properties.Listeners';
  for (const protocol of inside(listener, 'Protocol').map(scalar)) {
    if (!protocol.known) yield finding(balancer, `whether ${name} takes HTTP without TLS cannot be told at synthesis: ${protocol.reason}`, { location });
    else if (/^http$/i.test(String(protocol.value))) yield finding(balancer, `${name} takes HTTP without TLS`, { location, fix: 'listen with HTTPS' });
    else if (/^(?:https|ssl)$/i.test(String(protocol.value))) yield* judgeClassicPolicy(balancer, listener, name);
  }
}

/** @see https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-ssl-security-policy.html */
function* judgeClassicPolicy(balancer: Resource, listener: Located, name: string): Iterable<Finding> {
  const names = new Set(inside(listener, 'PolicyNames').flatMap((list) => items(list)).map(literalText));
  const policies = elements(balancer, 'Policies').filter((each) => inside(each, 'PolicyType').map(literalText).includes('SSLNegotiationPolicyType') && inside(each, 'PolicyName').map(literalText).some((own) => names.has(own)));
  const location = 'Properties.Policies';
  const fix = 'give the listener a policy with Reference-Security-Policy ELBSecurityPolicy-TLS-1-2-2017-01';
  if (policies.length === 0) {
    // a predefined policy may be named as it is.
    const [predefined] = [...names].filter((each) => each.startsWith('ELBSecurityPolicy-'));
    const problem = problemOfPolicy(predefined ?? DEFAULT_POLICY);
    if (names.size > 0 && predefined === undefined && elements(balancer, 'Policies').some((each) => !inside(each, 'PolicyName').map(scalar).every(({ known }) => known))) yield finding(balancer, `whether ${name} allows TLS before 1.2 cannot be told at synthesis: the names of its policies are not known`, { location, fix });
    else if (problem !== undefined) yield finding(balancer, `${name} allows TLS before 1.2: ${predefined === undefined ? `it names no policy for TLS, which means ${DEFAULT_POLICY}` : problem.words}`, { location, fix });
    return;
  }
  for (const policy of policies) {
    for (const attribute of inside(policy, 'Attributes').flatMap((list) => items(list))) {
      const key = inside(attribute, 'Name').map(literalText).join('');
      for (const value of inside(attribute, 'Value').map(scalar)) {
        if (key === 'Reference-Security-Policy') {
          const problem = value.known ? problemOfPolicy(String(value.value)) : { known: false, words: value.reason };
          if (problem !== undefined) yield finding(balancer, problem.known ? `${name} is weak: ${problem.words}` : `whether ${name} allows TLS before 1.2 cannot be told: ${problem.words}`, { location, fix });
        } else if (/^Protocol-(?:SSLv2|SSLv3|TLSv1|TLSv1\.1)$/.test(key) && value.known && String(value.value).toLowerCase() === 'true') yield finding(balancer, `${name} is weak: its policy has ${key}`, { location, fix });
      }
    }
  }
}
