import * as sdk from '@aws-sdk/client-secrets-manager';
import { PASSWORD_LENGTH } from '../../../lib/handlers/rotate-password/credential';
import type { LoginRequest, SecretStore, World } from '../../../lib/handlers/rotate-password/driver';
import { LOGINS_AT_ONCE, rotate } from '../../../lib/handlers/rotate-password/driver';
import { secretStore } from '../../../lib/handlers/rotate-password/secrets';
import type { LiveCluster, Login, Step } from '../../../lib/handlers/rotate-password/steps';
import { LABEL_CHECK_LIVES, next } from '../../../lib/handlers/rotate-password/steps';
import type { Choices } from '../../emulator/secrets-manager';
import { failure, modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import { VirtualClock } from './clock';
import { Simulation, STEP_NAMES, tokenOf } from './simulation';

const MINUTE = 60_000;
const LAMBDA = 'arn:aws:lambda:eu-central-1:111122223333:function:rotate';
const FIRST = 'First'.repeat(8);
const OTHER = 'Other'.repeat(8);
const VALUE = { username: 'reader', password: FIRST, host: 'analytics.internal', port: 9440, httpsPort: 8443, database: 'events', engine: 'clickhouse', url: 'https://analytics.internal:8443' };
const [ONE, TWO] = [tokenOf(1), tokenOf(2)];

type Call = keyof SecretStore | 'cluster' | 'refresh';

/** A secret in the modelled service, and nodes that do what a test says. */
class Stage {
  readonly clock = new VirtualClock();
  readonly model: SecretsManagerModel;
  readonly secret: string;
  servers = ['server-1-1.internal', 'server-1-2.internal'];
  users: LiveCluster['users'];
  readonly lines: Record<string, string | number>[] = [];
  readonly calls: Call[] = [];
  readonly requests: LoginRequest[] = [];
  /** what a server says; by default it admits what is current and what is pending. */
  says: (server: string, password: string) => Login = (_, password) => this.honest(password);
  /** before a call is made. */
  before: (call: Call, count: number) => void = () => undefined;
  private readonly counts = new Map<Call, number>();

  constructor(value: unknown = VALUE, choices: Choices = {}) {
    this.model = new SecretsManagerModel(choices);
    this.secret = this.model.createSecret({ Name: 'analytics/reader', SecretString: typeof value === 'string' ? value : JSON.stringify(value), ClientRequestToken: tokenOf(0) }).ARN;
    this.users = [{ user: 'certified' }, { user: 'reader', secret: this.secret }];
  }

  honest(password: string): Login {
    return ['AWSCURRENT', 'AWSPENDING'].some((label) => this.value(label)?.password === password) ? 'accepted' : 'refused';
  }

  label(label: string): string | undefined {
    return this.model.labelled(this.secret, label);
  }

  value(label: string): typeof VALUE | undefined {
    const version = this.label(label);
    try {
      return JSON.parse(this.model.getSecretValue({ SecretId: this.secret, VersionId: version }).SecretString ?? '') as typeof VALUE;
    } catch {
      return undefined;
    }
  }

  begin(token = ONE, RotateImmediately = true): this {
    this.model.rotateSecret({ SecretId: this.secret, ClientRequestToken: token, RotationLambdaARN: LAMBDA, RotateImmediately });
    return this;
  }

  /** Puts a value into the version of the token. */
  pend(value: unknown, token = ONE): this {
    this.model.putSecretValue({ SecretId: this.secret, ClientRequestToken: token, SecretString: typeof value === 'string' ? value : JSON.stringify(value), VersionStages: ['AWSPENDING'] });
    return this;
  }

  withdraw(): void {
    this.model.updateSecretVersionStage({ SecretId: this.secret, VersionStage: 'AWSPENDING', RemoveFromVersionId: this.label('AWSPENDING') });
  }

  async step(step: Step, token = ONE, remaining = 14 * MINUTE): Promise<string> {
    const store = secretStore(sdk, modelClient(this.model));
    const through = async <Value>(call: Call, act: () => Promise<Value>): Promise<Value> => {
      this.calls.push(call);
      const count = this.counts.get(call) ?? 0;
      this.counts.set(call, count + 1);
      await this.clock.sleep(50);
      this.before(call, count);
      return act();
    };
    const world: World = {
      secrets: {
        describe: (secret) => through('describe', () => store.describe(secret)),
        read: (secret, version) => through('read', () => store.read(secret, version)),
        generate: () => through('generate', () => store.generate()),
        put: (secret, version, text) => through('put', () => store.put(secret, version, text)),
        promote: (secret, to, from) => through('promote', () => store.promote(secret, to, from)),
      },
      logIn: async (request) => {
        this.requests.push(request);
        await this.clock.sleep(20);
        return this.says(request.server, request.password);
      },
      cluster: () => through('cluster', () => Promise.resolve({ servers: this.servers, users: this.users, authority: ['PEM'] })),
      refresh: () => through('refresh', () => Promise.resolve()),
      now: this.clock.now,
      sleep: this.clock.sleep,
      log: (message, fields) => this.lines.push({ message, ...fields }),
    };
    const lines = this.outcomes.length;
    const outcome = await this.clock.runUntilSettled(rotate(this.secret, { step, token, deadline: this.clock.now() + remaining }, world).catch((error: Error) => `${error.name}: ${error.message}`));
    // whatever happens, one line tells the outcome, and it is the same as the answer.
    expect(this.outcomes.slice(lines)).toHaveLength(1);
    const line = this.outcomes.at(-1) ?? {};
    expect(outcome).toBe(line.message === 'rotation' ? line.outcome : `${line.outcome}: ${line.reason}`);
    expect(line).toMatchObject({ step, secret: this.secret, version: token });
    const secrets = [FIRST, OTHER, this.value('AWSPENDING')?.password, this.value('AWSCURRENT')?.password, ...this.requests.map(({ password }) => password)];
    for (const each of secrets) if (each !== undefined && each.length > 8) expect(JSON.stringify(this.lines)).not.toContain(each);
    return outcome;
  }

  get outcomes(): Record<string, string | number>[] {
    return this.lines.filter(({ message }) => message === 'rotation' || message === 'rotation failed');
  }

  /** Calls that change something. */
  get writes(): Call[] {
    return this.calls.filter((call) => call === 'put' || call === 'promote');
  }
}

async function rotated(stage: Stage, token = ONE): Promise<string[]> {
  const outcomes: string[] = [];
  for (const step of STEP_NAMES) outcomes.push(await stage.step(step, token));
  return outcomes;
}

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
    const starts: number[] = [];
    stage.requests.push = (...requests) => {
      starts.push(stage.clock.now());
      return Array.prototype.push.apply(stage.requests, requests);
    };
    expect(await stage.step('setSecret', ONE, MINUTE)).toMatch(/^NodesBehind: 200 of 200 servers are not ready after \d+ s: (?:server-\d+-1\.internal \([^)]*\), ){9}server-10-1\.internal \([^)]*\) and 190 more;/);
    expect(Math.max(...starts)).toBeLessThan(deadline);
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
