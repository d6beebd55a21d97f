import * as fc from 'fast-check';
import { fillHoles, openHoles } from '../../lib/config/holes';
import { PINNED_SETTINGS } from '../../lib/config/profiles';
import type { ProfileModel, QuotaModel } from '../../lib/config/settings';
import { DEFAULT_PROFILE_SETTINGS } from '../../lib/config/settings';
import type { UserModel } from '../../lib/config/users';
import type { CertificateModel } from '../../lib/config/users';
import { MAINTENANCE_GRANTS, userDocument, usersDocument } from '../../lib/config/users';
import type { XmlElement } from '../../lib/config/xml';
import { childElements, renderXml } from '../../lib/config/xml';
import { all, at, codeOf, holeAt, names, readElsewhere, textAt } from './oracle';

const name = fc.stringMatching(/^[a-z]([a-z0-9_-]{0,10}[a-z0-9])?$/).filter((each) => !['default', 'system', 'root', 'interserver', 'node_maintenance'].includes(each) && !each.startsWith('extra-'));
const identifier = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,10}$/).filter((each) => !/^(system|information_schema)$/i.test(each));
const user: fc.Arbitrary<UserModel> = fc.record(
  {
    name,
    grants: fc.array(fc.record({ privileges: fc.subarray(['SELECT', 'INSERT', 'OPTIMIZE'], { minLength: 1 }), database: identifier })),
    networks: fc.constantFrom(['10.0.0.0/16'], ['192.168.1.0/24', 'fd00::/8']),
    roles: fc.uniqueArray(name, { maxLength: 3 }),
    certificate: fc.constantFrom<CertificateModel>({ commonName: 'ingest.events' }, { subjectAltName: 'URI:spiffe://events/ingest' }),
    profile: name,
    quota: name,
  },
  { requiredKeys: ['name'] },
);

describe('every user', () => {
  test('has login methods, networks, grants, a profile and a quota, and nothing that gives power', () => {
    fc.assert(fc.property(user, (model) => {
      const document = userDocument(model);
      const [only, ...more] = childElements(at(document, 'users') ?? document);
      expect(more).toEqual([]);
      expect(only?.name).toBe(model.name);
      if (only === undefined) return;
      expect(childElements(only).map((each) => each.name)).toEqual(['auth_methods', 'networks', 'profile', 'quota', 'grants']);
      expect(at(only, 'auth_methods')?.children.map((each) => (typeof each === 'object' && 'hole' in each ? `${each.hole}:${each.user}` : typeof each === 'object' ? each.name : each))).toEqual([
        `passwordHashes:${model.name}`,
        ...(model.certificate === undefined ? [] : ['certificate']),
      ]);
      expect(at(only, 'networks')?.children).not.toEqual([]);
      expect(childElements(at(only, 'grants') ?? only).length).toBeGreaterThan(0);
      for (const each of ['access_management', 'named_collection_control', 'no_password', 'password', 'host', 'host_regexp', 'databases', 'allow_databases', 'valid_until']) {
        expect(names(document)).not.toContain(each);
      }
    }));
  });

  test('holds its own hashes only', () => {
    expect(openHoles(renderXml(userDocument({ name: 'ingest' })))).toEqual(['passwordHashes:ingest', 'clientNetworks', 'rotationNetworks']);
  });
});

