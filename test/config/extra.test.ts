import * as fc from 'fast-check';
import { acceptExtraDocument, definedProfiles, definedQuotas, inheritedProfiles } from '../../lib/config/extra';
import { DECIDED_SETTINGS, PINNED_SETTINGS } from '../../lib/config/profiles';
import { PROTECTED_SERVER_SETTINGS } from '../../lib/config/protected';
import { serverDocument } from '../../lib/config/server';
import { layOut } from '../../lib/config/topology';
import { childElements, renderXml } from '../../lib/config/xml';
import { codeOf } from './oracle';

const server = (xml: string) => acceptExtraDocument('server', 'tuning', xml);
const users = (xml: string) => acceptExtraDocument('users', 'tuning', xml);
const SETTINGS = PROTECTED_SERVER_SETTINGS.map((each) => each.setting);

describe('a protected setting of the server, wherever it hides', () => {
  const hidings: [string, (setting: string) => string][] = [
    ['plain', (setting) => `<clickhouse><${setting}>1</${setting}></clickhouse>`],
    ['empty', (setting) => `<clickhouse><${setting}/></clickhouse>`],
    ['a section', (setting) => `<clickhouse><${setting}><a>1</a></${setting}></clickhouse>`],
    ['replace', (setting) => `<clickhouse><${setting} replace="replace">1</${setting}></clickhouse>`],
    ['remove', (setting) => `<clickhouse><${setting} remove="remove"/></clickhouse>`],
    ['remove="1"', (setting) => `<clickhouse><${setting} remove="1"/></clickhouse>`],
    ['an include', (setting) => `<clickhouse><${setting} incl="x"/></clickhouse>`],
    ['the environment', (setting) => `<clickhouse><${setting} from_env="X"/></clickhouse>`],
    ['beside something harmless', (setting) => `<clickhouse><mark_cache_size>1</mark_cache_size><${setting}>1</${setting}></clickhouse>`],
    ['in a harmless section', (setting) => `<clickhouse><merge_tree><${setting}><a>1</a></${setting}></merge_tree></clickhouse>`],
    ['deep in a section', (setting) => `<clickhouse><compression><case><${setting}>1</${setting}></case></compression></clickhouse>`],
    ['in an unknown section', (setting) => `<clickhouse><something><else><${setting}>1</${setting}></else></something></clickhouse>`],
    ['a second root inside', (setting) => `<clickhouse><clickhouse><${setting}>1</${setting}></clickhouse></clickhouse>`],
    ['the old root', (setting) => `<yandex><${setting}>1</${setting}></yandex>`],
    ['the old root inside', (setting) => `<clickhouse><yandex><${setting}>1</${setting}></yandex></clickhouse>`],
    ['another root', (setting) => `<${setting}>1</${setting}>`],
    ['an upper-case root', (setting) => `<CLICKHOUSE><${setting}>1</${setting}></CLICKHOUSE>`],
    ['two roots', (setting) => `<clickhouse/><clickhouse><${setting}>1</${setting}></clickhouse>`],
    ['after the root', (setting) => `<clickhouse></clickhouse><${setting}>1</${setting}>`],
    ['replacing the root', (setting) => `<clickhouse replace="1"><${setting}>1</${setting}></clickhouse>`],
    ['in upper case', (setting) => `<clickhouse><${setting.toUpperCase()}>1</${setting.toUpperCase()}></clickhouse>`],
    ['after a comment', (setting) => `<clickhouse><!-- harmless --><${setting}>1</${setting}><!-- > --></clickhouse>`],
    ['after a comment that seems to hold it', (setting) => `<clickhouse><!-- <a> --><${setting}>1</${setting}><!-- </a> --></clickhouse>`],
    ['with CDATA', (setting) => `<clickhouse><${setting}><![CDATA[1]]></${setting}></clickhouse>`],
    ['with references', (setting) => `<clickhouse><${setting}>&#49;</${setting}></clickhouse>`],
    ['with blanks in the tags', (setting) => `<clickhouse><${setting}\n\t>1</${setting}\n></clickhouse>`],
    ['after a byte order mark', (setting) => `\uFEFF<?xml version="1.0"?><clickhouse><${setting}>1</${setting}></clickhouse>`],
    ['as an entity', (setting) => `<!DOCTYPE clickhouse [<!ENTITY x "<${setting}>1</${setting}>">]><clickhouse>&x;</clickhouse>`],
    ['as an external entity', (setting) => `<!DOCTYPE clickhouse [<!ENTITY x SYSTEM "/tmp/${setting}.xml">]><clickhouse>&x;</clickhouse>`],
    ['with a name by reference', (setting) => `<clickhouse><&#${setting.charCodeAt(0)};${setting.slice(1)}>1</${setting}></clickhouse>`],
    ['with a name split by a comment', (setting) => `<clickhouse><${setting.slice(0, 2)}<!-- -->${setting.slice(2)}>1</${setting}></clickhouse>`],
    ['with a namespace', (setting) => `<clickhouse xmlns:c="c"><c:${setting}>1</c:${setting}></clickhouse>`],
    ['with a path as name', (setting) => `<clickhouse><merge_tree.${setting}>1</merge_tree.${setting}></clickhouse>`],
    ['behind an unclosed CDATA', (setting) => `<clickhouse><mark_cache_size><![CDATA[1]]>1</mark_cache_size><${setting}/>]]></clickhouse>`],
    ['in trailing garbage', (setting) => `<clickhouse/>]]><${setting}>1</${setting}>`],
  ];

  test.each(hidings)('%s', (_, hide) => {
    for (const setting of SETTINGS) expect(`${setting}: ${codeOf(() => server(hide(setting)))}`).toMatch(/: (ProtectedSetting|Extra[A-Z]\w+)$/);
  });

  test('is named in the error, with its path and the reason', () => {
    expect(() => server('<clickhouse><http_port>8123</http_port></clickhouse>')).toThrow(
      "the extra document 'tuning' sets 'http_port' (clickhouse/http_port), which is protected: it opens or moves a listener, and every listener is TLS on a fixed port; remove it",
    );
    expect(() => server('<clickhouse><merge_tree><users><default/></users></merge_tree></clickhouse>')).toThrow("'users' (clickhouse/merge_tree/users)");
    for (const { setting, why } of PROTECTED_SERVER_SETTINGS) {
      const message = setting.startsWith('config') ? setting : `sets '${setting}' (clickhouse/${setting}), which is protected: ${why}`;
      expect(() => server(`<clickhouse><${setting}>1</${setting}></clickhouse>`)).toThrow(message);
    }
  });

  test('the whole of our own document is protected, operational logs aside', () => {
    const own = serverDocument(layOut({ clusterName: 'a', zoneName: 'a.b', shards: 2, replicas: 2, keepers: 3 }));
    const open = childElements(own).map((each) => each.name).filter((name) => codeOf(() => server(`<clickhouse><${name}>1</${name}></clickhouse>`)) === 'nothing was thrown');
    expect(open.sort()).toEqual(['asynchronous_metric_log', 'error_log', 'metric_log', 'part_log']);
  });

  test.each(['new_thing_port', 'port_of_something', 'listen_everywhere', 'http_handlers_2', 'my_password', 'a_token', 'ssl_mode', 'enable_cors', 'tls13', 'oauth', 'unheard_of', 'x'])('%s, which nobody knows', (name) => {
    expect(codeOf(() => server(`<clickhouse><${name}>1</${name}></clickhouse>`))).toBe('ProtectedSetting');
    expect(codeOf(() => server(`<clickhouse><${name}><a>1</a></${name}></clickhouse>`))).toBe('ProtectedSetting');
  });

  test('any name that is not on the list of harmless ones is refused', () => {
    fc.assert(fc.property(fc.stringMatching(/^[a-z][a-z_]{0,15}$/), (name) => {
      const outcome = codeOf(() => server(`<clickhouse><${name}>1</${name}></clickhouse>`));
      if (!/_(size|policy|ratio|limit|entries)$|^(merge_tree|replicated_merge_tree|distributed|compression|timezone|display_name)$/.test(name)) expect(outcome).toBe('ProtectedSetting');
    }));
  });
});

