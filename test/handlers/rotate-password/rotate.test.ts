import { PASSWORD_LENGTH } from '../../../lib/config/password';
import { LOGINS_AT_ONCE } from '../../../lib/handlers/rotate-password/driver';
import { STEP_NAMES, tokenOf } from './simulation';
import { FIRST, MINUTE, ONE, OTHER, rotated, Stage, TWO, VALUE } from './stage';

describe('a rotation', () => {
  test('changes the password and nothing else', async () => {
    const stage = new Stage().begin();
    expect(await rotated(stage)).toEqual(['Created', 'Accepted', 'Tested', 'Promoted']);
    const { password, ...rest } = stage.value('AWSCURRENT') ?? VALUE;
    expect({ ...rest, password: FIRST }).toEqual(VALUE);
    expect(password).toMatch(new RegExp(`^[A-Za-z0-9]{${PASSWORD_LENGTH}}$`));
    expect(stage.label('AWSCURRENT')).toBe(ONE);
    expect(stage.label('AWSPREVIOUS')).toBe(tokenOf(0));
    expect(stage.writes).toEqual(['put', 'promote']);
    // told when there is something to see: the pending version, and the promotion.
    expect(stage.calls.filter((call) => call === 'refresh')).toHaveLength(2);
    expect(stage.lines.filter(({ message }) => message === 'rotation').map(({ servers }) => servers)).toEqual([0, 2, 2, 2]);
  });

  test('tries pending and current on every server, then pending and a wrong one, then pending', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    const pending = stage.value('AWSPENDING')?.password ?? '';
    for (const [step, wanted] of [['setSecret', [pending, FIRST]], ['testSecret', [pending, undefined]], ['finishSecret', [pending]]] as const) {
      stage.requests.length = 0;
      await stage.step(step);
      for (const server of stage.servers) {
        const tried = stage.requests.filter((request) => request.server === server).map(({ password }) => password);
        expect(tried).toEqual(wanted.map((password) => password ?? expect.stringMatching(/^[0-9a-f]{48}$/) as string));
      }
      expect(stage.requests.every(({ user, authority }) => user === 'reader' && authority.join() === 'PEM')).toBe(true);
    }
  });

  test('done twice changes nothing more: every step, before and after the whole is over', async () => {
    const stage = new Stage().begin();
    for (const [step, again] of [['createSecret', 'Kept'], ['setSecret', 'Accepted'], ['testSecret', 'Tested'], ['finishSecret', 'AlreadyCurrent']] as const) {
      await stage.step(step);
      expect(await stage.step(step)).toBe(again);
    }
    expect(await rotated(stage)).toEqual(['AlreadyCurrent', 'AlreadyCurrent', 'CurrentTested', 'AlreadyCurrent']);
    expect(stage.writes).toEqual(['put', 'promote']);
  });

  test.each(['kept', 'removed'] as const)('the next one begins whether AWSPENDING is %s on the current version', async (pendingAfterPromotion) => {
    const stage = new Stage(VALUE, { pendingAfterPromotion }).begin();
    await rotated(stage);
    expect(await rotated(stage.begin(TWO), TWO)).toEqual(['Created', 'Accepted', 'Tested', 'Promoted']);
  });

  test('waits for a node that is replaced in the middle', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    const back = stage.clock.now() + 4 * MINUTE;
    stage.says = (server, password) => (server === 'server-1-2.internal' && stage.clock.now() < back ? { trouble: 'ECONNREFUSED' } : stage.honest(password));
    expect(await stage.step('setSecret')).toBe('Accepted');
    expect(stage.clock.now()).toBeGreaterThan(back);
    // a node that just started may have missed the first command.
    expect(stage.calls.filter((call) => call === 'refresh').length).toBeGreaterThan(1);
  });

  test('waits for a server that the live manifest names only now', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    let asked = 0;
    stage.before = (call, count) => void (call === 'cluster' && count === 2 && (stage.servers = [...stage.servers, 'server-2-1.internal']));
    stage.says = (server, password) => {
      if (server === 'server-2-1.internal') return asked++ < 4 ? 'refused' : stage.honest(password);
      return stage.servers.length === 2 && server === 'server-1-2.internal' ? { trouble: 'ECONNREFUSED' } : stage.honest(password);
    };
    expect(await stage.step('setSecret')).toBe('Accepted');
    expect(asked).toBeGreaterThan(4);
    expect(stage.outcomes.at(-1)).toMatchObject({ servers: 3 });
  });

  test('is never satisfied by rounds of which each misses another node', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    let logins = 0;
    stage.says = (server, password) => (server === stage.servers[Math.floor(logins++ / 4) % 2] ? 'refused' : stage.honest(password));
    expect(await stage.step('setSecret')).toMatch(/^NodesBehind: 1 of 2 servers/);
  });

  test('keeps no more logins under way than allowed, and starts none after the deadline', async () => {
    const stage = new Stage().begin();
    stage.servers = Array.from({ length: 200 }, (_, index) => `server-${index + 1}-1.internal`);
    await stage.step('createSecret');
    const deadline = stage.clock.now() + MINUTE;
    stage.says = () => ({ trouble: 'no answer within 10000 ms' });
    stage.takes = 10_000;
    const starts: number[] = [];
    stage.requests.push = (...requests) => {
      starts.push(stage.clock.now());
      return Array.prototype.push.apply(stage.requests, requests);
    };
    expect(await stage.step('setSecret', ONE, MINUTE)).toMatch(/^NodesBehind: 200 of 200 servers are not ready after \d+ s: (?:server-\d+-1\.internal \([^)]*\), ){9}server-10-1\.internal \([^)]*\) and 190 more;/);
    expect(starts.length).toBeLessThan(400);
    expect(Math.max(...starts)).toBeLessThan(deadline);
    expect(stage.clock.now()).toBeLessThan(deadline + 2 * stage.takes);
    const atOnce = new Map<number, number>();
    for (const start of starts) atOnce.set(start, (atOnce.get(start) ?? 0) + 1);
    expect(Math.max(...atOnce.values())).toBe(LOGINS_AT_ONCE);
  });
});

