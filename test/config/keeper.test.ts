import { openHoles } from '../../lib/config/holes';
import { keeperDocument } from '../../lib/config/keeper';
import { layOut } from '../../lib/config/topology';
import { renderXml } from '../../lib/config/xml';
import { all, codeOf, holeAt, names, textAt } from './oracle';

const size = { clusterName: 'analytics', zoneName: 'analytics.clickhouse.internal' };
const THREE = layOut({ ...size, shards: 2, replicas: 2, keepers: 3 });
const document = keeperDocument(THREE);

test('one document serves every Keeper, whatever the servers', () => {
  expect(renderXml(keeperDocument(layOut({ ...size, shards: 9, replicas: 3, keepers: 3 })))).toBe(renderXml(document));
  expect(openHoles(renderXml(document)).sort()).toEqual(['nodeIp', 'serverId']);
});

test.each(['tcp_port', 'http_control', 'prometheus', 'http_port', 'superdigest', 'force_recovery', 'include_from', 'identity'])('%s is absent', (name) => {
  expect(names(document)).not.toContain(name);
});

test.each([
  [['keeper_server', 'tcp_port_secure'], '9281'],
  [['keeper_server', 'raft_configuration', 'secure'], 'true'],
  [['keeper_server', 'four_letter_word_white_list'], 'ruok,mntr,srvr,isro'],
  [['keeper_server', 'coordination_settings', 'force_sync'], 'true'],
  [['keeper_server', 'enable_reconfiguration'], 'false'],
  [['openSSL', 'server', 'verificationMode'], 'strict'],
  [['openSSL', 'client', 'verificationMode'], 'strict'],
  [['openSSL', 'server', 'loadDefaultCAFile'], 'false'],
  [['openSSL', 'client', 'loadDefaultCAFile'], 'false'],
  [['openSSL', 'server', 'extendedVerification'], 'true'],
  [['send_crash_reports', 'enabled'], 'false'],
  [['logger', 'level'], 'information'],
])('%j is %j', (path, value) => {
  expect(textAt(document, ...path)).toBe(value);
});

test('listens on the address of the node only, Raft too', () => {
  expect(all(document, 'listen_host').map((each) => holeAt(each))).toEqual(['nodeIp']);
  expect(all(document, 'interserver_listen_host').map((each) => holeAt(each))).toEqual(['nodeIp']);
  expect(renderXml(document)).not.toMatch(/0\.0\.0\.0|127\.0\.0\.1|localhost|>::/);
});

test('lists every Keeper with its identity', () => {
  expect(holeAt(document, 'keeper_server', 'server_id')).toBe('serverId');
  expect(all(document, 'keeper_server', 'raft_configuration', 'server').map((each) => [textAt(each, 'id'), textAt(each, 'hostname'), textAt(each, 'port')])).toEqual([
    ['1', 'keeper-1.analytics.clickhouse.internal', '9444'],
    ['2', 'keeper-2.analytics.clickhouse.internal', '9444'],
    ['3', 'keeper-3.analytics.clickhouse.internal', '9444'],
  ]);
});

test('without Keepers there is no document', () => {
  expect(codeOf(() => keeperDocument(layOut({ ...size, shards: 1, replicas: 1, keepers: 0 })))).toBe('NoKeepers');
});
