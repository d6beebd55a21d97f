import { createHash } from 'node:crypto';
import type { PackageStore, Part } from '../../../lib/handlers/mirror-packages/world';

interface Upload {
  readonly key: string;
  readonly sha256: string;
  readonly parts: Map<number, Buffer>;
}

/** Ends a run like the end of its process: nothing that it still calls does anything. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/**
 * A bucket in memory.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
 */
export class Bucket implements PackageStore {
  readonly objects = new Map<string, { readonly content: Buffer; readonly sha256?: string }>();
  readonly uploads = new Map<string, Upload>();
  /** every effect that took place. */
  readonly effects: string[] = [];
  /** told of every call, before it takes place and after. */
  disturb: (call: string, when: 'before' | 'after') => void = () => undefined;
  private count = 0;

  head(key: string): ReturnType<PackageStore['head']> {
    return this.call('head', () => {
      const object = this.objects.get(key);
      return object && { size: object.content.length, sha256: object.sha256 };
    });
  }

  unfinished(key: string): Promise<readonly string[]> {
    return this.call('unfinished', () => [...this.uploads].filter(([, upload]) => upload.key === key).map(([id]) => id));
  }

  begin(key: string, sha256: string): Promise<string> {
    return this.call('begin', () => {
      const id = `upload-${(this.count += 1)}`;
      this.uploads.set(id, { key, sha256, parts: new Map() });
      return id;
    }, key);
  }

  put(key: string, upload: string, number: number, content: Uint8Array): Promise<Part> {
    return this.call('put', () => {
      this.upload(key, upload).parts.set(number, Buffer.from(content));
      const sha256 = createHash('sha256').update(content).digest('base64');
      return { number, etag: `"${sha256}"`, sha256 };
    }, key);
  }

  complete(key: string, upload: string, parts: readonly Part[]): Promise<void> {
    return this.call('complete', () => {
      const { sha256, parts: stored } = this.upload(key, upload);
      if (this.objects.has(key)) throw named('PreconditionFailed');
      const contents = parts.map(({ number, sha256: digest }, index) => {
        const content = stored.get(number);
        if (content === undefined || number !== index + 1 || createHash('sha256').update(content).digest('base64') !== digest) throw named('InvalidPart');
        if (index < parts.length - 1 && content.length < 5 * 1024 * 1024) throw named('EntityTooSmall');
        return content;
      });
      if (contents.length === 0) throw named('MalformedXML');
      this.objects.set(key, { content: Buffer.concat(contents), sha256 });
      this.uploads.delete(upload);
    }, key);
  }

  abort(_: string, upload: string): Promise<void> {
    return this.call('abort', () => void this.uploads.delete(upload), upload);
  }

  read(key: string): Promise<string | undefined> {
    return this.call('read', () => this.objects.get(key)?.content.toString());
  }

  write(key: string, text: string): Promise<void> {
    return this.call('write', () => void this.objects.set(key, { content: Buffer.from(text) }), key);
  }

  private upload(key: string, id: string): Upload {
    const upload = this.uploads.get(id);
    if (upload?.key !== key) throw named('NoSuchUpload');
    return upload;
  }

  private call<Value>(name: string, act: () => Value, effect?: string): Promise<Value> {
    return Promise.resolve().then(() => {
      this.disturb(name, 'before');
      const value = act();
      if (effect !== undefined) this.effects.push(`${name} ${effect}`);
      this.disturb(name, 'after');
      return value;
    });
  }
}

export function named(name: string): Error {
  return Object.assign(new Error(name), { name });
}