describe('testSecret alone, for a schedule without an immediate rotation', () => {
  test.each([['empty', 'CurrentTested'], ['copy', 'Tested'], ['none', 'CurrentTested']] as const)('with a version that is %s', async (testVersion, outcome) => {
    const stage = new Stage(VALUE, { testVersion }).begin(ONE, false);
    expect(await stage.step('testSecret')).toBe(outcome);
    expect(stage.requests.map(({ password }) => password === FIRST)).toEqual([true, false, true, false]);
    stage.model.over(stage.secret, ONE, true);
    expect(stage.label('AWSPENDING')).toBeUndefined();
    expect(stage.label('AWSCURRENT')).toBe(tokenOf(0));
    expect(await stage.step('finishSecret')).toMatch(/^UnknownVersion: no version has the label AWSPENDING/);
    expect(stage.writes).toEqual([]);
  });

  test('fails when the nodes do not take the current password', async () => {
    const stage = new Stage(VALUE, { testVersion: 'none' }).begin(ONE, false);
    stage.says = () => 'refused';
    expect(await stage.step('testSecret')).toMatch(/^NodesBehind: 2 of 2 servers .*server-1-1\.internal \(current refused\)/);
  });

  test.each(['copy', 'empty', 'none'] as const)('fails when a node lets anything in (%s)', async (testVersion) => {
    const stage = new Stage(VALUE, { testVersion }).begin(ONE, false);
    stage.says = (server, password) => (server === 'server-1-2.internal' ? 'accepted' : stage.honest(password));
    expect(await stage.step('testSecret')).toMatch(/^WrongPasswordAccepted: server-1-2\.internal let 'reader' in/);
  });
});

