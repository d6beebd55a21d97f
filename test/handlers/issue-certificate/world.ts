import * as sdk from '@aws-sdk/client-secrets-manager';
import { secretStore } from '../../../lib/handlers/issue-certificate/aws';
import { LARGEST_BUNDLE } from '../../../lib/handlers/issue-certificate/establish';
import type { World } from '../../../lib/handlers/issue-certificate/world';
import { NO_AUTHORITY_YET } from '../../../lib/pki/authority';
import type { NodeSecret } from '../../../lib/pki/node-secret';
import { NOT_ISSUED_YET, parseNodeSecret, verifyNodeSecret } from '../../../lib/pki/node-secret';
import type { Problem } from '../../../lib/pki/problem';
import { readLeaf } from '../../../lib/pki/verify';
import { failure, modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import type { KeyPair } from '../../pki/authority';
import { keyPair, localSigner } from '../../pki/authority';

export const PARAMETER = '/clickhouse/analytics/ca';
export const KEY_ID = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
export const TAG = { key: 'clickhouse:node-certificate', value: 'analytics' };

/** The model of Secrets Manager, which also lists by tags: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html. */
export class TaggedModel extends SecretsManagerModel {
  readonly tags = new Map<string, { readonly name: string; readonly tags: readonly { readonly Key: string; readonly Value: string }[] }>();
  pageSize = 2;

  create(name: string, value: string, tags: Readonly<Record<string, string>>): string {
    const { ARN } = this.createSecret({ Name: name, SecretString: value });
    this.tags.set(ARN, { name, tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) });
    return ARN;
  }

  /** Filters match beginnings, each by itself; secrets that are to be deleted are left out. */
  listSecrets({ Filters = [], NextToken = '0' }: { Filters?: readonly sdk.Filter[]; NextToken?: string }): sdk.ListSecretsResponse {
    const matching = [...this.tags].filter(([arn, { tags }]) => {
      if (this.describeSecret({ SecretId: arn }).DeletedDate !== undefined) return false;
      return Filters.every(({ Key, Values = [] }) => tags.some((tag) => Values.some((start) => (Key === 'tag-key' ? tag.Key : tag.Value).startsWith(start))));
    });
    const start = Number(NextToken);
    const end = start + this.pageSize;
    return {
      SecretList: matching.slice(start, end).map(([ARN, { name, tags }]) => ({ ARN, Name: name, Tags: [...tags] })),
      ...(end < matching.length ? { NextToken: String(end) } : {}),
    };
  }
}

/** A cluster's part of an account, in memory. */
export class Account {
  readonly model: TaggedModel;
  readonly parameters = new Map<string, string>([[PARAMETER, NO_AUTHORITY_YET]]);
  readonly keys = new Map<string, KeyPair>([[KEY_ID, keyPair()]]);
  readonly logs: string[] = [];
  readonly world: World;
  /** what was ever asked to be signed. */
  signatures = 0;
  now = Date.UTC(2026, 5, 1);

  constructor(choices: ConstructorParameters<typeof SecretsManagerModel>[0] = {}) {
    this.model = new TaggedModel(choices);
    this.world = {
      secrets: secretStore(sdk, modelClient(this.model)),
      parameters: {
        read: (name) => Promise.resolve(this.parameters.get(name)),
        write: (name, value) => {
          if (value.length > 4096) throw failure('ValidationException');
          expect(value.length).toBeLessThanOrEqual(LARGEST_BUNDLE);
          this.parameters.set(name, value);
          return Promise.resolve();
        },
      },
      signer: (keyId) => {
        const key = this.keys.get(keyId);
        const nothing = (): Promise<never> => Promise.reject(failure('NotFoundException'));
        if (key === undefined) return { publicKey: nothing, sign: nothing };
        const signer = localSigner(key);
        return {
          publicKey: () => signer.publicKey(),
          sign: (message) => {
            this.signatures += 1;
            return signer.sign(message);
          },
        };
      },
      now: () => this.now,
      sleep: (milliseconds) => {
        this.now += milliseconds;
        return Promise.resolve();
      },
      log: (message, fields) => this.logs.push(JSON.stringify({ message, ...fields })),
    };
  }

  get bundle(): string {
    return this.parameters.get(PARAMETER) ?? '';
  }

  addSecret(name: string, value = NOT_ISSUED_YET, tags: Readonly<Record<string, string>> = { [TAG.key]: TAG.value }): string {
    return this.model.create(name, value, tags);
  }

  /** The current value of a secret, once there is a certificate. */
  current(secret: string): NodeSecret {
    const value = parseNodeSecret(this.model.getSecretValue({ SecretId: secret }).SecretString ?? '');
    if (value === 'not issued yet' || 'malformed' in value) throw new Error(`${secret} holds no certificate`);
    return value;
  }

  /** What is wrong with the current value of a secret that is for a node. */
  problems(secret: string, node: string, names: readonly string[], ip: string, now = this.now): readonly Problem[] {
    return verifyNodeSecret(this.current(secret), { node, names, ip, authority: this.bundle }, now);
  }

  /** Log lines that hold a private key of any version of any secret. */
  leaks(): string[] {
    const keys = [...this.model.tags.keys()].flatMap((secret) =>
      (this.model.listSecretVersionIds({ SecretId: secret, IncludeDeprecated: true }).Versions ?? []).flatMap(({ VersionId }) => {
        try {
          return /-----BEGIN PRIVATE KEY-----\\n(.*?)\\n/.exec(this.model.getSecretValue({ SecretId: secret, VersionId }).SecretString ?? '')?.[1] ?? [];
        } catch {
          return [];
        }
      }),
    );
    return this.logs.filter((line) => line.includes('PRIVATE') || keys.some((key) => line.includes(key)));
  }
}

/** When a certificate ends. */
export function notAfter({ certificate }: NodeSecret): number {
  const leaf = readLeaf(certificate);
  if ('code' in leaf) throw new Error(leaf.reason);
  return leaf.notAfter;
}