describe('attributes', () => {
  test.each(['incl', 'from_env', 'from_zk', 'encrypted_by', 'hide_in_preprocessed', 'optional', 'unheard_of', 'Replace', 'merge', '__proto__', 'constructor', 'toString'])('%s is refused on a harmless setting', (attribute) => {
    expect(codeOf(() => server(`<clickhouse><mark_cache_size ${attribute}="x">1</mark_cache_size></clickhouse>`))).toBe('ExtraAttribute');
    expect(codeOf(() => server(`<clickhouse><compression><case ${attribute}="x"/></compression></clickhouse>`))).toBe('ExtraAttribute');
    expect(codeOf(() => server(`<clickhouse ${attribute}="x"/>`))).toBe('ExtraAttribute');
    expect(codeOf(() => users(`<clickhouse><profiles><a ${attribute}="x"/></profiles></clickhouse>`))).toBe('ExtraAttribute');
  });

  test.each(['replace', 'remove'])('%s is accepted on a harmless setting and on nothing above', (attribute) => {
    expect(server(`<clickhouse><merge_tree ${attribute}="1"/></clickhouse>`).children).toHaveLength(1);
    expect(codeOf(() => server(`<clickhouse ${attribute}="1"><mark_cache_size>1</mark_cache_size></clickhouse>`))).toBe('ExtraAttribute');
    for (const section of ['profiles', 'quotas']) expect(codeOf(() => users(`<clickhouse><${section} ${attribute}="1"/></clickhouse>`))).toBe('ExtraAttribute');
    expect(codeOf(() => users(`<clickhouse><profiles><default ${attribute}="1"/></profiles></clickhouse>`))).toBe('ProtectedSetting');
  });
});