describe('a version without a value', () => {
  test.each(['setSecret', 'finishSecret'] as const)('is not there for %s', async (step) => {
    const stage = new Stage().begin();
    const started = stage.clock.now();
    expect(await stage.step(step)).toMatch(/^EmptyVersion: the version .*0001 has no value, so createSecret has not succeeded/);
    // a reader may be a moment behind, so it is asked for more than once, but not for long.
    expect(stage.calls.filter((call) => call === 'read').length).toBeGreaterThan(2);
    expect(stage.clock.now() - started).toBeLessThan(MINUTE);
    expect(stage.requests).toEqual([]);
    expect(stage.label('AWSCURRENT')).toBe(tokenOf(0));
  });

  test('that gets its value a moment later is there', async () => {
    const stage = new Stage().begin();
    stage.before = (call, count) => void (call === 'read' && count === 3 && stage.pend({ ...VALUE, password: OTHER }));
    expect(await stage.step('setSecret')).toBe('Accepted');
  });

  test('is not promoted by a test that could only test the current one', async () => {
    const stage = new Stage().begin();
    expect(await stage.step('testSecret')).toBe('CurrentTested');
    expect(await stage.step('finishSecret')).toMatch(/^EmptyVersion/);
    expect(stage.label('AWSCURRENT')).toBe(tokenOf(0));
  });

  test('as the current one is an error', async () => {
    const stage = new Stage().begin();
    stage.model.updateSecretVersionStage({ SecretId: stage.secret, VersionStage: 'AWSCURRENT', MoveToVersionId: ONE, RemoveFromVersionId: tokenOf(0) });
    stage.withdraw();
    stage.begin(TWO);
    for (const step of STEP_NAMES.filter((each) => each !== 'testSecret')) expect(await stage.step(step, TWO)).toMatch(/^EmptyVersion: the current version .*0001 has no value/);
    expect(stage.writes).toEqual([]);
  });
});

describe('labels that somebody else has', () => {
  test.each(STEP_NAMES)('%s of an attempt whose label another rotation has', async (step) => {
    const stage = new Stage().begin(TWO).pend({ ...VALUE, password: OTHER }, TWO);
    expect(await stage.step(step)).toMatch(/^Superseded: the label AWSPENDING is on the version .*0002, another rotation; .*UpdateSecretVersionStage/);
    expect(stage.writes).toEqual([]);
    expect(stage.requests).toEqual([]);
  });

  test.each(['createSecret', 'setSecret', 'finishSecret'] as const)('%s of a token that nobody knows', async (step) => {
    const stage = new Stage().begin();
    stage.withdraw();
    expect(await stage.step(step, TWO)).toMatch(/^UnknownVersion: /);
    expect(stage.writes).toEqual([]);
  });

  test('the label is taken while nodes are waited for', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    stage.says = () => ({ trouble: 'ECONNREFUSED' });
    stage.before = (call, count) => void (call === 'cluster' && count === 3 && (stage.withdraw(), stage.begin(TWO)));
    expect(await stage.step('setSecret')).toMatch(/^Superseded/);
    expect(stage.clock.now()).toBeLessThan(Date.UTC(2026, 2, 1) + MINUTE);
  });

  test('the label is taken after the nodes agreed: no promotion', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    stage.says = (_, password) => {
      const login = stage.honest(password);
      if (stage.label('AWSPENDING') === ONE) {
        stage.withdraw();
        stage.begin(TWO);
      }
      return login === 'accepted' || password !== FIRST ? 'accepted' : login;
    };
    expect(await stage.step('finishSecret')).toMatch(/^Superseded/);
    expect(stage.writes).toEqual(['put']);
    expect(stage.label('AWSCURRENT')).toBe(tokenOf(0));
  });

  test('AWSCURRENT is moved to this version by hand: done', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    stage.before = (call) => void (call === 'promote' && stage.model.updateSecretVersionStage({ SecretId: stage.secret, VersionStage: 'AWSCURRENT', MoveToVersionId: ONE, RemoveFromVersionId: tokenOf(0) }));
    expect(await stage.step('finishSecret')).toBe('AlreadyCurrent');
    expect(stage.label('AWSCURRENT')).toBe(ONE);
  });

  test('AWSCURRENT is moved elsewhere between look and promotion: everything is looked at again', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    stage.before = (call, count) => void (call === 'promote' && count === 0 && stage.model.putSecretValue({ SecretId: stage.secret, ClientRequestToken: TWO, SecretString: JSON.stringify({ ...VALUE, password: OTHER }) }));
    expect(await stage.step('finishSecret')).toBe('Promoted');
    expect(stage.calls.filter((call) => call === 'promote')).toHaveLength(2);
    expect(stage.label('AWSPREVIOUS')).toBe(TWO);
  });

  test('AWSCURRENT is moved away every time: the step ends without success', async () => {
    const stage = new Stage().begin();
    await stage.step('createSecret');
    stage.before = (call, count) => void (call === 'promote' && stage.model.putSecretValue({ SecretId: stage.secret, ClientRequestToken: tokenOf(100 + count), SecretString: JSON.stringify({ ...VALUE, password: `${OTHER}${count}` }) }));
    expect(await stage.step('finishSecret')).toMatch(/^CallFailed: promote: AWSCURRENT was moved by somebody else, until the time was over/);
  });
});

