// Knows: that tests of rune files run Svelte's browser build: in the server build effects never run and prove nothing.
import { flushSync } from 'svelte'
import { describe, expect, test } from 'vitest'
import { Counter } from './effects-probe.svelte.ts'

describe('rune files under test', () => {
  test('run their effects', () => {
    const counter = new Counter()
    const stop = counter.watch()
    flushSync()
    counter.count = 2
    flushSync()
    expect(counter.seen).toEqual([0, 2])
    stop()
  })

  test('make deep state a proxy', () => {
    const counter = new Counter()
    const given = { rows: 1 }
    counter.facts = given
    expect(counter.facts).not.toBe(given)
    counter.facts.rows = 5
    expect(counter.double).toBe(10)
  })
})
