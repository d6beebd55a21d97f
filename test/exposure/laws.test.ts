// what must be true of the analysis whatever the templates are: of random networks, and of every case of the corpus.
import * as fc from 'fast-check';
import { assess } from '../../lib/exposure/assess';
import type { AssessedWorkload, Verdict } from '../../lib/exposure/assessment';
import { TemplateSet } from '../../lib/exposure/templates/templates';
import { CORPUS } from '../corpus';
import { att, balancer, group, instance, network, single, tcp } from '../corpus/build';
import { networks } from './oracle/arbitrary';
import type { Deployment } from './oracle/deployments';
import { changed, copyOf, relisted, reordered } from './oracle/deployments';
import type { Mutation } from './oracle/mutations';
import { doubts, narrowings, widenings } from './oracle/mutations';
import type { Network } from './oracle/network';
import { render } from './oracle/render';

const RUNS = Math.ceil(Number(process.env.EXPOSURE_RUNS ?? 1_000) / 10);
const RANK: Readonly<Record<Verdict, number>> = { private: 0, unknown: 1, exposed: 2 };

type Parameters = Readonly<Record<string, string>>;

interface Subject {
  readonly name: string;
  readonly deployment: Deployment;
  readonly parameters: Parameters;
}

const written = (network: Network): Deployment => copyOf({ 'main.template.json': render(network) as Deployment[string] });

const cases: readonly Subject[] = CORPUS.flatMap(({ cases: all }) => all).map(({ name, templates, parameters = {} }) => ({ name, deployment: copyOf(templates as Deployment), parameters }));
const subject = fc.oneof(
  { weight: 3, arbitrary: networks.map((network): Subject => ({ name: 'a random network', deployment: written(network), parameters: {} })) },
  { weight: 1, arbitrary: fc.constantFrom(...cases) },
);

function workloads(deployment: Deployment, parameters: Parameters): readonly AssessedWorkload[] {
  const sources = Object.entries(deployment).map(([path, body]) => ({ path, body }));
  return assess(new TemplateSet(sources, { parameters: new Map(Object.entries(parameters)) })).workloads;
}

const key = ({ resource }: AssessedWorkload): string => `${resource.template.path} ${resource.logicalId}`;

function verdicts(deployment: Deployment, parameters: Parameters): Map<string, AssessedWorkload> {
  const found = new Map<string, AssessedWorkload>();
  // a resource with manifests can hold several.
  for (const each of workloads(deployment, parameters)) {
    let name = key(each);
    while (found.has(name)) name += '+';
    found.set(name, each);
  }
  return found;
}

/** All of it as text, with names in the place of what the resources are. */
function text(deployment: Deployment, parameters: Parameters): string {
  return JSON.stringify(workloads(deployment, parameters).map((each) => ({ ...each, resource: key(each) })));
}

/** Makes one or two of the mutations and compares each workload before and after. */
function compare({ name, deployment, parameters }: Subject, find: (deployment: Deployment) => Mutation[], choices: readonly number[], holds: (before: Verdict, after: Verdict) => boolean): void {
  const copy = copyOf(deployment);
  const before = verdicts(copy, parameters);
  const made: string[] = [];
  for (const choice of choices) {
    const all = find(copy);
    const mutation = all[choice % all.length];
    if (mutation === undefined) continue;
    mutation.apply();
    made.push(mutation.what);
  }
  const after = verdicts(copy, parameters);
  for (const [id, was] of before) {
    const is = after.get(id);
    if (is === undefined || holds(was.verdict, is.verdict)) continue;
    throw new Error(`${name}, ${id}: ${made.join(', then ')}: ${was.verdict} (${was.reason}) becomes ${is.verdict} (${is.reason})`);
  }
}

const choices = fc.array(fc.nat({ max: 100_000 }), { minLength: 1, maxLength: 2 });

const LAWS: readonly (readonly [string, (deployment: Deployment) => Mutation[], (before: Verdict, after: Verdict) => boolean])[] = [
  ['what opens more never lowers a verdict', widenings, (before, after) => RANK[after] >= RANK[before]],
  ['what opens less never raises a verdict', narrowings, (before, after) => RANK[after] <= RANK[before]],
  // nothing becomes private because less is known of it, and nothing becomes certain.
  ['what is not known makes a verdict unknown or leaves it', doubts, (before, after) => after === before || after === 'unknown'],
];

describe.each(LAWS.map(([law, find, holds]) => ({ law, find, holds })))('$law', ({ find, holds }) => {
  test('of random deployments', () => {
    fc.assert(fc.property(subject, choices, (each, chosen) => compare(each, find, chosen, holds)), { numRuns: RUNS });
  });

  test('of every case of the corpus', () => {
    const failed: string[] = [];
    for (const each of cases) {
      const count = find(copyOf(each.deployment)).length;
      // in a short run some of each, in a long one all.
      const step = RUNS >= 1_000 ? 1 : Math.max(1, Math.ceil(count / 4));
      for (let choice = 0; choice < count; choice += step) {
        try {
          compare(each, find, [choice], holds);
        } catch (error) {
          failed.push((error as Error).message);
        }
      }
    }
    expect(failed).toEqual([]);
  });
});

