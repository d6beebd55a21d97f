import type { Step } from '../../../lib/handlers/rotate-password/steps';
import { LABEL_CHECK_LIVES, next } from '../../../lib/handlers/rotate-password/steps';
import { failure } from '../../emulator/secrets-manager';
import { Simulation, STEP_NAMES, tokenOf } from './simulation';
import type { Call } from './stage';
import { FIRST, MINUTE, ONE, OTHER, Stage, VALUE } from './stage';

describe('a call that fails', () => {
  const CALLS: readonly (readonly [Step, Call])[] = [
    ['createSecret', 'describe'], ['createSecret', 'read'], ['createSecret', 'generate'], ['createSecret', 'put'],
    ['setSecret', 'describe'], ['setSecret', 'read'], ['setSecret', 'cluster'],
    ['testSecret', 'describe'], ['testSecret', 'read'], ['testSecret', 'cluster'],
    ['finishSecret', 'describe'], ['finishSecret', 'read'], ['finishSecret', 'cluster'], ['finishSecret', 'promote'],
  ];
  const ready = async (step: Step): Promise<Stage> => {
    const stage = new Stage().begin();
    if (step !== 'createSecret') await stage.step('createSecret');
    return stage;
  };

  test.each(CALLS)('%s: %s is throttled for a while', async (step, at) => {
    const stage = await ready(step);
    let left = 3;
    stage.before = (call) => {
      if (call === at && left-- > 0) throw failure('ThrottlingException');
    };
    expect(['Created', 'Accepted', 'Tested', 'Promoted']).toContain(await stage.step(step));
    expect(left).toBeLessThan(0);
  });

  test.each(CALLS)('%s: %s is throttled for ever', async (step, at) => {
    const stage = await ready(step);
    const started = stage.clock.now();
    stage.before = (call) => {
      if (call === at) throw failure('ThrottlingException');
    };
    expect(await stage.step(step)).toBe(`CallFailed: ${at}: ThrottlingException, until the time was over; Secrets Manager tries again`);
    expect(stage.clock.now() - started).toBeLessThanOrEqual(14 * MINUTE);
    expect(stage.label('AWSCURRENT')).toBe(tokenOf(0));
  });

  test.each(CALLS)('%s: %s is denied', async (step, at) => {
    const stage = await ready(step);
    stage.before = (call) => {
      if (call === at) throw failure('AccessDeniedException', `no <${FIRST}>`);
    };
    const started = stage.clock.now();
    expect(await stage.step(step)).toBe(`CallFailed: ${at}: AccessDeniedException`);
    expect(stage.clock.now() - started).toBeLessThan(5_000);
  });

  test.each(CALLS)('%s: %s fails with an error that repeats the secret in its name', async (step, at) => {
    const stage = await ready(step);
    stage.before = (call) => {
      if (call === at) throw failure(`${FIRST} `, FIRST);
    };
    expect(await stage.step(step)).toBe(`CallFailed: ${at}: Error`);
  });

  test.each(['setSecret', 'finishSecret'] as const)('%s: a refresh that fails is told and no more', async (step) => {
    const stage = await ready(step);
    stage.before = (call) => {
      if (call === 'refresh') throw failure('InvalidInstanceId');
    };
    expect(await stage.step(step)).toBe(step === 'setSecret' ? 'Accepted' : 'Promoted');
    expect(stage.lines.filter(({ message }) => message === 'refresh failed')).toEqual([{ message: 'refresh failed', step, secret: stage.secret, reason: 'InvalidInstanceId' }]);
  });

  test('a value whose answer was lost is stored once, and is the one that is used', async () => {
    const stage = new Stage().begin();
    const put = stage.model.putSecretValue.bind(stage.model);
    let lost = false;
    stage.model.putSecretValue = (input) => {
      const answer = put(input);
      if (!lost) {
        lost = true;
        throw failure('TimeoutError');
      }
      return answer;
    };
    // seen again after the pause, so there is nothing to store.
    expect(await stage.step('createSecret')).toBe('Kept');
  });

  test('a promotion whose answer was lost happened', async () => {
    const stage = await ready('finishSecret');
    const move = stage.model.updateSecretVersionStage.bind(stage.model);
    stage.model.updateSecretVersionStage = (input) => {
      move(input);
      throw failure('TimeoutError');
    };
    expect(await stage.step('finishSecret')).toBe('AlreadyCurrent');
    expect(stage.label('AWSCURRENT')).toBe(ONE);
  });

  test('two createSecret for one token at the same time: one value, and both succeed', async () => {
    const stage = new Stage().begin();
    stage.before = (call) => void (call === 'put' && stage.label('AWSPENDING') === ONE && stage.value('AWSPENDING') === undefined && stage.pend({ ...VALUE, password: OTHER }));
    expect(await stage.step('createSecret')).toBe('Kept');
    expect(stage.value('AWSPENDING')?.password).toBe(OTHER);
  });

  test('the value of the other is waited for when it cannot be seen yet', async () => {
    const stage = new Stage().begin().pend({ ...VALUE, password: OTHER });
    const get = stage.model.getSecretValue.bind(stage.model);
    let blind = 4;
    stage.model.getSecretValue = (input) => {
      if (input.VersionId === ONE && blind-- > 0) throw failure('ResourceNotFoundException');
      return get(input);
    };
    expect(await stage.step('createSecret')).toBe('Kept');
    expect(stage.writes).toEqual(['put']);
  });
});

