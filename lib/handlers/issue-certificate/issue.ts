import { generateKeyPairSync } from 'node:crypto';
import { parseAuthority } from '../../pki/authority';
import type { NodeSecret } from '../../pki/node-secret';
import { parseNodeSecret, renderNodeSecret } from '../../pki/node-secret';
import { sentence } from '../../pki/problem';
import { readLeaf } from '../../pki/verify';
import { failedCall } from '../failure';
import { assemble, newSerial, nodeToBeSigned } from './certificates';
import { IssueFailure } from './failure';
import type { Signer } from './signer';
import { authorityKey } from './signer';
import type { Action, Goal, Issuer, Known, Outcome, Subject } from './steps';
import { next, NOTHING_KNOWN } from './steps';
import type { World } from './world';

/** How a secret was left. */
export interface Result {
  readonly outcome: Outcome;
  readonly value?: NodeSecret;
}

/** Brings one secret to its goal; throws an {@link IssueFailure} otherwise. Starts nothing after the deadline. Logs one line. */
export async function bring(goal: Goal, secret: string, issuer: Issuer, signer: Signer, deadline: number, world: World, decide: typeof next = next): Promise<Result> {
  const { now, log } = world;
  const started = now();
  const fields = (): Record<string, string | number> => ({ goal: goal.kind, secret, seconds: Math.round((now() - started) / 1000) });
  let known = NOTHING_KNOWN;
  try {
    for (;;) {
      const action = decide(goal, issuer, known, now());
      if (action.do === 'done') {
        const { outcome, value } = action;
        log('certificate', { ...fields(), outcome, ...(value === undefined ? {} : { node: value.node, serial: value.serial, notAfter: value.notAfter }) });
        return { outcome, value };
      }
      if (action.do === 'fail') throw new IssueFailure(action.code, action.reason);
      if (now() >= deadline) throw new IssueFailure('OutOfTime', `the time was over before '${action.do}'; what was begun is completed by the next run`);
      known = { ...(await perform(action, known, secret, issuer, signer, world)), actions: known.actions + 1 };
    }
  } catch (error) {
    const failure = asFailure(error);
    log('certificate failed', { ...fields(), outcome: failure.name, reason: failure.message });
    throw failure;
  }
}

/** What a call threw, without its message, which might repeat what was sent. */
export function asFailure(error: unknown): IssueFailure {
  if (error instanceof IssueFailure) return error;
  return new IssueFailure('CallFailed', failedCall(error));
}

/** Reads who signs. A parameter that was just written can be read as it was before. */
export async function readIssuer(caParameter: string, keyId: string, { parameters, signer, sleep }: World): Promise<Issuer> {
  const publicKey = (await authorityKey(signer(keyId), keyId)).toString('hex');
  for (let look = 1; ; look += 1) {
    const bundle = (await parameters.read(caParameter)) ?? '';
    const authority = parseAuthority(bundle);
    const signing = 'problems' in authority ? undefined : authority.certificates.find((each) => each.publicKey === publicKey);
    if ('certificates' in authority && signing !== undefined) return { bundle, certificates: authority.certificates, signing };
    if (look === 3) throw new IssueFailure('UnfitParameter', 'problems' in authority ? `the parameter ${caParameter} cannot be used: ${sentence(authority.problems)}` : `the parameter ${caParameter} holds no certificate of the key ${keyId}`);
    await sleep(2_000);
  }
}

type Doing = Exclude<Action, { readonly do: 'done' | 'fail' }>;

async function perform(action: Doing, known: Known, secret: string, issuer: Issuer, signer: Signer, { secrets, now, sleep }: World): Promise<Known> {
  switch (action.do) {
    case 'describe':
      return { ...known, secret: (await secrets.describe(secret)) ?? { deleted: true } };
    case 'read': {
      const text = await secrets.read(secret, action.version);
      return { ...known, values: new Map(known.values).set(action.version, text === undefined ? 'empty' : parseNodeSecret(text)) };
    }
    case 'make':
      return { ...known, made: await make(action.version, action.subject, issuer, signer, now()) };
    case 'put':
      // stored by us or, at the same time, by another with the same goal: what counts is what is read now. The label may have moved as well.
      await secrets.put(secret, action.version, action.text);
      return { ...forget(known, action.version), stored: action.version, secret: undefined };
    case 'pause':
      await sleep(action.milliseconds);
      return forget(known, action.version);
    case 'promote': {
      const result = await secrets.promote(secret, action.to, action.from);
      return { ...known, secret: undefined, promoted: known.promoted === true || result === 'promoted' };
    }
  }
}

function forget(known: Known, version: string): Known {
  const values = new Map(known.values);
  values.delete(version);
  return { ...known, values };
}

/** A new key and a certificate for it. The key is nowhere but in the text. */
async function make(version: string, { node, names, ip }: Subject, { bundle, signing }: Issuer, signer: Signer, now: number): Promise<NonNullable<Known['made']>> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const signed = nodeToBeSigned({ node, names, ip, publicKey, authority: signing, serial: newSerial(), now });
  const leaf = readLeaf(assemble(signed, await signer.sign(signed)));
  if ('code' in leaf) throw new IssueFailure('CannotIssue', `the certificate for ${node} came out wrong: ${leaf.reason}`);
  const value: NodeSecret = { node, names, ip, certificate: leaf.pem, chain: bundle, privateKey, serial: leaf.serial, notAfter: new Date(leaf.notAfter).toISOString() };
  return { version, text: renderNodeSecret(value), value };
}
