import type { BootStep, Decision, KeeperObservation, Observation, ReplicaState, ServerObservation, VolumeHistory } from '../../lib/agent/boot-steps';
import { nextStep } from '../../lib/agent/boot-steps';

const VOLUMES: VolumeHistory[] = ['empty', 'unfinished', 'established'];
const REPLICAS: ReplicaState[] = ['empty', 'fetching', 'writable', 'behind', 'caughtUp'];
const BOOLEANS = [false, true];
const KEEPERS: KeeperObservation[] = VOLUMES.flatMap((volume) =>
  BOOLEANS.flatMap((listening) =>
    BOOLEANS.flatMap((peerReportsQuorum) => BOOLEANS.map((inQuorum) => ({ role: 'keeper' as const, volume, listening, peerReportsQuorum, inQuorum }))),
  ),
);
const SERVERS: ServerObservation[] = VOLUMES.flatMap((volume) =>
  BOOLEANS.flatMap((listening) =>
    BOOLEANS.flatMap((liveManifestApplied) =>
      (['none', 'unreachable', 'reachable'] as const).flatMap((keepers) =>
        REPLICAS.map((replica) => ({ role: 'server' as const, volume, listening, liveManifestApplied, keepers, replica })),
      ),
    ),
  ),
);

/** every observation for which the claim fails. */
function against<T extends Observation>(all: readonly T[], claim: (observation: T, decision: Decision) => boolean): T[] {
  return all.filter((observation) => !claim(observation, nextStep(observation)));
}
const implies = (a: boolean, b: boolean): boolean => !a || b;

test('the state space is whole', () => {
  expect([KEEPERS.length, SERVERS.length]).toEqual([24, 180]);
});

describe('a Keeper', () => {
  test('never signals before its listener is up', () => {
    expect(against(KEEPERS, (o, d) => implies(d.signal, o.listening))).toEqual([]);
  });

  test('signals from outside a quorum only when virgin', () => {
    expect(against(KEEPERS, (o, d) => implies(d.signal && !o.inQuorum, o.volume !== 'established' && !o.peerReportsQuorum))).toEqual([]);
  });

  test('that was in a quorum before never signals from outside one', () => {
    expect(against(KEEPERS, (o, d) => implies(d.signal && o.volume === 'established', o.inQuorum))).toEqual([]);
  });

  test('signals as soon as it may: virgin and listening, or in the quorum', () => {
    expect(against(KEEPERS, (o, d) => implies(o.listening && (o.inQuorum || (o.volume !== 'established' && !o.peerReportsQuorum)), d.signal))).toEqual([]);
  });

  test('is established by a quorum and by nothing else', () => {
    expect(against(KEEPERS, (o, d) => d.established === (o.listening && o.inQuorum))).toEqual([]);
  });

  test('goes on joining after a virgin signal', () => {
    expect(nextStep({ role: 'keeper', volume: 'empty', listening: true, peerReportsQuorum: false, inQuorum: false })).toEqual({
      step: 'joinQuorum',
      signal: true,
      established: false,
    });
  });
});

describe('a server', () => {
  test('never signals before it listens with the live manifest applied', () => {
    expect(against(SERVERS, (o, d) => implies(d.signal, o.listening && o.liveManifestApplied))).toEqual([]);
  });

  test('of a cluster with Keepers never signals without the quorum', () => {
    expect(against(SERVERS, (o, d) => implies(d.signal, o.keepers !== 'unreachable'))).toEqual([]);
  });

  test('with a past signals only when caught up', () => {
    expect(against(SERVERS, (o, d) => implies(d.signal && o.volume === 'established' && o.keepers === 'reachable', o.replica === 'caughtUp'))).toEqual([]);
  });

  test('without a past signals when writable, fetching or caught up, and neither empty nor behind', () => {
    const entered: ReplicaState[] = ['writable', 'fetching', 'caughtUp'];
    const ready = SERVERS.filter((o) => o.volume !== 'established' && o.keepers === 'reachable' && o.listening && o.liveManifestApplied);
    expect(against(ready, (o, d) => d.signal === entered.includes(o.replica))).toEqual([]);
  });

  test('alone signals exactly when it serves, whatever it says about replicas', () => {
    const alone = SERVERS.filter((o) => o.keepers === 'none');
    expect(against(alone, (o, d) => d.signal === (o.listening && o.liveManifestApplied) && d.signal === (d.step === 'serve'))).toEqual([]);
  });

  test('is established only when it has everything', () => {
    expect(
      against(SERVERS, (o, d) => implies(d.established, d.signal && d.step === 'serve' && (o.keepers === 'none' || o.replica === 'caughtUp'))),
    ).toEqual([]);
  });

  test('holds back from starting only when it is empty and the quorum is missing', () => {
    expect(
      against(SERVERS, (o, d) => (!o.listening ? d.step === (o.volume === 'empty' && o.keepers === 'unreachable' ? 'awaitQuorum' : 'start') : d.step !== 'start')),
    ).toEqual([]);
  });
});

test('what is never unmarked is marked only together with a signal', () => {
  expect(against<Observation>([...KEEPERS, ...SERVERS], (_, d) => implies(d.established, d.signal && d.step === 'serve'))).toEqual([]);
});

/** What a step changes when it succeeds and everything else holds still. */
function succeeded(observation: Observation, step: BootStep): Observation {
  switch (step) {
    case 'start':
      return { ...observation, listening: true };
    case 'applyLiveManifest':
      return { ...observation, liveManifestApplied: true } as Observation;
    case 'joinQuorum':
      return { ...observation, inQuorum: true } as Observation;
    case 'awaitQuorum':
      return { ...observation, keepers: 'reachable' } as Observation;
    case 'catchUp':
      return { ...observation, replica: 'caughtUp' } as Observation;
    case 'serve':
      return observation;
  }
}

test('from every observation, steps that succeed lead to serving and to a signal within five', () => {
  for (const start of [...KEEPERS, ...SERVERS]) {
    let now: Observation = start;
    const steps: BootStep[] = [];
    while (nextStep(now).step !== 'serve' && steps.length < 6) {
      const { step } = nextStep(now);
      steps.push(step);
      now = succeeded(now, step);
    }
    expect(nextStep(now)).toEqual({ step: 'serve', signal: true, established: true });
    // no step is asked for twice: each removes its own cause.
    expect(new Set(steps).size).toBe(steps.length);
  }
});