describe('includes', () => {
  test.each([
    '<clickhouse><include incl="x"/></clickhouse>',
    '<clickhouse><include from_zk="/x"/></clickhouse>',
    '<clickhouse><include_from>/tmp/x.xml</include_from></clickhouse>',
    '<clickhouse><merge_tree><include incl="x"/></merge_tree></clickhouse>',
    '<clickhouse><merge_tree incl="x"/></clickhouse>',
  ])('%s', (xml) => {
    expect(codeOf(() => server(xml))).toMatch(/^(ProtectedSetting|ExtraAttribute)$/);
    expect(codeOf(() => users(xml))).toMatch(/^(ProtectedSetting|ExtraAttribute)$/);
  });
});

test.each<[string, string]>([
  ['nothing', '<clickhouse/>'],
  ['caches, pools and limits', '<clickhouse><mark_cache_size>5368709120</mark_cache_size><background_pool_size>16</background_pool_size><max_concurrent_select_queries>50</max_concurrent_select_queries></clickhouse>'],
  ['table settings', '<clickhouse><merge_tree><max_suspicious_broken_parts>5</max_suspicious_broken_parts><max_concurrent_queries>100</max_concurrent_queries></merge_tree></clickhouse>'],
  ['compression', '<clickhouse><compression><case><min_part_size>1</min_part_size><min_part_size_ratio>0.1</min_part_size_ratio><method>zstd</method></case><case><method>lz4</method></case></compression></clickhouse>'],
  ['the retention of an operational log', '<clickhouse><part_log><ttl>event_date + INTERVAL 3 DAY</ttl></part_log></clickhouse>'],
  ['a time zone with a declaration and a comment', '<?xml version="1.0"?>\n<!-- ours -->\n<clickhouse>\n  <timezone>UTC</timezone>\n</clickhouse>\n'],
])('a server document with %s is accepted', (_, xml) => {
  expect(server(xml).name).toBe('clickhouse');
});

test.each([
  ['a place for data', '<clickhouse><merge_tree><storage_policy>x</storage_policy></merge_tree></clickhouse>'],
  ['a disk', "<clickhouse><merge_tree><disk>disk(type=s3, endpoint='https://example.com')</disk></merge_tree></clickhouse>"],
  ['the engine of a log, which can send it away', "<clickhouse><part_log><engine>ENGINE = URL('https://example.com/')</engine></part_log></clickhouse>"],
  ['a section where a value belongs', '<clickhouse><mark_cache_size><a>1</a></mark_cache_size></clickhouse>'],
  ['a setting twice', '<clickhouse><mark_cache_size>1</mark_cache_size><mark_cache_size>2</mark_cache_size></clickhouse>'],
  ['a text', '<clickhouse>text</clickhouse>'],
])('a server document with %s is refused', (_, xml) => {
  expect(codeOf(() => server(xml))).toMatch(/^(ProtectedSetting|ExtraRoot)$/);
});

