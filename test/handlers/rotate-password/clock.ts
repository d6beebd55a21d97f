/** A clock that moves when nothing else can happen: hours in milliseconds, and the same order every time. */
export class VirtualClock {
  private time: number;
  private order = 0;
  private readonly queue: { readonly at: number; readonly order: number; readonly run: () => void }[] = [];

  constructor(start = Date.UTC(2026, 2, 1)) {
    this.time = start;
  }

  readonly now = (): number => this.time;

  readonly sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => this.at(this.time + milliseconds, resolve));

  at(time: number, run: () => void): void {
    const entry = { at: Math.max(time, this.time), order: this.order++, run };
    // later entries are mostly later in the queue.
    let index = this.queue.length;
    for (let before = this.queue[index - 1]; before !== undefined && before.at > entry.at; before = this.queue[index - 1]) index -= 1;
    this.queue.splice(index, 0, entry);
  }

  /** Runs everything that is due until then, and whatever follows from it. */
  async runUntil(end: number): Promise<void> {
    await settled();
    for (let first = this.queue[0]; first !== undefined && first.at <= end; first = this.queue[0]) {
      this.queue.shift();
      this.time = first.at;
      first.run();
      await settled();
    }
    this.time = Math.max(this.time, end);
  }

  /** Runs until a promise is settled. */
  async runUntilSettled<Value>(promise: Promise<Value>): Promise<Value> {
    let over = false;
    const mark = (): void => {
      over = true;
    };
    promise.then(mark, mark);
    await settled();
    while (!over) {
      const first = this.queue[0];
      if (first === undefined) throw new Error('nothing is left to happen, and the promise is not settled');
      await this.runUntil(first.at);
    }
    return promise;
  }
}

/** Every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