describe('a rotation that was cancelled or never enabled', () => {
  test.each(STEP_NAMES)('%s after CancelRotateSecret, with the label left', async (step) => {
    const stage = new Stage().begin().pend({ ...VALUE, password: OTHER });
    stage.model.cancelRotateSecret({ SecretId: stage.secret });
    expect(await stage.step(step)).toMatch(/^RotationNotEnabled: rotation of the secret is not enabled, or was cancelled; enable it with RotateSecret$/);
    expect([stage.writes, stage.requests]).toEqual([[], []]);
  });

  test.each(STEP_NAMES)('%s after CancelRotateSecret, with the label taken away', async (step) => {
    const stage = new Stage().begin().pend({ ...VALUE, password: OTHER });
    stage.model.cancelRotateSecret({ SecretId: stage.secret });
    stage.withdraw();
    expect(await stage.step(step)).toMatch(/^RotationNotEnabled/);
    expect([stage.writes, stage.requests]).toEqual([[], []]);
  });

  test.each(STEP_NAMES)('%s of a secret that was never to be rotated', async (step) => {
    const stage = new Stage();
    expect(await stage.step(step)).toMatch(/^RotationNotEnabled/);
    expect([stage.writes, stage.requests]).toEqual([[], []]);
  });

  test('a retry of finishSecret after the promotion is done, cancelled or not', async () => {
    const stage = new Stage().begin();
    await rotated(stage);
    stage.model.cancelRotateSecret({ SecretId: stage.secret });
    expect(await stage.step('finishSecret')).toBe('AlreadyCurrent');
  });

  test('no current version', async () => {
    const stage = new Stage().begin();
    stage.model.describeSecret = () => ({ ARN: stage.secret, RotationEnabled: true, VersionIdsToStages: { [ONE]: ['AWSPENDING'] } });
    for (const step of STEP_NAMES) expect(await stage.step(step)).toMatch(/^NoCurrentVersion/);
  });
});