test('an unknown load balancer may be in the default group of the VPC that a machine is in', () => {
  const deployment = (arn: unknown): Deployment =>
    copyOf(
      single(
        network({
          Db: instance({ SecurityGroupIds: [att('Vpc', 'DefaultSecurityGroup')] }),
          ...balancer({ Scheme: 'internet-facing', SecurityGroups: [att('Vpc', 'DefaultSecurityGroup'), att('FrontGroup', 'GroupId')] }, {}, arn === undefined ? {} : { LoadBalancerArn: arn }),
          FrontGroup: group(tcp(443)),
        }),
      ) as Deployment,
    );
  const verdict = (arn?: unknown): readonly Verdict[] => [...verdicts(deployment(arn), {}).values()].map((each) => each.verdict);
  expect(verdict()).toEqual(['exposed']);
  expect(verdict('arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/net/shared/0123456789abcdef')).toEqual(['unknown']);
});

describe('order', () => {
  test('of resources and of templates means nothing', () => {
    fc.assert(
      fc.property(subject, fc.nat(), ({ deployment, parameters }, seed) => {
        expect(text(reordered(deployment, seed), parameters)).toBe(text(deployment, parameters));
      }),
      { numRuns: RUNS },
    );
  });

  test('of lists that are sets does not change a verdict', () => {
    fc.assert(
      fc.property(subject, fc.nat(), ({ deployment, parameters }, seed) => {
        const lines = (of: Deployment): string[] => workloads(of, parameters).map((each) => `${key(each)} ${each.verdict} ${each.changes.length}`);
        expect(lines(relisted(deployment, seed))).toEqual(lines(deployment));
      }),
      { numRuns: RUNS },
    );
  });

  test('the same says the same', () => {
    fc.assert(
      fc.property(subject, ({ deployment, parameters }) => {
        expect(text(copyOf(deployment), parameters)).toBe(text(deployment, parameters));
      }),
      { numRuns: RUNS },
    );
  });
});

describe('changes', () => {
  /** Whether the changes make it private, or take it away. */
  function close({ name, deployment, parameters }: Subject): void {
    for (const [id, each] of verdicts(deployment, parameters)) {
      const { changes, verdict, reason } = each;
      if (verdict === 'private') expect(changes).toEqual([]);
      // what is inside a text, such as a manifest, is for people to change.
      if (changes.length === 0 || changes.some(({ inside }) => inside)) continue;
      // a resource that something else names cannot just go: what names it has to change as well, and what to is for people to say.
      const left = JSON.stringify(changed(deployment, changes));
      if (changes.some(({ logicalId, location }) => location === undefined && (left.includes(`{"Ref":"${logicalId}"}`) || left.includes(`"Fn::GetAtt":["${logicalId}",`)))) continue;
      const after = verdicts(changed(deployment, changes), parameters).get(id);
      const words = changes.map((change) => change.words).join(', ');
      if (after !== undefined && after.verdict !== 'private') throw new Error(`${name}, ${id} was ${verdict} (${reason}), and after "${words}" it is ${after.verdict} (${after.reason})`);
      // the fewest: with one of them left out it is not enough.
      if (changes.length > 6) continue;
      for (const one of changes) {
        const others = verdicts(changed(deployment, changes.filter((change) => change !== one)), parameters).get(id);
        if (others?.verdict === 'private') throw new Error(`${name}, ${id}: "${words}" is more than is needed, "${one.words}" could be left out`);
      }
    }
  }

  test('make random deployments private', () => {
    fc.assert(fc.property(subject, close), { numRuns: RUNS });
  });

  test('make random deployments private of which not all is known', () => {
    fc.assert(
      fc.property(subject, choices, (each, chosen) => {
        const deployment = copyOf(each.deployment);
        for (const choice of chosen) {
          const all = doubts(deployment);
          all[choice % all.length]?.apply();
        }
        close({ ...each, deployment });
      }),
      { numRuns: RUNS },
    );
  });

  test('make every case of the corpus private', () => {
    const failed: string[] = [];
    for (const each of cases) {
      try {
        close(each);
      } catch (error) {
        failed.push((error as Error).message);
      }
    }
    expect(failed).toEqual([]);
  });

  test('are there for everything that is exposed in a random network', () => {
    fc.assert(
      fc.property(networks, (network) => {
        for (const { verdict, changes } of workloads(written(network), {})) expect(changes.length > 0).toBe(verdict !== 'private');
      }),
      { numRuns: RUNS },
    );
  });
});
