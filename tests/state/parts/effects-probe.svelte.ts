// Knows: one of each rune, for effects.test.ts.

/** State, a derived value and an effect that records what it saw. */
export class Counter {
  count = $state(0)
  facts = $state({ rows: 0 })
  readonly double = $derived(this.facts.rows * 2)
  readonly seen: number[] = []

  /** @returns a function that stops the effect. */
  watch(): () => void {
    return $effect.root(() => {
      $effect(() => void this.seen.push(this.count))
    })
  }
}