describe('values that cannot be used', () => {
  const CURRENT: readonly (readonly [string, unknown, RegExp])[] = [
    ['no JSON', `${OTHER}{`, /it is not JSON/],
    ['no object', `["${OTHER}"]`, /not a JSON object/],
    ['null', 'null', /not a JSON object/],
    ['no username', { password: OTHER }, /'username' is not the name of a user/],
    ['a username that is no name', { username: 'a b<', password: OTHER }, /'username' is not the name of a user/],
    ['no password', { username: 'reader' }, /has no 'password'/],
    ['an empty password', { username: 'reader', password: '' }, /has no 'password'/],
    ['a password that is a number', { username: 'reader', password: 1234567890 }, /has no 'password'/],
    ['a password with a line feed', { username: 'reader', password: `${OTHER}\nX-Header: 1` }, /not printable ASCII/],
    ['a password beyond ASCII', { username: 'reader', password: `${OTHER}é` }, /not printable ASCII/],
    ['a password of 513 characters', { username: 'reader', password: 'x'.repeat(513) }, /more than 512/],
  ];

  test.each(CURRENT)('current: %s', async (_, value, reason) => {
    const stage = new Stage(value).begin();
    for (const step of STEP_NAMES) {
      const outcome = await stage.step(step);
      expect(outcome).toMatch(/^MalformedSecret: the value of the version .*0000 cannot be used: /);
      expect(outcome).toMatch(reason);
    }
    expect([stage.writes, stage.requests]).toEqual([[], []]);
  });

  test.each<readonly [string, unknown, RegExp]>([
    ...CURRENT,
    ['too short', { ...VALUE, password: 'x'.repeat(31) }, /has 31 characters, at least 32 are needed/],
    ['punctuation', { ...VALUE, password: `${OTHER}<` }, /other characters than letters and digits/],
    ['another user', { ...VALUE, username: 'writer', password: OTHER }, /another user/],
    ['the current password', VALUE, /its password is the current one/],
  ])('pending: %s', async (_, value, reason) => {
    const stage = new Stage().begin().pend(value);
    for (const step of ['createSecret', 'setSecret', 'finishSecret'] as const) {
      const outcome = await stage.step(step);
      expect(outcome).toMatch(/^MalformedSecret: the value of the version .*0001 cannot be used: .*take AWSPENDING from a bad one with UpdateSecretVersionStage, then rotate again/);
      expect(outcome).toMatch(reason);
    }
    expect([stage.writes, stage.requests]).toEqual([[], []]);
    // and what the message says to do helps.
    stage.withdraw();
    expect(await rotated(stage.begin(TWO), TWO)).toEqual(['Created', 'Accepted', 'Tested', 'Promoted']);
  });

  test('a current password that is short or has punctuation is replaced by a good one', async () => {
    const stage = new Stage({ ...VALUE, password: 'short-one!' }).begin();
    expect(await rotated(stage)).toEqual(['Created', 'Accepted', 'Tested', 'Promoted']);
    expect(stage.value('AWSCURRENT')?.password).toHaveLength(PASSWORD_LENGTH);
  });

  test('a password that is generated again is not stored', async () => {
    const current = FIRST.padEnd(PASSWORD_LENGTH, 'x');
    const stage = new Stage({ ...VALUE, password: current }).begin();
    stage.model.getRandomPassword = () => ({ RandomPassword: current });
    expect(await stage.step('createSecret')).toMatch(/^WeakRandom/);
    expect(stage.writes).toEqual([]);
  });

  test('a password of another length than asked for is not stored', async () => {
    const stage = new Stage().begin();
    stage.model.getRandomPassword = () => ({ RandomPassword: 'short' });
    expect(await stage.step('createSecret')).toBe('CallFailed: generate: ShortPassword');
    expect(stage.writes).toEqual([]);
  });
});

describe('a secret that is deleted', () => {
  test.each(STEP_NAMES)('before %s: scheduled, then gone', async (step) => {
    const stage = new Stage().begin();
    stage.model.deleteSecret({ SecretId: stage.secret });
    expect(await stage.step(step)).toMatch(/^SecretDeleted: .*restore it with RestoreSecret/);
    // nothing is left to compare log lines with.
    stage.label = () => undefined;
    stage.model.deleteSecret({ SecretId: stage.secret, ForceDeleteWithoutRecovery: true });
    expect(await stage.step(step)).toMatch(/^SecretDeleted/);
    expect(stage.writes).toEqual([]);
  });

  test.each([['createSecret', 'read'], ['createSecret', 'put'], ['finishSecret', 'promote']] as const)('in the middle of %s, before %s', async (step, at) => {
    const stage = new Stage().begin();
    if (step === 'finishSecret') await stage.step('createSecret');
    stage.before = (call) => void (call === at && stage.model.deleteSecret({ SecretId: stage.secret }));
    expect(await stage.step(step)).toBe(`CallFailed: ${at}: InvalidRequestException; the secret was probably deleted meanwhile`);
  });

  test('and restored is rotated as before', async () => {
    const stage = new Stage().begin();
    stage.model.deleteSecret({ SecretId: stage.secret });
    await stage.step('createSecret');
    stage.model.restoreSecret({ SecretId: stage.secret });
    expect(await rotated(stage)).toEqual(['Created', 'Accepted', 'Tested', 'Promoted']);
  });
});
