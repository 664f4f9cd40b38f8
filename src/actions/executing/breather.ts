// Knows: how long work on the page's thread lets others in between: input, painting, messages of workers.

/** Milliseconds of work without a pause; a task above 50 ms is felt. */
const MAX_MS = 20

export class Breather {
  #since = performance.now()

  /** True when the work should pause. */
  get isDue(): boolean {
    return performance.now() - this.#since > MAX_MS
  }

  /** Lets everything that waits run. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setTimeout(resolve))
    this.#since = performance.now()
  }
}

/** Does something with every item of a long list, and lets others run in between. */
export async function withPauses<Item>(items: Iterable<Item>, work: (item: Item) => void): Promise<void> {
  const breather = new Breather()
  for (const item of items) {
    work(item)
    if (breather.isDue) await breather.pause()
  }
}
