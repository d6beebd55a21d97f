import { rotationTime } from './rotation-time';

// how fast it is belongs to the bench; this only says that a rotation does not grow with the cluster.
test.each([2, 20, 200])('one rotation of a cluster of %i servers takes well under a minute', async (nodes) => {
  const time = await rotationTime(nodes);
  expect(time).toMatchObject({ nodes });
  expect(time.simulated).toBeLessThan(60_000);
});