describe('a certificate', () => {
  const filled = (document: XmlElement) => readElsewhere(fillHoles(renderXml(document), { passwordHashes: { ingest: ['a'.repeat(64)] }, clientNetworks: ['10.0.0.0/16'], rotationNetworks: ['10.0.3.0/24'] }));

  test('is one more method, in a wrapper of its own', () => {
    const [user] = filled(userDocument({ name: 'ingest', certificate: { commonName: 'ingest', subjectAltName: 'URI:spiffe://events/ingest' } })).children[0]?.children ?? [];
    expect(user?.children[0]?.children.map((method) => [method.name, method.children.map((each) => each.name)])).toEqual([
      ['password_1', ['password_sha256_hex']],
      ['certificate', ['ssl_certificates']],
    ]);
    expect(user?.children[0]?.children[1]?.children[0]?.children.map((each) => [each.name, each.text])).toEqual([['common_name', 'ingest'], ['subject_alt_name', 'URI:spiffe://events/ingest']]);
  });

  test('as the only method leaves no password, and nowhere that passwords are rotated from', () => {
    const document = userDocument({ name: 'ingest', password: false, certificate: { commonName: 'ingest' } });
    expect(openHoles(renderXml(document))).toEqual(['clientNetworks']);
    expect(childElements(at(document, 'users', 'ingest', 'auth_methods') ?? document).map((each) => each.name)).toEqual(['certificate']);
    expect(openHoles(renderXml(userDocument({ name: 'ingest', password: false, certificate: { commonName: 'ingest' }, networks: ['10.9.0.0/16'] })))).toEqual([]);
  });

  test('or a password, one of them', () => {
    expect(codeOf(() => userDocument({ name: 'ingest', password: false }))).toBe('NoLogin');
  });

  test.each<CertificateModel>([
    {}, { commonName: '' }, { commonName: '*' }, { commonName: '*.events' }, { commonName: 'a' }, { commonName: ' ingest' }, { commonName: 'a,b' }, { commonName: 'a/CN=b' }, { commonName: 'a\n' }, { commonName: 'é' }, { commonName: 'x'.repeat(65) },
    { subjectAltName: '' }, { subjectAltName: 'ingest' }, { subjectAltName: 'DNS:*.events' }, { subjectAltName: 'DNS:' }, { subjectAltName: 'dns:a.b' }, { subjectAltName: 'URI:' }, { subjectAltName: 'URI:spiffe://events/*' },
    { subjectAltName: 'URI:spiffe://events/ingest, DNS:owner' }, { subjectAltName: 'IP:10.0.0.1' }, { subjectAltName: 'email:a@b' }, { commonName: 'ingest', subjectAltName: '*' },
  ])('%j could be more than one, and is refused', (certificate) => {
    expect(codeOf(() => userDocument({ name: 'ingest', certificate }))).toBe('Certificate');
  });
});

describe('roles', () => {
  test('come after the grants', () => {
    const document = userDocument({ name: 'ingest', grants: [{ privileges: ['INSERT'], database: 'events' }], roles: ['readers', 'night-shift'] });
    expect(all(document, 'users', 'ingest', 'grants', 'query').map((each) => textAt(each))).toEqual(['GRANT INSERT ON `events`.*', 'GRANT `readers`', 'GRANT `night-shift`']);
  });

  test('may be all that a user has', () => {
    expect(all(userDocument({ name: 'ingest', roles: ['readers'] }), 'users', 'ingest', 'grants', 'query').map((each) => textAt(each))).toEqual(['GRANT `readers`']);
  });

  test('are in the main document, with their grants', () => {
    const document = usersDocument([], [], [{ name: 'readers', grants: [{ privileges: ['SELECT'], database: 'events' }, { source: 'S3', access: ['READ'], urlPrefix: 'https://feeds.s3.eu-central-1.amazonaws.com/' }] }]);
    expect(all(document, 'roles', 'readers', 'grants', 'query').map((each) => textAt(each))).toEqual([
      'GRANT SELECT ON `events`.*', expect.stringMatching(/^GRANT READ ON S3/), 'GRANT CREATE TEMPORARY TABLE ON *.*',
    ]);
    expect(at(usersDocument(), 'roles')).toBeUndefined();
  });

  test.each<[string, () => unknown, string]>([
    ['twice for a user', () => userDocument({ name: 'a', roles: ['b', 'b'] }), 'DuplicateName'],
    ['a bad name for a user', () => userDocument({ name: 'a', roles: ['b`, SELECT ON *.* TO a; --'] }), 'Name'],
    ['twice', () => usersDocument([], [], [{ name: 'b', grants: [{ privileges: ['SELECT'], database: 'd' }] }, { name: 'b', grants: [{ privileges: ['SELECT'], database: 'd' }] }]), 'DuplicateName'],
    ['without grants', () => usersDocument([], [], [{ name: 'b', grants: [] }]), 'RoleGrants'],
    ['a bad name', () => usersDocument([], [], [{ name: 'B', grants: [{ privileges: ['SELECT'], database: 'd' }] }]), 'Name'],
    ['management of access', () => usersDocument([], [], [{ name: 'b', grants: [{ privileges: ['ROLE ADMIN'], database: 'd' }] }]), 'Privilege'],
  ])('%s: refused', (_, call, code) => {
    expect(codeOf(call)).toBe(code);
  });
});

