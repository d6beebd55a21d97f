import { RemovalPolicy } from 'aws-cdk-lib';
import type { Template } from 'aws-cdk-lib/assertions';
import { clusterStack, madeBefore, one, resources } from '../cluster/stacks';

interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: Readonly<Record<string, string | readonly string[]>>;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** Who asks, and what speaks for it besides the policy of the key. */
interface Caller {
  readonly account: string;
  /** `aws:PrincipalArn`: of a session, the role's. A service that acts for itself has none. */
  readonly arn?: string;
  readonly service?: string;
  /** policies of IAM. */
  readonly identity?: readonly Statement[];
  /** what grants on the key let it do. */
  readonly granted?: readonly string[];
}

const ACCOUNT = '111122223333';
const OTHER_ACCOUNT = '444455556666';
const DIGEST = { 'kms:SigningAlgorithm': 'ECDSA_SHA_256', 'kms:MessageType': 'DIGEST' };
const NAMES: Readonly<Record<string, string>> = { 'AWS::Partition': 'aws', 'AWS::Region': 'eu-west-1', 'AWS::AccountId': ACCOUNT };

const array = (value: string | readonly string[]): readonly string[] => [value].flat();

/** `*` and `?` as IAM reads them. */
function like(pattern: string, text: string): boolean {
  return new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.')}$`).test(text);
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const OPERATORS: Readonly<Record<string, (patterns: readonly string[], value: string | undefined) => boolean>> = {
  StringEquals: (patterns, value) => value !== undefined && patterns.includes(value),
  ArnEquals: (patterns, value) => value !== undefined && patterns.some((pattern) => like(pattern, value)),
  // what is negated holds where the key is absent.
  StringNotEquals: (patterns, value) => value === undefined || !patterns.includes(value),
  ArnNotEquals: (patterns, value) => value === undefined || !patterns.some((pattern) => like(pattern, value)),
};

function holds({ Condition = {} }: Statement, context: Readonly<Record<string, string | undefined>>): boolean {
  return Object.entries(Condition).every(([operator, keys]) => {
    const compare = OPERATORS[operator];
    if (compare === undefined) throw new Error(`the evaluator does not know ${operator}`);
    return Object.entries(keys).every(([key, patterns]) => compare(array(patterns), context[key]));
  });
}

/**
 * What IAM and KMS decide (https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html): a denial anywhere wins; else the policy
 * of the key must allow the caller by name, or allow the caller's account and a policy of IAM the caller; or a grant does.
 */
function decide(keyPolicy: readonly Statement[], keyArn: string, { account, arn, service, identity = [], granted = [] }: Caller, action: string, request: Readonly<Record<string, string>> = {}): 'allowed' | 'denied' | 'not allowed' {
  const context = { 'aws:PrincipalArn': arn, ...request };
  const speaksOf = (statement: Statement): boolean => array(statement.Action).some((each) => like(each.toLowerCase(), action.toLowerCase())) && array(statement.Resource).some((each) => like(each, keyArn)) && holds(statement, context);
  const principals = (statement: Statement, type: string): readonly string[] => array(statement.Principal?.[type] ?? []);
  const isNamed = (statement: Statement): boolean => principals(statement, 'AWS').some((each) => each === '*' || each === arn) || principals(statement, 'Service').some((each) => each === service);
  const isOfAccount = (statement: Statement): boolean => service === undefined && principals(statement, 'AWS').includes(`arn:aws:iam::${account}:root`);
  const ofKey = keyPolicy.filter(speaksOf);
  const ofIdentity = identity.filter(speaksOf);
  if ([...ofKey.filter((each) => isNamed(each) || isOfAccount(each)), ...ofIdentity].some(({ Effect }) => Effect === 'Deny')) return 'denied';
  const delegated = ofKey.some(isOfAccount) && ofIdentity.length > 0;
  return ofKey.some(isNamed) || delegated || granted.some((operation) => action === `kms:${operation}`) ? 'allowed' : 'not allowed';
}

/** The template as it is deployed: who is who has an ARN. */
function deployed(template: Template, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => deployed(template, each));
  if (typeof value !== 'object' || value === null) return value;
  const [[intrinsic, argument] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Ref') return NAMES[String(argument)] ?? String(argument);
  if (intrinsic === 'Fn::Join') return (deployed(template, (argument as [string, unknown[]])[1]) as string[]).join('');
  if (intrinsic === 'Fn::GetAtt') return arnOf(template, (argument as [string])[0]);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, deployed(template, inner)]));
}

function arnOf(template: Template, id: string): string {
  return resources(template)[id]?.Type === 'AWS::IAM::Role' ? `arn:aws:iam::${ACCOUNT}:role/${id}` : `arn:aws:kms:eu-west-1:${ACCOUNT}:key/${id}`;
}

const { cluster, template: synthesise } = clusterStack({ replicas: 1, keepers: 1, trustedCaGeneration: 2 });
cluster.addUser('reader');
const template = synthesise();

