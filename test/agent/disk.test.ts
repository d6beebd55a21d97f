import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Disk } from '../../lib/agent/disk';
import { DISK, isAlready, kindOf, removeFile, tidy, replaceFile } from '../../lib/agent/disk';
import { removeDocument, writeDocument, writtenDocument, writtenUsers } from '../../lib/agent/credentials/files';

let directory: string;
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'users-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);
const seconds = (name: string): number => Math.floor(statSync(at(name)).mtimeMs / 1000);

test('a new file has the text, the mode and the owner it was given, and nothing is left beside it', () => {
  replaceFile(DISK, at('ingest.xml'), '<clickhouse/>', owner);
  const { mode, uid, gid } = statSync(at('ingest.xml'));
  expect([mode & 0o7777, uid, gid]).toEqual([0o640, owner.uid, owner.gid]);
  expect(readFileSync(at('ingest.xml'), 'utf8')).toBe('<clickhouse/>');
  expect(readdirSync(directory)).toEqual(['ingest.xml']);
});

test.each([
  ['an hour ago', -3600],
  ['now', 0],
  ['in ten years, as a clock once said', 315_360_000],
])('whatever replaces a file of %s is at least a whole second younger', (_, offset) => {
  for (let i = 0, last = 0; i < 5; i++) {
    replaceFile(DISK, at('ingest.xml'), String(i), owner);
    if (i === 0) {
      const time = Math.floor(Date.now() / 1000) + offset;
      utimesSync(at('ingest.xml'), time, time);
    } else expect(seconds('ingest.xml')).toBeGreaterThan(last);
    last = seconds('ingest.xml');
  }
});

test('a reader never sees anything but a whole text', () => {
  const texts = ['a'.repeat(200_000), 'b'.repeat(100_000)];
  replaceFile(DISK, at('ingest.xml'), texts[0] ?? '', owner);
  const seen = new Set<string>();
  const look = (): void => void seen.add(readFileSync(at('ingest.xml'), 'utf8'));
  const around = <A extends unknown[], T>(act: (...args: A) => T) => (...args: A): T => {
    look();
    const result = act(...args);
    look();
    return result;
  };
  const watching: Disk = {
    ...DISK,
    create: (path) => {
      const file = around(DISK.create.bind(DISK))(path);
      return { ...file, write: around(file.write.bind(file)), sync: around(file.sync.bind(file)) };
    },
    rename: around(DISK.rename.bind(DISK)),
  };
  for (let i = 1; i < 10; i++) replaceFile(watching, at('ingest.xml'), texts[i % 2] ?? '', owner);
  expect([...seen].sort()).toEqual(texts);
});

test('a link in the place of a file is replaced, not followed', () => {
  writeFileSync(at('elsewhere'), 'untouched');
  symlinkSync(at('elsewhere'), at('ingest.xml'));
  expect(writtenDocument(DISK, { path: directory, owner }, 'ingest')).toBeUndefined();
  replaceFile(DISK, at('ingest.xml'), 'new', owner);
  expect(lstatSync(at('ingest.xml')).isFile()).toBe(true);
  expect(readFileSync(at('elsewhere'), 'utf8')).toBe('untouched');
});

test('what cannot be put in its place leaves nothing behind', () => {
  mkdirSync(at('ingest.xml'));
  expect(() => replaceFile(DISK, at('ingest.xml'), 'new', owner)).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(readdirSync(directory)).toEqual(['ingest.xml']);
});

test('the same text is written once; a mode that somebody widened is narrowed again', () => {
  const users = { path: directory, owner };
  expect(writeDocument(DISK, users, 'ingest', 'text')).toBe(true);
  const { ino, mtimeMs } = statSync(at('ingest.xml'));
  expect(writeDocument(DISK, users, 'ingest', 'text')).toBe(false);
  expect(statSync(at('ingest.xml'))).toMatchObject({ ino, mtimeMs });
  chmodSync(at('ingest.xml'), 0o644);
  expect(isAlready(DISK, at('ingest.xml'), 'text', owner)).toBe(false);
  expect(writeDocument(DISK, users, 'ingest', 'text')).toBe(true);
  expect(statSync(at('ingest.xml')).mode & 0o7777).toBe(0o640);
});

test('only what is ours is known as a user, and only leftovers of ours are removed', () => {
  const foreign = ['extra-limits.xml', 'Upper.xml', 'notes.txt', '.hidden.xml', '.ingest.xml.short.tmp', '.ingest.xml.0123456789ab.tmp.xml'];
  for (const name of [...foreign, 'ingest.xml', 'a_b-c.xml', '.ingest.xml.0123456789ab.tmp']) writeFileSync(at(name), '');
  expect(writtenUsers(DISK, { path: directory, owner }).sort()).toEqual(['a_b-c', 'ingest']);
  tidy(DISK, directory);
  expect(readdirSync(directory).sort()).toEqual([...foreign, 'ingest.xml', 'a_b-c.xml'].sort());
  expect(removeDocument(DISK, { path: directory, owner }, 'ingest')).toBe(true);
  expect(removeDocument(DISK, { path: directory, owner }, 'ingest')).toBe(false);
  removeFile(DISK, at('a_b-c.xml'));
  expect(existsSync(at('a_b-c.xml'))).toBe(false);
});

test('of an error there is one word', () => {
  expect(kindOf(Object.assign(new Error('/secret/path'), { code: 'ENOSPC' }))).toBe('ENOSPC');
  expect(kindOf(Object.assign(new Error('x'), { name: 'ThrottlingException' }))).toBe('ThrottlingException');
  expect(kindOf(Object.assign(new Error('x'), { name: 'said: hunter2' }))).toBe('Error');
  expect(kindOf('hunter2')).toBe('Error');
});