test('a user without grants may do nothing', () => {
  for (const grants of [undefined, []]) {
    expect(all(userDocument({ name: 'ingest', grants }), 'users', 'ingest', 'grants', 'query').map((each) => textAt(each))).toEqual(['GRANT NONE ON *.*']);
  }
});

test('grants are rendered in order', () => {
  const document = userDocument({ name: 'ingest', grants: [{ privileges: ['INSERT'], database: 'events' }, { privileges: ['SELECT'], database: 'events', table: 'clicks', columns: ['at', 'page'] }] });
  expect(all(document, 'users', 'ingest', 'grants', 'query').map((each) => textAt(each))).toEqual(['GRANT INSERT ON `events`.*', 'GRANT SELECT(`at`, `page`) ON `events`.`clicks`']);
});

test('networks are the given ones, or the hole, and those that passwords are rotated from', () => {
  const given = at(userDocument({ name: 'a', networks: ['10.0.0.0/16', '192.168.0.0/24'] }), 'users', 'a', 'networks');
  expect(given && childElements(given).map((each) => textAt(each))).toEqual(['10.0.0.0/16', '192.168.0.0/24']);
  expect(holeAt(userDocument({ name: 'a' }), 'users', 'a', 'networks')).toBe('clientNetworks');
  // a rotation has to see for itself that the new password works.
  expect(given?.children).toContainEqual({ hole: 'rotationNetworks' });
});

test.each([['0.0.0.0/0', 'PublicNetwork'], ['::/0', 'PublicNetwork'], ['8.8.8.8/32', 'PublicNetwork'], ['10.0.0.0/7', 'PublicNetwork'], ['10.0.0.0', 'Cidr'], ['%', 'Cidr'], ['', 'Cidr']])('the network %j is refused', (network, code) => {
  expect(codeOf(() => userDocument({ name: 'a', networks: ['10.0.0.0/16', network] }))).toBe(code);
});

test('no networks at all would shut the user out', () => {
  expect(codeOf(() => userDocument({ name: 'a', networks: [] }))).toBe('UserNetworks');
});

test.each(['default', 'node_maintenance', 'interserver', 'system', 'root', 'extra-tuning'])('%s is reserved', (reserved) => {
  expect(codeOf(() => userDocument({ name: reserved }))).toBe('ReservedName');
});

test.each(['', 'Ingest', 'DEFAULT', 'in gest', 'in.gest', '1a', 'a-', 'a/b', '../a', 'a:b', 'é', 'a\n', 'a'.repeat(33), '__proto__', 'a}', undefined, 5])('%j is not a name', (bad) => {
  expect(codeOf(() => userDocument({ name: bad as string }))).toBe('Name');
  expect(codeOf(() => userDocument({ name: 'a', profile: (bad ?? 5) as string }))).toBe('Name');
  expect(codeOf(() => userDocument({ name: 'a', quota: (bad ?? 5) as string }))).toBe('Name');
});