const signing = Object.entries(resources(template, 'AWS::KMS::Key')).filter(([, { Properties }]) => Properties.KeyUsage === 'SIGN_VERIFY');
const policyOf = (id: string): readonly Statement[] => (deployed(template, resources(template)[id]?.Properties.KeyPolicy) as { Statement: Statement[] }).Statement;
const identityOf = (role: string): readonly Statement[] =>
  (deployed(template, resources(template)[role]?.Properties.Policies ?? []) as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
const roles = Object.keys(resources(template, 'AWS::IAM::Role'));

// the role of the function that the authority is asked of.
const { ServiceToken } = one(template, 'Custom::ClickHouseAuthority').Properties as { ServiceToken: { 'Fn::GetAtt': [string] } };
const issuerRole = (resources(template)[ServiceToken['Fn::GetAtt'][0]]?.Properties.Role as { 'Fn::GetAtt': [string] })['Fn::GetAtt'][0];
const ISSUER: Caller = { account: ACCOUNT, arn: arnOf(template, issuerRole), identity: identityOf(issuerRole) };

const EVERYTHING: Statement = { Effect: 'Allow', Action: '*', Resource: '*' };
const SIGN: Statement = { Effect: 'Allow', Action: 'kms:Sign', Resource: '*' };
const role = (name: string, account = ACCOUNT): string => `arn:aws:iam::${account}:role/${name}`;

/** Who would sign if the key did not deny it: each is allowed by something that others decide. */
const ATTACKERS: Readonly<Record<string, Caller>> = {
  'an administrator': { account: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:user/administrator`, identity: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }] },
  'a role that may do everything': { account: ACCOUNT, arn: role('administrators'), identity: [EVERYTHING] },
  'the root user': { account: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:root`, identity: [EVERYTHING] },
  'a role that may sign with any key': { account: ACCOUNT, arn: role('signer'), identity: [SIGN] },
  'who holds a grant': { account: ACCOUNT, arn: role('grantee'), granted: ['Sign'] },
  'who holds a grant in another account': { account: OTHER_ACCOUNT, arn: role('grantee', OTHER_ACCOUNT), granted: ['Sign'], identity: [SIGN] },
  'a service that holds a grant': { account: ACCOUNT, service: 'ec2.amazonaws.com', granted: ['Sign'] },
  'a role whose name begins like the issuer\'s': { account: ACCOUNT, arn: role(`${issuerRole}2`), identity: [SIGN] },
  'a role whose name ends like the issuer\'s': { account: ACCOUNT, arn: role(`team/${issuerRole}`), identity: [SIGN] },
  'a user with the issuer\'s name': { account: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:user/${issuerRole}`, identity: [SIGN] },
  ...Object.fromEntries(roles.filter((id) => id !== issuerRole).map((id) => [`${id.replace(/[0-9A-F]{8}$/, '')}, which was given everything`, { account: ACCOUNT, arn: arnOf(template, id), identity: [EVERYTHING] }])),
};

/** Who is let in by nobody but the policy of the key itself. */
const STRANGERS: Readonly<Record<string, Caller>> = {
  'a role of another account': { account: OTHER_ACCOUNT, arn: role('administrators', OTHER_ACCOUNT), identity: [EVERYTHING] },
  'a role of another account with the issuer\'s name': { account: OTHER_ACCOUNT, arn: role(issuerRole, OTHER_ACCOUNT), identity: [EVERYTHING] },
  'the service that runs the issuer': { account: ACCOUNT, service: 'lambda.amazonaws.com' },
  'the service that starts it': { account: ACCOUNT, service: 'events.amazonaws.com' },
  'somebody without a name': { account: '' },
};

test('two keys were made, and the nodes, the functions and the issuer have roles', () => {
  expect(signing.map(([id]) => id.replace(/[0-9A-F]{8}$/, ''))).toEqual(['AnalyticsCertificatesKey1', 'AnalyticsCertificatesKey2']);
  const attackers = Object.keys(ATTACKERS).join();
  for (const each of ['Shard1Replica1Role', 'Keeper1Role', 'RotatorRole', 'PublisherRole']) expect(attackers).toContain(each);
  expect(issuerRole).toMatch(/IssuerRole/);
});

describe.each(signing.map(([id]) => id))('%s', (id) => {
  const policy = policyOf(id);
  const arn = arnOf(template, id);
  const undefended = policy.filter(({ Effect }) => Effect === 'Allow');
  const wide: Statement = { Effect: 'Allow', Principal: { AWS: '*', Service: ['ec2.amazonaws.com', 'lambda.amazonaws.com', 'events.amazonaws.com'] }, Action: 'kms:*', Resource: '*' };
  const signs = (caller: Caller, statements = policy, request: Readonly<Record<string, string>> = DIGEST): string => decide(statements, arn, caller, 'kms:Sign', request);

  test.each(Object.entries(ATTACKERS))('is not signed with by %s', (_, attacker) => {
    expect(signs(attacker)).toBe('denied');
    // it is the denial that stops it, and it would stop it still if somebody allowed everybody everything.
    expect(signs(attacker, undefended)).toBe('allowed');
    expect(signs(attacker, [...policy, wide])).toBe('denied');
  });

  test.each(Object.entries(STRANGERS))('is not signed with by %s', (_, stranger) => {
    expect(signs(stranger)).toBe('denied');
    expect(signs(stranger, undefended)).toBe('not allowed');
    expect(signs(stranger, [...policy, wide])).toBe('denied');
  });

  test('is signed with by the issuer, whose sessions have its ARN', () => {
    expect(signs(ISSUER)).toBe('allowed');
    // by the policy of the key, not by one of IAM.
    expect(signs({ ...ISSUER, identity: [] })).toBe('allowed');
  });

  test.each(['ECDSA_SHA_384', 'ECDSA_SHA_512', 'RSASSA_PSS_SHA_256', 'SM2DSA', 'ED25519_SHA_512', 'ecdsa_sha_256'])('is not signed with by the issuer as %s, whatever IAM allows it', (algorithm) => {
    const request = { ...DIGEST, 'kms:SigningAlgorithm': algorithm };
    expect(signs(ISSUER, policy, request)).toBe('denied');
    expect(signs({ ...ISSUER, identity: [EVERYTHING], granted: ['Sign'] }, policy, request)).toBe('denied');
  });

  test.each([
    ['a message that is not hashed', { ...DIGEST, 'kms:MessageType': 'RAW' }, 'not allowed'],
    ['a message of a kind that is not said', { 'kms:SigningAlgorithm': 'ECDSA_SHA_256' }, 'not allowed'],
    ['no algorithm', { 'kms:MessageType': 'DIGEST' }, 'denied'],
  ])('is not used by the issuer for %s', (_, request, decision) => {
    expect(signs(ISSUER, policy, request)).toBe(decision);
  });

  test('gives the issuer its public half and nothing else', () => {
    expect(decide(policy, arn, ISSUER, 'kms:GetPublicKey')).toBe('allowed');
    for (const action of ['PutKeyPolicy', 'CreateGrant', 'ScheduleKeyDeletion', 'DisableKey', 'DescribeKey', 'TagResource', 'UpdateAlias', 'ReplicateKey', 'Decrypt', 'DeriveSharedSecret', 'Verify']) {
      expect([action, decide(policy, arn, ISSUER, `kms:${action}`)]).toEqual([action, 'not allowed']);
    }
  });

  test('gives no node anything', () => {
    for (const node of roles.filter((each) => /(?:Replica1|Keeper1)Role/.test(each))) {
      for (const action of ['Sign', 'GetPublicKey', 'PutKeyPolicy', 'CreateGrant']) {
        expect(decide(undefended, arn, { account: ACCOUNT, arn: arnOf(template, node), identity: identityOf(node) }, `kms:${action}`, DIGEST)).toBe('not allowed');
      }
    }
  });

  test('can still be administered: CloudFormation, and whoever replaces or deletes it', () => {
    for (const action of ['PutKeyPolicy', 'ScheduleKeyDeletion', 'DescribeKey']) expect(decide(policy, arn, ATTACKERS['an administrator'] ?? ISSUER, `kms:${action}`)).toBe('allowed');
  });

  test('is one that signs what X.509 knows, was made in KMS and stays in its region', () => {
    const { KeySpec, KeyUsage, MultiRegion, Origin } = resources(template)[id]?.Properties ?? {};
    expect([KeySpec, KeyUsage, MultiRegion, Origin]).toEqual(['ECC_NIST_P256', 'SIGN_VERIFY', undefined, undefined]);
  });

  test('waits for the role of the issuer, which does not wait for it', () => {
    expect([...madeBefore(template, [id])]).toContain(issuerRole);
    expect([...madeBefore(template, [issuerRole, ServiceToken['Fn::GetAtt'][0]])]).not.toContain(id);
    expect(JSON.stringify(resources(template)[issuerRole])).not.toContain(id);
  });
});

test.each<[string, RemovalPolicy | undefined, [string, string]]>([
  ['by default', undefined, ['RetainExceptOnCreate', 'Retain']],
  ['DESTROY', RemovalPolicy.DESTROY, ['Delete', 'Delete']],
  ['RETAIN', RemovalPolicy.RETAIN, ['Retain', 'Retain']],
  // a key has no snapshot.
  ['SNAPSHOT', RemovalPolicy.SNAPSHOT, ['RetainExceptOnCreate', 'Retain']],
])('what becomes of the keys of the authority: %s', (_, removalPolicy, expected) => {
  const keys = Object.values(resources(clusterStack({ replicas: 1, removalPolicy, trustedCaGeneration: 2 }).template(), 'AWS::KMS::Key')).filter(({ Properties }) => Properties.KeyUsage === 'SIGN_VERIFY');
  expect(keys.map(({ DeletionPolicy, UpdateReplacePolicy }) => [DeletionPolicy, UpdateReplacePolicy])).toEqual([expected, expected]);
});
