// Knows: the one action that can be undone now, and how.

export interface UndoOffer {
  /** What was done: “Seed deleted.” Empty if the screen reports it itself. */
  readonly sentence: string
  readonly back: () => Promise<void>
  /** Called when the offer is dismissed or replaced, not when it is used. */
  readonly onLapse?: () => void
}

/** Holds the latest offer until it is used, dismissed or replaced. It does not expire: nobody should have to hurry. */
export class Undo {
  #offer = $state.raw<UndoOffer | undefined>()

  get offer(): UndoOffer | undefined {
    return this.#offer
  }

  put(sentence: string, back: () => Promise<void>, onLapse?: () => void): void {
    const before = this.#offer
    this.#offer = { sentence, back, ...(onLapse ? { onLapse } : {}) }
    before?.onLapse?.()
  }

  async use(): Promise<void> {
    const offer = this.#offer
    this.#offer = undefined
    await offer?.back()
  }

  dismiss(): void {
    const offer = this.#offer
    this.#offer = undefined
    offer?.onLapse?.()
  }
}