describe('nodes', () => {
  const TROUBLE: readonly string[] = ['ECONNREFUSED', 'ENOTFOUND', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'SELF_SIGNED_CERT_IN_CHAIN', 'EPROTO', 'no answer within 10000 ms', 'HTTP 302', 'an answer of more than 4096 characters'];

  test.each(TROUBLE)('one that answers %s for ever keeps every step from succeeding', async (trouble) => {
    for (const step of ['setSecret', 'testSecret', 'finishSecret'] as const) {
      const stage = new Stage().begin();
      await stage.step('createSecret');
      stage.says = (server, password) => (server === 'server-1-2.internal' ? { trouble } : stage.honest(password));
      const outcome = await stage.step(step);
      expect(outcome).toMatch(/^NodesBehind: 1 of 2 servers are not ready after 8\d\d s: server-1-2\.internal \(/);
      expect(outcome).toContain(`: ${trouble}`);
      expect(outcome).not.toContain('server-1-1');
      expect(stage.label('AWSCURRENT')).toBe(tokenOf(0));
    }
  });

  test('one that never accepts', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    stage.says = (server, password) => (server === 'server-1-1.internal' && password !== FIRST ? 'refused' : stage.honest(password));
    expect(await stage.step('setSecret')).toMatch(/server-1-1\.internal \(pending refused\)/);
    expect(await stage.step('testSecret')).toMatch(/server-1-1\.internal \(pending refused\)/);
    expect(await stage.step('finishSecret')).toMatch(/server-1-1\.internal \(pending refused\)/);
    expect(stage.writes).toEqual(['put']);
  });

  test('one that already refuses the current password', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    stage.says = (server, password) => (server === 'server-1-1.internal' && password === FIRST ? 'refused' : stage.honest(password));
    expect(await stage.step('setSecret')).toMatch(/^NodesBehind: .*server-1-1\.internal \(current refused\)/);
  });

  test('one that lets a wrong password in ends the rotation at once', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    stage.says = (server, password) => (server === 'server-1-2.internal' ? 'accepted' : stage.honest(password));
    const started = stage.clock.now();
    expect(await stage.step('testSecret')).toMatch(/^WrongPasswordAccepted: server-1-2\.internal let 'reader' in with a random password; take the node out of service/);
    expect(stage.clock.now() - started).toBeLessThan(5_000);
  });

  test('a secret that the live manifest does not give to a user is tried nowhere', async () => {
    for (const users of [[], [{ user: 'reader' }], [{ user: 'reader', secret: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:other-a1B2c3' }]]) {
      const stage = new Stage().begin().pend({ ...VALUE, password: OTHER });
      stage.users = users;
      for (const step of ['setSecret', 'testSecret', 'finishSecret'] as const) expect(await stage.step(step)).toMatch(/^NotInManifest: the live manifest names no user whose password is in arn:/);
      expect([stage.writes, stage.requests]).toEqual([[], []]);
    }
  });

  test('a secret of one user that names another is tried nowhere', async () => {
    const stage = new Stage().begin().pend({ ...VALUE, password: OTHER });
    stage.users = [{ user: 'writer', secret: stage.secret }];
    expect(await stage.step('setSecret')).toMatch(/^NotInManifest: the live manifest gives arn:.* to the user 'writer', the secret has another 'username'/);
    expect(stage.requests).toEqual([]);
  });

  test('a manifest without servers is no agreement', async () => {
    const stage = new Stage().begin().pend({ ...VALUE, password: OTHER });
    stage.servers = [];
    for (const step of ['setSecret', 'testSecret', 'finishSecret'] as const) expect(await stage.step(step)).toMatch(/^NotInManifest: the live manifest names no server/);
    expect(stage.writes).toEqual([]);
  });
});

describe('a time-out between any two calls', () => {
  test.each(STEP_NAMES.flatMap((step) => (['killed before', 'killed after'] as const).map((what) => [step, what] as const)))('%s, %s each of its calls: nobody is refused, and the retry succeeds', async (victim, what) => {
    // as many cuts as the step has calls.
    for (let cut = 0; ; cut += 1) {
      const simulation = new Simulation({ servers: 2 });
      const token = simulation.begin(ONE);
      const steps = STEP_NAMES.slice(0, STEP_NAMES.indexOf(victim));
      for (const step of steps) await simulation.clock.runUntilSettled(simulation.invoke(step, token));
      let calls = 0;
      const outcome = await simulation.clock.runUntilSettled(simulation.invoke(victim, token, () => (calls++ === cut ? what : undefined)));
      expect(await simulation.clock.runUntilSettled(simulation.rotation(token))).toBe('rotated');
      expect(simulation.violations).toEqual([]);
      expect(simulation.stages()).toEqual({ current: token, previous: tokenOf(0), pending: undefined });
      if (outcome !== 'killed') {
        expect(cut).toBeGreaterThan(4);
        break;
      }
    }
  });
});

describe('the label check', () => {
  test('that is old is done again before the promotion, never relied on', () => {
    const attempt = { step: 'finishSecret', token: ONE, deadline: 20 * MINUTE } as const;
    const secret = { arn: 'arn', rotationEnabled: true, deleted: false, current: tokenOf(0), pending: ONE, at: 1000 };
    const credential = (password: string) => ({ username: 'reader', password, all: {} });
    const known = {
      started: 0,
      pauses: 0,
      secret,
      current: { version: tokenOf(0), value: credential(FIRST) },
      pending: { version: ONE, value: credential(OTHER) },
      cluster: { servers: ['a'], users: [{ user: 'reader', secret: 'arn' }], authority: ['PEM'] },
      round: { at: 900, logins: new Map([['a', { pending: 'accepted' as const }]]) },
    };
    expect(next(attempt, known, 1000 + LABEL_CHECK_LIVES - 1)).toEqual({ do: 'promote', from: tokenOf(0) });
    expect(next(attempt, known, 1000 + LABEL_CHECK_LIVES)).toEqual({ do: 'describe' });
    expect(next(attempt, known, 20 * MINUTE)).toMatchObject({ do: 'fail', code: 'NotPromoted' });
    // and one from before the look says nothing about what happened during it.
    expect(next(attempt, { ...known, secret: { ...secret, at: 899 } }, 1100)).toEqual({ do: 'describe' });
    expect(LABEL_CHECK_LIVES).toBeLessThanOrEqual(14 * MINUTE);
  });
});
