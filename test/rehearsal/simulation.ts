/** Registers what to do when a wait is over. */
export type Wait = (resume: () => void) => void;

/** Something that takes simulated time: it yields what it waits for. */
export type Process<T> = Generator<Wait, T, void>;

interface Event {
  readonly time: number;
  readonly tie: number;
  readonly action: () => void;
}

/** Simulated seconds and chance. What happens at the same second happens in a random order; the same seed repeats everything. */
export class Simulation {
  public now = 0;
  private readonly heap: Event[] = [];
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** from 0 up to 1 (mulberry32: small, fast, repeatable). */
  public random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
  }

  public between([least, most]: readonly [number, number]): number {
    return least + this.random() * (most - least);
  }

  public after(seconds: number, action: () => void): void {
    const { heap } = this;
    heap.push({ time: this.now + seconds, tie: this.random(), action });
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!earlier(heap[at], heap[parent])) break;
      [heap[at], heap[parent]] = [heap[parent], heap[at]];
      at = parent;
    }
  }

  /** Runs until nothing is left to happen, or until a time. */
  public run(until = Infinity): void {
    for (let event = this.heap[0]; event !== undefined && event.time <= until; event = this.heap[0]) {
      this.pop();
      this.now = event.time;
      event.action();
    }
  }

  /** Runs a process; it starts a moment later, never inside the caller. */
  public spawn<T>(process: Process<T>, done: (result: T) => void, delay = 0): void {
    const step = (): void => {
      const { value, done: finished } = process.next();
      if (finished) done(value);
      else value(step);
    };
    this.after(delay, step);
  }

  public sleep(seconds: number): Wait {
    return (resume) => this.after(seconds, resume);
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && earlier(heap[child], heap[least])) least = child;
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least], heap[at]];
      at = least;
    }
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.tie < b.tie);
}

/** Opens once; whoever waits for it, before or after, goes on. */
export class Latch {
  private open = false;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly simulation: Simulation) {}

  public release(): void {
    if (this.open) return;
    this.open = true;
    for (const resume of this.waiting.splice(0)) this.simulation.after(0, resume);
  }

  public wait(): Wait {
    return (resume) => {
      if (this.open) this.simulation.after(0, resume);
      else this.waiting.push(resume);
    };
  }
}

/** Something that may be called off. */
export class Operation {
  public cancelled = false;
  private readonly listeners: (() => void)[] = [];

  constructor(parent?: Operation) {
    parent?.onCancel(() => this.cancel());
  }

  public cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    for (const listener of this.listeners.splice(0)) listener();
  }

  public onCancel(listener: () => void): void {
    if (this.cancelled) listener();
    else this.listeners.push(listener);
  }
}
