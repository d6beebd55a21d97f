import { AUDIT_LOGS, MASKING_RULES, OPERATION_LOGS, queryMasking, systemLogs, textLog } from '../../lib/config/logs';
import { completeServerSettings } from '../../lib/config/settings';
import { all, textAt } from './oracle';

/** Masks as ClickHouse does. The rules keep to what RE2 and JavaScript share; the `(?i)` at the start is JavaScript's `i` flag. */
function masked(query: string): string {
  return MASKING_RULES.reduce((text, { regexp, replace }) => {
    const flags = regexp.startsWith('(?i)') ? 'gi' : 'g';
    return text.replace(new RegExp(regexp.replace(/^\(\?i\)/, ''), flags), replace.replace(/\$/g, '$$$$').replace(/\\(\d)/g, '$$$1'));
  }, query);
}

test.each([
  ["SELECT encrypt('aes-256-gcm', body, 'hunter2hunter2', iv)", 'SELECT encrypt(???)'],
  ["SELECT aes_decrypt_mysql('aes-128-ecb', x, 'hunter2')", 'SELECT aes_decrypt_mysql(???)'],
  ["ALTER USER u IDENTIFIED WITH sha256_password BY 'hunter2'", "ALTER USER u IDENTIFIED WITH sha256_password BY '[HIDDEN]'"],
  ["SELECT 1 WHERE password = 'hunter2' AND a = 'b'", "SELECT 1 WHERE password = '[HIDDEN]' AND a = 'b'"],
  ["SELECT map('api_key', 'hunter2')", "SELECT map('api_key', '[HIDDEN]')"],
  ["SELECT * FROM url('https://u:hunter2@host/x', 'CSV')", "SELECT * FROM url('https://u:[HIDDEN]@host/x', 'CSV')"],
  ["SELECT 'AKIAABCDEFGHIJKLMNOP'", "SELECT 'AKIA[HIDDEN]'"],
  ["headers('Authorization'='Bearer hunter2hunter2')", "headers('Authorization'='Bearer [HIDDEN]')"],
  ["SELECT secret = 'it\\'s hunter2' FROM t", "SELECT secret = '[HIDDEN]' FROM t"],
])('%s', (query, expected) => {
  expect(masked(query)).toBe(expected);
  expect(masked(query)).not.toContain('hunter2');
});

test.each(["SELECT token FROM t WHERE id = '5'", "SELECT 'it''s', basic FROM t", 'SELECT count() FROM events.clicks', "SELECT * FROM url('https://example.com:443/a@b', 'CSV')"])('%s stays as it is', (query) => {
  expect(masked(query)).toBe(query);
});

test('no rule takes long on a hostile query', () => {
  for (const piece of ["'", "\\'", 'password=', "password='", 'encrypt(', "encrypt('", 'a://', '(', 'bearer ']) expect(masked(piece.repeat(2000)).length).toBeGreaterThan(0);
});

test('rules are rendered with their three parts', () => {
  expect(all(queryMasking(), 'rule').map((rule) => ({ name: textAt(rule, 'name'), regexp: textAt(rule, 'regexp'), replace: textAt(rule, 'replace') }))).toEqual([...MASKING_RULES]);
});

test('every log ends, and the audit trail lasts longer', () => {
  const logs = systemLogs(completeServerSettings({ auditLogRetentionDays: 40, metricLogRetentionDays: 5 }));
  const ttl = Object.fromEntries(logs.map((log) => [log.name, textAt(log, 'ttl')]));
  for (const name of AUDIT_LOGS) expect(ttl[name]).toBe('event_date + INTERVAL 40 DAY DELETE');
  for (const name of OPERATION_LOGS) expect(ttl[name]).toBe('event_date + INTERVAL 5 DAY DELETE');
  expect(logs.every((log) => textAt(log, 'database') === 'system' && textAt(log, 'table') === log.name)).toBe(true);
});

test('the text log is bounded', () => {
  const log = textLog('/var/log/x', 'x', 'warning');
  expect([textAt(log, 'level'), textAt(log, 'log'), textAt(log, 'size'), textAt(log, 'count')]).toEqual(['warning', '/var/log/x/x.log', '100M', '10']);
});
