import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

/** Versions as the protocol numbers them. What Node.js speaks begins with TLS 1.0, so an older one is asked for byte by byte. */
export const WIRE_VERSIONS = { 'SSLv3': 0x0300, 'TLSv1': 0x0301, 'TLSv1.1': 0x0302, 'TLSv1.2': 0x0303 } as const;

const TIME_LIMIT_MS = 5_000;

/** What a server answers to the first message of a handshake: the version it chose, the number of its alert, or that it hung up. */
export function rawHello(address: string, port: number, version: keyof typeof WIRE_VERSIONS): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: TIME_LIMIT_MS }, () => socket.write(clientHello(WIRE_VERSIONS[version])));
    socket.once('data', (answer: Buffer) => {
      resolve(understood(answer));
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.once('close', () => resolve('closed'));
  });
}

// https://www.rfc-editor.org/rfc/rfc5246#section-6.2.1 and section 7.2: an alert, or a handshake message that begins with its type, its length
// and the version.
function understood(answer: Buffer): string {
  if (answer[0] === 21 && answer.length >= 7) return `alert ${answer[6]}`;
  if (answer[0] === 22 && answer[5] === 2 && answer.length >= 11) return Object.entries(WIRE_VERSIONS).find(([, number]) => number === answer.readUInt16BE(9))?.[0] ?? 'another version';
  return 'not TLS';
}

// https://www.rfc-editor.org/rfc/rfc5246#section-7.4.1.2. Nothing a server could refuse but the version: ciphers of every age that go with an ECDSA
// certificate, the curve P-256, ECDSA with SHA-256.
function clientHello(version: number): Buffer {
  const ciphers = [0xc02b, 0xc02c, 0xc023, 0xc009, 0xc00a].map(uint16);
  const extensions = [extension(10, sized(uint16(23))), extension(11, Buffer.from([1, 0])), extension(13, sized(uint16(0x0403)))];
  const body = Buffer.concat([uint16(version), randomBytes(32), Buffer.from([0]), sized(...ciphers), Buffer.from([1, 0]), sized(...extensions)]);
  const message = Buffer.concat([Buffer.from([1, 0]), uint16(body.length), body]);
  return Buffer.concat([Buffer.from([22]), uint16(version), sized(message)]);
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([uint16(type), sized(content)]);
}

function sized(...parts: Buffer[]): Buffer {
  const whole = Buffer.concat(parts);
  return Buffer.concat([uint16(whole.length), whole]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
