// another key for the authority, played through with the issuer's own code: docs/operations.md, "Another key for the authority".
import { AUTHORITY, CERTIFICATE, handleResource } from '../../lib/handlers/issue-certificate/handle';
import { verifyNodeCertificate } from '../../lib/pki/verify';
import { Account, KEY_ID, PARAMETER } from '../handlers/issue-certificate/world';
import { keyPair, ZONE } from '../pki/authority';

const SECOND_KEY = KEY_ID.replace('11111111', '22222222');
const HOSTS = ['keeper-1', 'server-1-1', 'server-1-2'].map((name) => `${name}.${ZONE}`);
const ipOf = (host: string): string => `10.20.0.${10 + HOSTS.indexOf(host)}`;

/** A node: it shows what its secret holds within minutes, and trusts what it read when it last started. */
interface Node {
  readonly host: string;
  readonly secret: string;
  shown?: { readonly certificate: string; readonly privateKey: string };
  trusted: string;
}

type Step = readonly [signs: string, alsoTrusted?: string];
const STEPS = { before: [KEY_ID], one: [KEY_ID, SECOND_KEY], two: [SECOND_KEY, KEY_ID], three: [SECOND_KEY] } as const satisfies Record<string, Step>;

/** A cluster and a client of it. After everything that happens to a node, all pairs are asked whether they still talk. */
class Cluster {
  readonly account = new Account();
  readonly nodes: readonly Node[];
  client = '';
  private deployments = 0;

  constructor(private readonly restarts: boolean) {
    this.account.keys.set(SECOND_KEY, keyPair());
    this.nodes = HOSTS.map((host) => ({ host, secret: this.account.addSecret(host), trusted: '' }));
  }

  async deploy([KeyId, ...AlsoTrusted]: Step): Promise<void> {
    this.deployments += 1;
    // what leaves the template and comes back is made anew.
    for (const key of [KEY_ID, SECOND_KEY]) if (key !== KeyId && key !== AlsoTrusted[0]) this.account.keys.set(key, keyPair());
    const before = this.trustedKeys;
    const { data } = await this.request(AUTHORITY, 'authority', { ClusterName: 'analytics', Zone: ZONE, Networks: ['10.20.0.0/24'], KeyId, AlsoTrusted, CaParameter: PARAMETER });
    for (const { host, secret } of this.nodes) {
      await this.request(CERTIFICATE, host, { Node: host, Endpoint: ZONE, Ip: ipOf(host), SecretArn: secret, CaParameter: PARAMETER, KeyId, Authority: data?.Fingerprint });
      this.check(`${host} has its certificate`);
    }
    this.trustedKeys = [KeyId, ...AlsoTrusted].sort().join();
    // in waves, one after the other; `trust` of lib/tls/kms-authority.ts is what makes another launch template.
    if (this.trustedKeys !== before) for (const node of this.nodes) this.restart(node);
  }

  /** Every node looks at its secret. */
  pull(): void {
    for (const node of this.nodes) {
      this.take(node);
      this.check(`${node.host} has pulled`);
    }
  }

  clientLearns(): void {
    this.client = this.account.bundle;
  }

  private trustedKeys = '';

  private restart(node: Node): void {
    this.take(node);
    if (this.restarts || node.trusted === '') node.trusted = this.account.current(node.secret).chain;
    this.check(`${node.host} has started`);
  }

  private take(node: Node): void {
    node.shown = this.account.current(node.secret);
  }

  private check(when: string): void {
    for (const { host, shown } of this.nodes) {
      if (shown === undefined) continue;
      const trusting = [...this.nodes.filter(({ trusted }) => trusted !== '').map((peer) => [peer.host, peer.trusted] as const), ...(this.client === '' ? [] : [['the client', this.client] as const])];
      for (const [who, authority] of trusting) {
        const problems = verifyNodeCertificate(shown, { node: host, names: [host, ZONE], ip: ipOf(host), authority }, this.account.now);
        if (problems.length > 0) throw new Error(`${when}: ${who} refuses ${host}: ${problems.map(({ code }) => code).join()}`);
      }
    }
  }

  private request(ResourceType: string, LogicalResourceId: string, ResourceProperties: Readonly<Record<string, unknown>>) {
    const event = { RequestType: this.deployments === 1 ? 'Create' : 'Update', ResourceType, LogicalResourceId, ResourceProperties, RequestId: `${this.deployments}-${LogicalResourceId}`, PhysicalResourceId: LogicalResourceId };
    return handleResource(event as never, this.account.now + 600_000, () => Promise.resolve(this.account.world));
  }
}

async function play(steps: readonly Step[], { restarts = true, client = true } = {}): Promise<Cluster> {
  const cluster = new Cluster(restarts);
  for (const [number, step] of steps.entries()) {
    await cluster.deploy(step);
    if (client || number === 0) cluster.clientLearns();
    cluster.pull();
  }
  return cluster;
}

const { before, one, two, three } = STEPS;

test('nobody refuses anybody at any instant, and in the end the first key is worth nothing', async () => {
  const cluster = await play([before, one, two, three]);
  expect(cluster.account.bundle.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
  // whoever has stolen the first key, if that could be, and signs with it for one of the nodes.
  const thief = new Cluster(true);
  thief.account.keys.set(KEY_ID, cluster.account.keys.get(KEY_ID) ?? keyPair());
  await thief.deploy(before);
  const { host, secret } = thief.nodes[1];
  const problems = verifyNodeCertificate(thief.account.current(secret), { node: host, names: [host, ZONE], ip: ipOf(host), authority: cluster.nodes[0].trusted }, thief.account.now);
  expect(problems.map(({ code }) => code)).toEqual(['OtherAuthority']);
});

test('the first two steps can be undone by the one before', async () => {
  await play([before, one, before]);
  await play([before, one, two, one, before]);
});

// the stack made the first key, and does not have it any more: the number then means a new one, and going back is going on.
test('after the third step the first key is gone, and its number is another key', async () => {
  await expect(play([before, one, two, three, one])).rejects.toThrow(/no node trusts the key .*11111111/);
  await play([before, one, two, three, two, one, before]);
});

test.each<[string, readonly Step[], Step, RegExp]>([
  ['the first', [before], two, /no node trusts the key .*22222222/],
  ['the first two', [before], three, /no node trusts the key .*22222222/],
  ['the second', [before, one], three, /must stay trusted in the deployment in which .*22222222.* begins to sign/],
])('%s left out is refused, and changes nothing', async (_, steps, next, why) => {
  const cluster = await play(steps);
  const { bundle } = cluster.account;
  await expect(cluster.deploy(next)).rejects.toThrow(why);
  expect(cluster.account.bundle).toBe(bundle);
  cluster.pull();
});

// what the plan is for: without it, these happen.
test('without restarts, nodes refuse what the second key has signed', async () => {
  await expect(play([before, one, two], { restarts: false })).rejects.toThrow(/has pulled: (?:keeper|server).* refuses/);
});

test('a client that was not given both certificates refuses the cluster, and nothing else does', async () => {
  await expect(play([before, one, two], { client: false })).rejects.toThrow(/has pulled: the client refuses/);
});
