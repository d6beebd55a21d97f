import fc from 'fast-check';
import type { Faults } from './simulated';
import { NO_FAULTS, SimulatedNode } from './simulated';

const serves = (node: SimulatedNode): boolean => node.ready.at(-1) === true && node.memory.running;
const settled = (node: SimulatedNode): boolean => serves(node) && (node.role === 'keeper' || node.reports.at(-1) === node.pointer);

/** Fails or dies at the nth call, counted from 0. */
function at(n: number, what: 'fails' | 'before' | 'after'): Faults {
  let count = -1;
  const here = (): boolean => count === n;
  return {
    dies: (_, when) => {
      if (when === 'before') count += 1;
      return here() && what === when;
    },
    fails: () => here() && what === 'fails',
  };
}

describe.each(['server', 'keeper'] as const)('a %s', (role) => {
  test('comes up, signals once, and stays up', async () => {
    const node = new SimulatedNode(role);
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
    expect(node.signals).toEqual(['SUCCESS']);
    expect(node.violations).toEqual([]);
    expect(node.volume.established).toBe(true);
    expect(node.reports).toEqual(role === 'server' ? ['one'] : []);
    const before = node.calls.length;
    expect(await node.run(NO_FAULTS, () => node.calls.length > before + 200)).toBe('enough');
    // an agent that starts again finds everything done, and tells nobody.
    expect(node.signals).toEqual(['SUCCESS']);
    expect(node.violations).toEqual([]);
  });

  test('ends up serving wherever the agent is ended, once, before or after any effect', async () => {
    const whole = new SimulatedNode(role);
    await whole.run(NO_FAULTS, settled);
    expect(whole.calls.length).toBeGreaterThan(15);
    for (let n = 0; n < whole.calls.length; n += 1) {
      for (const what of ['before', 'after', 'fails'] as const) {
        for (const then of ['again', 'reboot', 'replace'] as const) {
          const node = new SimulatedNode(role);
          await node.run(at(n, what), settled);
          if (then === 'reboot') node.reboot();
          if (then === 'replace') node.replaceInstance();
          expect([n, what, then, await node.run(NO_FAULTS, settled)]).toEqual([n, what, then, 'enough']);
          expect(node.violations).toEqual([]);
          expect(node.signals).toContain('SUCCESS');
        }
      }
    }
  });

  test('ends up serving after any series of faults, deaths, reboots and replacements', async () => {
    const life = fc.array(
      fc.record({
        fails: fc.integer({ min: 0, max: 40 }),
        diesAt: fc.integer({ min: 0, max: 60 }),
        then: fc.constantFrom('again', 'reboot', 'replace'),
        keepers: fc.constantFrom('reachable', 'unreachable'),
        replica: fc.constantFrom('empty', 'fetching', 'writable', 'behind', 'caughtUp'),
        issued: fc.boolean(),
        pointer: fc.constantFrom('one', 'two'),
      }),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(life, fc.infiniteStream(fc.nat({ max: 99 })), async (series, dice) => {
        const node = new SimulatedNode(role);
        for (const { fails, diesAt, then, keepers, replica, issued, pointer } of series) {
          Object.assign(node, { keepers, replica, issued, pointer });
          let count = 0;
          const faults: Faults = {
            dies: (_, when) => when === 'after' && (count += 1) > diesAt,
            fails: () => (dice.next().value as number) < fails,
          };
          await node.run(faults, () => false, 300);
          if (then === 'reboot') node.reboot();
          if (then === 'replace') node.replaceInstance();
        }
        Object.assign(node, { keepers: 'reachable', replica: 'caughtUp', issued: true });
        expect(await node.run(NO_FAULTS, settled)).toBe('enough');
        expect(node.violations).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('gives its machine back in order, wherever it is ended on the way', async () => {
    for (let n = 0; n < 40; n += 1) {
      for (const what of ['before', 'after', 'fails'] as const) {
        const node = new SimulatedNode(role);
        await node.run(NO_FAULTS, settled);
        node.terminating = true;
        const how = await node.run(at(n, what));
        expect([n, what, how === 'drained' ? how : await node.run()]).toEqual([n, what, 'drained']);
        expect(node.violations).toEqual([]);
        expect(node.drained).toBe(true);
        expect(node.memory.marks.has('ready')).toBe(false);
      }
    }
  });
});

describe('what is not secure does not serve', () => {
  test('without a certificate nothing is started, and the node comes up as soon as there is one', async () => {
    const node = new SimulatedNode();
    node.issued = false;
    expect(await node.run(NO_FAULTS, () => false, 200)).toBe('limit');
    expect(node.calls).not.toContain('start');
    expect(node.signals).toEqual([]);
    node.issued = true;
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
  });

  test('whoever gets in without a password ends it for this machine, and the deployment hears of it', async () => {
    const node = new SimulatedNode();
    node.open = 'anybody';
    expect(await node.run()).toBe('refused');
    expect(node.memory.running).toBe(false);
    expect(node.signals).toEqual(['FAILURE']);
    expect(node.ready).not.toContain(true);
    node.open = undefined;
    const before = node.calls.length;
    expect(await node.run()).toBe('refused');
    expect(node.calls.slice(before)).not.toContain('start');
    expect(node.signals).toEqual(['FAILURE']);
    node.replaceInstance();
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
  });

  test('one that was served well and is opened later is stopped, too', async () => {
    const node = new SimulatedNode();
    await node.run(NO_FAULTS, settled);
    node.open = 'default';
    expect(await node.run()).toBe('refused');
    expect(node.memory.running).toBe(false);
    // the launch ended well long ago.
    expect(node.signals).toEqual(['SUCCESS']);
  });

  test('a firewall that is taken away is put back', async () => {
    const node = new SimulatedNode();
    await node.run(NO_FAULTS, settled);
    let taken = false;
    await node.run(NO_FAULTS, () => {
      if (!taken && node.calls.filter((each) => each === 'look').length > 5) {
        taken = true;
        node.memory.metadataClosed = false;
      }
      return taken && node.memory.metadataClosed;
    });
    expect(node.memory).toMatchObject({ metadataClosed: true, running: true });
  });

  test('a firewall that cannot be put back stops ClickHouse', async () => {
    const node = new SimulatedNode();
    await node.run(NO_FAULTS, settled);
    const looks = node.calls.filter((each) => each === 'look').length;
    let taken = false;
    const faults: Faults = { dies: () => false, fails: (call) => taken && call === 'closeMetadata' };
    const how = await node.run(faults, () => {
      if (!taken && node.calls.filter((each) => each === 'look').length > looks) {
        taken = true;
        node.memory.metadataClosed = false;
      }
      return taken && !node.memory.running;
    });
    expect(how).toBe('enough');
    expect(node.memory.marks.has('ready')).toBe(false);
    expect(node.ready.at(-1)).toBe(false);
    // and it comes back with the firewall.
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
  });
});

describe('what is told', () => {
  test('a volume with somebody else\'s data fails the launch at once, once', async () => {
    const node = new SimulatedNode();
    node.foreignVolume = true;
    expect(await node.run()).toBe('refused');
    expect(await node.run()).toBe('refused');
    expect(node.signals).toEqual(['FAILURE']);
    expect(node.calls).not.toContain('start');
  });

  test('a user whose secret cannot be read keeps nobody from being served, and the deployment waits for him', async () => {
    const node = new SimulatedNode();
    node.unreadableUser = true;
    expect(await node.run(NO_FAULTS, serves)).toBe('enough');
    expect(node.signals).toEqual(['SUCCESS']);
    expect(node.reports).toEqual([]);
    node.unreadableUser = false;
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
    expect(node.reports).toEqual(['one']);
  });

  test('a new live manifest is read and reported within a minute, and restarts nothing', async () => {
    const node = new SimulatedNode();
    let moved: number | undefined;
    const how = await node.run(NO_FAULTS, () => {
      if (moved === undefined && settled(node)) {
        moved = node.now;
        node.pointer = 'two';
        node.calls.length = 0;
      }
      return node.reports.at(-1) === 'two';
    });
    expect(how).toBe('enough');
    expect(node.now - (moved ?? Infinity)).toBeLessThan(60_000);
    expect(node.calls).not.toContain('stop');
    expect(node.calls).not.toContain('start');
  });

  test('a replica that is behind does not signal, a new one that fetches does', async () => {
    const old = new SimulatedNode('server', { formatted: true, established: true, databases: true });
    old.replica = 'behind';
    expect(await old.run(NO_FAULTS, () => false, 400)).toBe('limit');
    expect(old.signals).toEqual([]);
    const fresh = new SimulatedNode();
    fresh.replica = 'fetching';
    expect(await fresh.run(NO_FAULTS, () => fresh.signals.length > 0)).toBe('enough');
    expect(fresh.volume.established).toBe(false);
  });

  test('a server that stops by itself is started again', async () => {
    const node = new SimulatedNode();
    await node.run(NO_FAULTS, settled);
    node.memory.running = false;
    node.ready.length = 0;
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
  });
});