describe('users documents', () => {
  test.each([
    '<users><default><password/></default></users>',
    '<users><default><no_password/></default></users>',
    '<users><ingest><networks replace="1"><ip>::/0</ip></networks></ingest></users>',
    '<users><ingest><access_management>1</access_management></ingest></users>',
    '<users><node_maintenance remove="remove"/></users>',
    '<users/>',
    '<users replace="replace"/>',
    '<roles><admin><grants><query>GRANT ALL ON *.*</query></grants></admin></roles>',
    '<user_directories><local_directory><path>/tmp/</path></local_directory></user_directories>',
    '<USERS/>',
    '<http_port>8123</http_port>',
    '<allow_no_password>1</allow_no_password>',
    '<clickhouse><users/></clickhouse>',
    '<profiles><default><max_threads>1</max_threads></default></profiles>',
    '<profiles><system><max_threads>1</max_threads></system></profiles>',
    '<profiles><node_maintenance/></profiles>',
    '<profiles><a><profile>system</profile></a></profiles>',
    '<profiles><a><constraints><max_threads><changeable_in_readonly/></max_threads></constraints></a></profiles>',
    '<profiles><a><constraints replace="1"/></a></profiles>',
    '<profiles><a><max_threads><x/></max_threads></a></profiles>',
    '<profiles><a>text</a></profiles>',
    '<profiles><a/><a/></profiles>',
    '<profiles><a/></profiles><profiles><b/></profiles>',
    '<profiles><a><constraints/><constraints/></a></profiles>',
    '<profiles><a><MAX_THREADS>1</MAX_THREADS></a></profiles>',
    '<profiles><a><default_view_definer>x</default_view_definer></a></profiles>',
    '<profiles><a><default_normal_view_sql_security>NONE</default_normal_view_sql_security></a></profiles>',
    '<profiles><a><allow_unrestricted_reads_from_keeper>1</allow_unrestricted_reads_from_keeper></a></profiles>',
    '<quotas><default><interval><duration>1</duration></interval></default></quotas>',
    '<quotas><a><interval><duration>60</duration><failed_sequential_authentications>3</failed_sequential_authentications></interval></a></quotas>',
    '<quotas><a><keyed_by_forwarded_ip/></a></quotas>',
    '<quotas><a><interval><duration>60</duration><unheard_of>3</unheard_of></interval></a></quotas>',
  ])('%s is refused', (xml) => {
    expect(codeOf(() => users(`<clickhouse>${xml}</clickhouse>`))).toMatch(/^(ProtectedSetting|ExtraAttribute)$/);
  });

  test.each(DECIDED_SETTINGS)('%s cannot be set, nor constrained anew', (setting) => {
    for (const xml of [`<${setting}>1</${setting}>`, `<${setting}/>`, `<constraints><${setting}><max>99</max></${setting}></constraints>`, `<constraints><${setting}/></constraints>`]) {
      expect(codeOf(() => users(`<clickhouse><profiles><a>${xml}</a></profiles></clickhouse>`))).toBe('ProtectedSetting');
    }
  });

  test('the error says what a pinned setting would allow', () => {
    for (const { name, why } of PINNED_SETTINGS) expect(() => users(`<clickhouse><profiles><a><${name}>1</${name}></a></profiles></clickhouse>`)).toThrow(why);
    expect(() => users('<clickhouse><users/></clickhouse>')).toThrow(/typed model/);
  });

  test('profiles and quotas are accepted and found', () => {
    const accepted = users(
      '<clickhouse><profiles><bursts><profile>default</profile><profile>reports</profile><max_threads>2</max_threads><constraints><max_threads><min>1</min><max>4</max></max_threads></constraints></bursts></profiles>' +
        '<quotas><few><keyed/><interval><duration>60</duration><queries>5</queries></interval><interval><duration>3600</duration></interval></few></quotas></clickhouse>',
    );
    expect(definedProfiles(accepted)).toEqual(['bursts']);
    expect(inheritedProfiles(accepted)).toEqual(['default', 'reports']);
    expect(definedQuotas(accepted)).toEqual(['few']);
  });
});

test('what is accepted is written as it was checked', () => {
  const xml = '<?xml version="1.0"?><clickhouse><!-- <http_port>8123</http_port> --><display_name><![CDATA[<http_port>8123</http_port>]]></display_name></clickhouse>';
  expect(renderXml(server(xml))).toBe('<clickhouse>\n  <display_name>&lt;http_port&gt;8123&lt;/http_port&gt;</display_name>\n</clickhouse>\n');
});

test('a text cannot become a hole that the node fills with a secret', () => {
  expect(renderXml(server('<clickhouse><display_name>@{clusterSecret}&#64;{clusterSecret}</display_name></clickhouse>'))).not.toContain('@{');
});

test.each(['', 'A', '../x', 'a b', 'a/b', 'a.xml', 'a\n'])('%j is no name of a document', (name) => {
  expect(codeOf(() => acceptExtraDocument('server', name, '<clickhouse/>'))).toBe('Name');
});

test('a syntax error names the document and the place', () => {
  expect(() => server('<clickhouse><a></clickhouse>')).toThrow(/the extra document 'tuning' cannot be read: .*line 1, column/);
});