describe('the users document', () => {
  const document = usersDocument();

  test('has no default user, only the node-local one', () => {
    expect(childElements(at(document, 'users') ?? document).map((each) => each.name)).toEqual(['node_maintenance']);
  });

  test('lets the node-local account in from loopback only, with a hash that is random for every boot', () => {
    expect(all(document, 'users', 'node_maintenance', 'networks', 'ip').map((each) => textAt(each))).toEqual(['127.0.0.1', '::1']);
    expect(holeAt(document, 'users', 'node_maintenance', 'password_sha256_hex')).toBe('maintenanceHash');
    expect(openHoles(renderXml(document))).toEqual(['maintenanceHash']);
  });

  test('gives the node-local account no way to data, users or sources', () => {
    const granted = all(document, 'users', 'node_maintenance', 'grants', 'query').map((each) => textAt(each) ?? '');
    expect(granted).toEqual([...MAINTENANCE_GRANTS]);
    for (const grant of granted) {
      expect(grant).toMatch(/^GRANT (SHOW DATABASES, SHOW TABLES, CREATE DATABASE ON \*\.\*|SYSTEM RELOAD CONFIG, SYSTEM RELOAD USERS ON \*\.\*|TABLE ENGINE ON (Replicated|Atomic)|SELECT ON system\.[a-z_]+)$/);
      expect(grant).not.toMatch(/query_log|session_log|users|processes/);
    }
  });

  test('holds everybody to limits that cannot be lifted, not even with 0', () => {
    const profile = at(document, 'profiles', 'default') ?? document;
    for (const setting of ['max_execution_time', 'max_memory_usage', 'max_memory_usage_for_user', 'max_concurrent_queries_for_user', 'max_result_rows', 'max_result_bytes', 'max_sessions_for_user', 'max_temporary_data_on_disk_size_for_user', 'idle_connection_timeout', 'http_max_multipart_form_data_size']) {
      const value = textAt(profile, setting);
      expect(Number(value)).toBeGreaterThan(0);
      expect([textAt(profile, 'constraints', setting, 'disallowed'), textAt(profile, 'constraints', setting, 'max')]).toEqual(['0', value]);
    }
  });

  test.each(PINNED_SETTINGS.map((pin) => [pin.name, String(pin.value)]))('pins %s to %j for everybody', (setting, value) => {
    expect(textAt(document, 'profiles', 'default', setting)).toBe(value);
    expect(at(document, 'profiles', 'default', 'constraints', setting, 'const')).toBeDefined();
  });

  test('the settings that the audit trail and the role of the instance hang on are pinned', () => {
    const pinned = PINNED_SETTINGS.map((pin) => pin.name);
    expect(pinned).toEqual(expect.arrayContaining(['log_queries', 'log_queries_min_type', 'log_queries_probability', 's3_allow_server_credentials_in_user_queries', 'compatibility', 'allow_introspection_functions', 'add_http_cors_header', 'http_response_headers']));
  });

  test('the limits of people do not stop the work of the server', () => {
    const system = at(document, 'profiles', 'system') ?? document;
    for (const setting of ['max_execution_time', 'max_memory_usage', 'max_result_rows', 'readonly', 'constraints']) expect(names(system)).not.toContain(setting);
    expect(textAt(system, 'http_max_multipart_form_data_size')).toBe(String(DEFAULT_PROFILE_SETTINGS.maxHttpFormBytes));
    expect(textAt(system, 'http_headers_read_timeout')).toBe('15');
  });
});

