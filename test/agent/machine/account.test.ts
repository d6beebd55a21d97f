import type { AccountWorld } from '../../../lib/agent/machine/account';
import { CLICKHOUSE_ID, ensureAccount } from '../../../lib/agent/machine/account';
import { Fate } from '../credentials/fake-disk';
import { FakePrograms } from './fake-programs';

const PASSWD = 'root:x:0:0:root:/root:/bin/bash\nec2-user:x:1000:1000:EC2 Default User:/home/ec2-user:/bin/bash\n';
const GROUP = 'root:x:0:\nwheel:x:10:ec2-user\nec2-user:x:1000:\n';
const OURS = { passwd: 'clickhouse:x:8123:8123::/nonexistent:/sbin/nologin\n', group: 'clickhouse:x:8123:\n' };

/** A machine on which groupadd and useradd do what they are told to. */
class Machine implements AccountWorld {
  readonly paths = { passwd: '/etc/passwd', group: '/etc/group' };
  readonly programs = new FakePrograms(({ program, args }) => {
    const value = (option: string): string => args[args.indexOf(option) + 1] ?? '';
    if (program === '/usr/sbin/groupadd') this.group += `${args.at(-1)}:x:${value('--gid')}:\n`;
    else this.passwd += `${args.at(-1)}:x:${value('--uid')}:${value('--gid')}::${value('--home-dir')}:${value('--shell')}\n`;
    return {};
  });

  constructor(public passwd = PASSWD, public group = GROUP) {}

  read(path: string): string {
    return path === this.paths.passwd ? this.passwd : this.group;
  }
}

test('group and user are made, and only once', async () => {
  const machine = new Machine();
  expect(await ensureAccount(machine)).toEqual({ uid: CLICKHOUSE_ID, gid: CLICKHOUSE_ID });
  expect(machine.programs.lines).toEqual([
    '/usr/sbin/groupadd --system --gid 8123 clickhouse',
    '/usr/sbin/useradd --system --uid 8123 --gid 8123 --no-create-home --home-dir /nonexistent --shell /sbin/nologin clickhouse',
  ]);
  expect(machine.passwd).toBe(PASSWD + OURS.passwd);
  expect(await ensureAccount(machine)).toEqual({ uid: 8123, gid: 8123 });
  expect(machine.programs.calls).toHaveLength(2);
});

test.each(['before', 'after'] as const)('a process that ends %s any of the programs is followed by one that completes it', async (hit) => {
  for (const after of [0, 1]) {
    const machine = new Machine();
    machine.programs.fate = new Fate({ after, hit, kind: 'kill', luck: 0 });
    await expect(ensureAccount(machine)).rejects.toThrow('the process has ended');
    machine.programs.fate = new Fate();
    await ensureAccount(machine);
    expect([machine.passwd, machine.group]).toEqual([PASSWD + OURS.passwd, GROUP + OURS.group]);
  }
});

test.each([
  ['clickhouse with another id', 'clickhouse:x:991:8123::/:/sbin/nologin\n', OURS.group, 'the user clickhouse has the id 991, not 8123'],
  ['clickhouse as root', 'clickhouse:x:0:8123::/:/sbin/nologin\n', OURS.group, 'the user clickhouse has the id 0, not 8123'],
  ['clickhouse twice', `${OURS.passwd}clickhouse:x:0:0::/:/sbin/nologin\n`, OURS.group, 'the user clickhouse has the id 0, not 8123'],
  ['clickhouse with an id that is no number', 'clickhouse:x::8123::/:/sbin/nologin\n', OURS.group, 'the user clickhouse has the id 0, not 8123'],
  ['clickhouse in another group', 'clickhouse:x:8123:100::/:/sbin/nologin\n', OURS.group, 'the user clickhouse is of the group 100, not 8123'],
  ['clickhouse with a shell', 'clickhouse:x:8123:8123::/:/bin/bash\n', OURS.group, 'the user clickhouse can log in, with "/bin/bash"'],
  ['clickhouse with no shell, which is one', 'clickhouse:x:8123:8123::/:\n', OURS.group, 'the user clickhouse can log in, with ""'],
  ['somebody else with the id', 'metrics:x:8123:100::/:/sbin/nologin\n', '', 'the id 8123 is that of the user "metrics"'],
  ['somebody else in the group', `${OURS.passwd}metrics:x:991:8123::/:/sbin/nologin\n`, OURS.group, 'the user "metrics" is of the group 8123'],
  ['the group with another id', '', 'clickhouse:x:991:\n', 'the group clickhouse has the id 991, not 8123'],
  ['another group with the id', '', 'metrics:x:8123:\n', 'the id 8123 is that of the group "metrics"'],
  ['a member of the group', OURS.passwd, 'clickhouse:x:8123:clickhouse,ec2-user\n', '"ec2-user" is a member of the group "clickhouse"'],
  ['clickhouse in a group of power', OURS.passwd, `${OURS.group}docker:x:990:ec2-user,clickhouse\n`, '"clickhouse" is a member of the group "docker"'],
])('%s is refused, and nothing is made', async (_, passwd, group, message) => {
  const machine = new Machine(PASSWD + passwd, GROUP + group);
  await expect(ensureAccount(machine)).rejects.toThrow(message);
  await expect(ensureAccount(machine)).rejects.toThrow('build the machine image with user and group clickhouse as 8123');
  expect(machine.programs.calls).toEqual([]);
});

test('what an image brought as it should be is left as it is', async () => {
  const machine = new Machine(`# a comment\n${PASSWD}${OURS.passwd}`, GROUP + OURS.group);
  expect(await ensureAccount(machine)).toEqual({ uid: 8123, gid: 8123 });
  expect(machine.programs.calls).toEqual([]);
});

test('a program that says it made the user, and did not, is not believed', async () => {
  const programs = new FakePrograms();
  await expect(ensureAccount({ programs, read: (path) => (path.endsWith('passwd') ? PASSWD : GROUP), paths: { passwd: '/etc/passwd', group: '/etc/group' } })).rejects.toThrow('made no user');
  const failing = new FakePrograms(() => ({ code: 10, stderr: 'groupadd: cannot lock /etc/group; try again later.' }));
  await expect(ensureAccount({ programs: failing, read: () => '', paths: { passwd: '/etc/passwd', group: '/etc/group' } })).rejects.toThrow('ended with 10: groupadd: cannot lock');
});
