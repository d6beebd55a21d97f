import fc from 'fast-check';
import type { Faults } from './simulated';
import { NO_FAULTS, SimulatedNode } from './simulated';

const serves = (node: SimulatedNode): boolean => node.ready.at(-1) === true && node.memory.running;
const settled = (node: SimulatedNode): boolean => serves(node) && (node.role === 'keeper' || node.reports.at(-1) === node.pointer);

type What = 'fails' | 'before' | 'after' | 'lies';

/** Fails, dies or is not heard of at the nth call, counted from 0. */
function at(n: number, what: What): Faults {
  let count = -1;
  const here = (): boolean => count === n;
  return {
    dies: (_, when) => {
      if (when === 'before') count += 1;
      return here() && what === when;
    },
    fails: () => here() && what === 'fails',
    lies: () => here() && what === 'lies',
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
      for (const what of ['before', 'after', 'fails', 'lies'] as const) {
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
        if (role === 'server') expect(node.memory.closedToClients).toBe(true);
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

  const refused = (node: SimulatedNode): boolean => node.events.some(({ event }) => event === 'refused');

  test('whoever gets in without a password ends it for this machine, and the deployment hears of it', async () => {
    const node = new SimulatedNode();
    node.open = 'anybody';
    expect(await node.run(NO_FAULTS, () => node.signals.length > 0)).toBe('enough');
    expect(node.memory).toMatchObject({ running: false, closedToClients: true });
    expect(node.signals).toEqual(['FAILURE']);
    expect(node.ready).not.toContain(true);
    // no query of anybody's is waited for.
    expect(node.calls.indexOf('halt')).toBeGreaterThan(0);
    expect(node.calls).not.toContain('stop');
    node.open = undefined;
    node.events.length = 0;
    const before = node.calls.length;
    expect(await node.run(NO_FAULTS, refused)).toBe('enough');
    expect(node.calls.slice(before)).not.toContain('start');
    expect(node.signals).toEqual(['FAILURE']);
    node.replaceInstance();
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
    expect(node.violations).toEqual([]);
  });

  test('no client is ever let in before, whatever is tried and whenever it ends', async () => {
    for (let n = 0; n < 60; n += 1) {
      for (const what of ['before', 'after', 'fails', 'lies'] as const) {
        const node = new SimulatedNode();
        node.open = 'nobody';
        await node.run(at(n, what), refused, 300);
        node.events.length = 0;
        await node.run(NO_FAULTS, refused, 300);
        expect([n, what, node.memory.running, node.violations]).toEqual([n, what, false, []]);
        expect([node.memory.closedToClients, node.memory.marks.has('ready')]).toEqual([true, false]);
      }
    }
  });

  test('one that served well and is opened later is ended, too, also when that does not work at once', async () => {
    for (const fails of ['never', 'first', 'dies', 'lies'] as const) {
      const node = new SimulatedNode();
      await node.run(NO_FAULTS, settled);
      node.open = 'default';
      let tries = 0;
      const halting = (call: string): boolean => call === 'halt' && (tries += 1) === 1;
      const faults: Faults = { fails: (call) => fails === 'first' && halting(call), dies: (call, when) => fails === 'dies' && when === 'before' && halting(call), lies: (call) => fails === 'lies' && halting(call) };
      await node.run(faults, refused, 300);
      await node.run(NO_FAULTS, refused, 300);
      expect([fails, node.memory.running, node.violations]).toEqual([fails, false, []]);
      // the launch ended well long ago.
      expect(node.signals).toEqual(['SUCCESS']);
    }
  });

  test('one that is refused gives its machine back when it is asked for', async () => {
    const node = new SimulatedNode();
    node.foreignVolume = true;
    // while it waits, and not at a start of the agent.
    expect(await node.run(NO_FAULTS, () => (node.terminating ||= refused(node) && node.ready.length > 3) && node.drained, 500)).toBe('drained');
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

  test('a firewall that cannot be asked for is not one that is gone, unless it never can', async () => {
    for (const [times, stopped] of [[2, false], [3, true]] as const) {
      const node = new SimulatedNode();
      await node.run(NO_FAULTS, settled);
      let asked = 0;
      const faults: Faults = { dies: () => false, fails: (call) => (call === 'metadataIsClosed' && (asked += 1) <= times) || (call === 'closeMetadata' && asked > 0) };
      const before = node.calls.length;
      await node.run(faults, () => asked > times && node.calls.slice(before).filter((each) => each === 'look').length > 3, 100);
      expect([times, node.calls.slice(before).includes('halt')]).toEqual([times, stopped]);
    }
  });

  test('a firewall that now and then cannot be asked for stops nothing', async () => {
    const node = new SimulatedNode();
    let asked = 0;
    const faults: Faults = { dies: () => false, fails: (call) => call === 'metadataIsClosed' && (asked += 1) % 3 !== 0 };
    await node.run(faults, () => asked > 60);
    expect(node.calls).not.toContain('halt');
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
    expect(await node.run(NO_FAULTS, () => false, 200)).toBe('limit');
    expect(await node.run(NO_FAULTS, () => false, 200)).toBe('limit');
    expect(node.signals).toEqual(['FAILURE']);
    expect(node.calls).not.toContain('start');
    // and nothing is tried again and again.
    expect(node.calls.filter((each) => each === 'mountVolume').length).toBe(2);
  });

  test('a FAILURE that does not get through is told later', async () => {
    const node = new SimulatedNode();
    node.foreignVolume = true;
    node.cloudFormation = false;
    await node.run(NO_FAULTS, () => false, 100);
    node.cloudFormation = true;
    expect(await node.run(NO_FAULTS, () => node.signals.length > 0)).toBe('enough');
    expect(node.signals).toEqual(['FAILURE']);
  });

  test('a node serves, and follows the pointer, while CloudFormation does not answer', async () => {
    const node = new SimulatedNode();
    node.cloudFormation = false;
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
    node.pointer = 'two';
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
    expect([node.signals, node.volume.established]).toEqual([[], false]);
    node.cloudFormation = true;
    expect(await node.run(NO_FAULTS, () => node.signals.length > 0 && node.volume.established)).toBe('enough');
  });

  test('a node that is stuck says that it is not ready, and leaves when it is asked to', async () => {
    const node = new SimulatedNode();
    node.issued = false;
    await node.run(NO_FAULTS, () => false, 100);
    expect(node.ready.length).toBeGreaterThan(5);
    expect(node.ready).not.toContain(true);
    node.terminating = true;
    expect(await node.run()).toBe('drained');
    const again = new SimulatedNode();
    again.issued = false;
    // asked while it waits, and not at a start of the agent.
    expect(await again.run(NO_FAULTS, () => (again.terminating ||= again.ready.length > 5) && again.drained, 500)).toBe('drained');
  });

  test('a user whose secret cannot be read keeps nobody from being served, and no deployment from ending', async () => {
    const node = new SimulatedNode();
    node.unreadableUser = true;
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
    expect([node.signals, node.reports]).toEqual([['SUCCESS'], ['one']]);
    // he is asked for again, soon.
    const [passes, begun] = [node.calls.filter((each) => each === 'live').length, node.now];
    expect(await node.run(NO_FAULTS, () => node.calls.filter((each) => each === 'live').length > passes + 4)).toBe('enough');
    expect(node.now - begun).toBeLessThan(180_000);
  });

  test('nothing is reported while somebody is admitted who is not declared any more', async () => {
    const node = new SimulatedNode();
    node.undeclaredUser = true;
    expect(await node.run(NO_FAULTS, serves)).toBe('enough');
    expect(await node.run(NO_FAULTS, () => false, 300)).toBe('limit');
    expect([node.signals, node.reports]).toEqual([['SUCCESS'], []]);
    node.undeclaredUser = false;
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
    expect(node.reports).toEqual(['one']);
  });

  test('what does not change is not asked about again and again', async () => {
    // it has data and so starts; a database that needs Keepers is not there.
    const node = new SimulatedNode('server', { formatted: true, established: true, databases: false });
    node.keepers = 'unreachable';
    await node.run(NO_FAULTS, () => node.now > 3_600_000, 20_000);
    expect([node.signals, node.reports, node.violations, node.memory.running]).toEqual([[], [], [], true]);
    // an hour without Keepers: less often and less often, to every five minutes.
    expect(node.calls.filter((each) => each === 'live').length).toBeLessThan(30);
    node.keepers = 'reachable';
    const begun = node.now;
    expect(await node.run(NO_FAULTS, settled)).toBe('enough');
    expect(node.now - begun).toBeLessThan(60_000);
  });

  test('a pass that hangs keeps no client from leaving', async () => {
    const node = new SimulatedNode();
    await node.run(NO_FAULTS, settled);
    let begun: number | undefined;
    const how = await node.run(NO_FAULTS, () => {
      if (node.hangs === undefined && settled(node) && node.calls.filter((each) => each === 'look').length > 40) node.hangs = 'live';
      if (node.hangs !== undefined && !node.terminating && node.calls.at(-1) === 'live') [node.terminating, begun] = [true, node.now];
      return false;
    });
    expect(how).toBe('drained');
    expect(node.now - (begun ?? -Infinity)).toBeLessThan(120_000);
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

  test('a server that stops by itself is started again, and looked at before clients come in', async () => {
    const node = new SimulatedNode();
    let stopped = 0;
    const how = await node.run(NO_FAULTS, () => {
      if (stopped === 0 && settled(node) && !node.memory.closedToClients) {
        node.memory.running = false;
        stopped = node.calls.length;
      }
      return stopped > 0 && node.calls.slice(stopped).includes('start') && serves(node) && !node.memory.closedToClients;
    });
    expect(how).toBe('enough');
    expect(node.violations).toEqual([]);
    const since = node.calls.slice(stopped).filter((call) => ['closeToClients', 'start', 'look', 'openToClients'].includes(call));
    expect(since.slice(since.indexOf('closeToClients'), since.indexOf('openToClients') + 1)).toEqual(['closeToClients', 'start', 'look', 'openToClients']);
  });
});