describe('declared profiles', () => {
  const rendered = (...profiles: ProfileModel[]) => usersDocument(profiles);
  const limitsOf = (document: XmlElement, profile: string) => at(document, 'profiles', profile) ?? document;

  test('build on the default one and only say what they change', () => {
    const profile = limitsOf(rendered({ name: 'reports', settings: { maxExecutionSeconds: 30 } }), 'reports');
    expect(childElements(profile).map((each) => each.name)).toEqual(['profile', 'max_execution_time', 'constraints']);
    expect(textAt(profile, 'profile')).toBe('default');
    expect([textAt(profile, 'constraints', 'max_execution_time', 'disallowed'), textAt(profile, 'constraints', 'max_execution_time', 'max')]).toEqual(['0', '30']);
  });

  test('one called default changes the limits of everybody and lifts none', () => {
    const profile = limitsOf(rendered({ name: 'default', settings: { maxExecutionSeconds: 30, maxMemoryBytes: undefined } }), 'default');
    expect(textAt(profile, 'max_execution_time')).toBe('30');
    expect(textAt(profile, 'max_memory_usage')).toBe(String(DEFAULT_PROFILE_SETTINGS.maxMemoryBytes));
    expect(all(rendered({ name: 'default' }), 'profiles', 'default')).toHaveLength(1);
  });

  test('read-only is 2 and stays', () => {
    const profile = limitsOf(rendered({ name: 'reports', settings: { readOnly: true } }), 'reports');
    expect(textAt(profile, 'readonly')).toBe('2');
    expect(at(profile, 'constraints', 'readonly', 'const')).toBeDefined();
  });

  test.each<[string, ProfileModel[], string]>([
    ['the same name twice', [{ name: 'a' }, { name: 'a' }], 'DuplicateName'],
    ['the name of the system profile', [{ name: 'system' }], 'ReservedName'],
    ['the name of the node-local profile', [{ name: 'node_maintenance' }], 'ReservedName'],
    ['a bad name', [{ name: 'A' }], 'Name'],
    ['no limit', [{ name: 'a', settings: { maxExecutionSeconds: 0 } }], 'SettingRange'],
    ['a fraction', [{ name: 'a', settings: { maxResultRows: 1.5 } }], 'SettingRange'],
    ['a negative limit', [{ name: 'a', settings: { maxMemoryBytes: -1 } }], 'SettingRange'],
    ['no number', [{ name: 'a', settings: { maxReadRows: NaN } }], 'SettingRange'],
    ['a text', [{ name: 'a', settings: { maxReadBytes: '5' as unknown as number } }], 'SettingRange'],
    ['a misspelt limit', [{ name: 'a', settings: { maxExecutionSecond: 5 } as object }], 'UnknownSetting'],
    ['a read-only that is no boolean', [{ name: 'a', settings: { readOnly: 'no' as unknown as boolean } }], 'SettingRange'],
  ])('%s is refused', (_, profiles, code) => {
    expect(codeOf(() => usersDocument(profiles))).toBe(code);
  });
});

describe('declared quotas', () => {
  test('render every limit of every interval', () => {
    const document = usersDocument([], [{ name: 'hourly', intervals: [{ durationSeconds: 3600, queries: 5, errors: 4, resultRows: 3, readRows: 2, executionSeconds: 1 }, { durationSeconds: 60, queries: 1 }] }]);
    expect(all(document, 'quotas', 'hourly', 'interval').map((interval) => childElements(interval).map((each) => `${each.name}=${textAt(each)}`).join())).toEqual([
      'duration=3600,queries=5,errors=4,result_rows=3,read_rows=2,execution_time=1',
      'duration=60,queries=1',
    ]);
    expect(all(document, 'quotas', 'default')).toHaveLength(1);
  });

  test('one called default takes the place of ours', () => {
    const document = usersDocument([], [{ name: 'default', intervals: [{ durationSeconds: 60, queries: 1 }] }]);
    expect(all(document, 'quotas', 'default', 'interval', 'queries').map((each) => textAt(each))).toEqual(['1']);
    expect(all(document, 'quotas', 'default')).toHaveLength(1);
  });

  test.each<[string, QuotaModel[], string]>([
    ['no interval', [{ name: 'a', intervals: [] }], 'QuotaInterval'],
    ['two of a length', [{ name: 'a', intervals: [{ durationSeconds: 60 }, { durationSeconds: 60 }] }], 'QuotaInterval'],
    ['no length', [{ name: 'a', intervals: [{ durationSeconds: 0 }] }], 'SettingRange'],
    ['no limit', [{ name: 'a', intervals: [{ durationSeconds: 60, queries: 0 }] }], 'SettingRange'],
    ['a lock-out', [{ name: 'a', intervals: [{ durationSeconds: 60, failedSequentialAuthentications: 3 } as QuotaModel['intervals'][number]] }], 'QuotaLockOut'],
    ['the same name twice', [{ name: 'a', intervals: [{ durationSeconds: 60 }] }, { name: 'a', intervals: [{ durationSeconds: 60 }] }], 'DuplicateName'],
    ['a bad name', [{ name: 'a b', intervals: [{ durationSeconds: 60 }] }], 'Name'],
  ])('%s is refused', (_, quotas, code) => {
    expect(codeOf(() => usersDocument([], quotas))).toBe(code);
  });
});
