// Knows: what a page does while long work runs: it keeps the machine awake, and its title shows how far the work is, and its end.
// Must not know: what the work is.

/** The parts of the browser that are used; a test has its own. */
export interface AwakePage {
  readonly wakeLock?: { request(type: 'screen'): Promise<{ release(): Promise<void> }> }
  readonly document: Pick<Document, 'title' | 'hidden' | 'addEventListener'>
}

/** A mark in front of a title: `(42 %) `, or `Done: ` while nobody has looked since the end. */
const MARK = /^(?:\(\d+ %\) |Done: )/

export class Awake {
  #working = false
  #lock: Promise<{ release(): Promise<void> } | undefined> | undefined
  readonly #page: AwakePage

  constructor(page: AwakePage) {
    this.#page = page
    page.document.addEventListener('visibilitychange', () => {
      if (page.document.hidden) return
      if (!this.#working) this.#mark('')
      // The browser releases the lock of a hidden page.
      else void this.#release().then(() => this.#take())
    })
  }

  /** Work runs, or none does; `share` is how much of it is done, 0 to 1, if that is known. */
  update(working: boolean, share?: number): void {
    const ended = this.#working && !working
    const begins = working && !this.#working
    this.#working = working
    if (begins) this.#take()
    if (ended) void this.#release()
    if (working) this.#mark(share === undefined ? '' : `(${Math.floor(100 * share)} %) `)
    else if (ended) this.#mark(this.#page.document.hidden ? 'Done: ' : '')
  }

  #mark(mark: string): void {
    const { document } = this.#page
    const title = mark + document.title.replace(MARK, '')
    if (title !== document.title) document.title = title
  }

  #take(): void {
    // Refused on low battery and where there is none: work continues while the machine is awake.
    this.#lock ??= this.#page.wakeLock?.request('screen').catch(() => undefined)
  }

  async #release(): Promise<void> {
    const lock = this.#lock
    this.#lock = undefined
    await (await lock)?.release().catch(() => undefined)
  }
}
