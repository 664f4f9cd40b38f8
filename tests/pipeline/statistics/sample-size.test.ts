// Knows: that the number of prompts agrees with published figures.
import { describe, expect, it } from 'vitest'
import { promptsToShow } from '../../../src/pipeline/statistics/sample-size.ts'

describe('promptsToShow', () => {
  // (1.959964 + 0.841621)² / (4 (p − ½)²) = 7.8489 / (4 δ²), Noether's formula for the sign test.
  it.each([
    [0.6, 197],
    [0.7, 50],
    [0.4, 197],
    [0.9, 13],
  ])('needs for a rate of %s without ties %i prompts', (rate, prompts) => {
    expect(promptsToShow(rate)).toBe(prompts)
  })
  it('needs fewer with ties, which vary less, and no number shows a rate of one half', () => {
    expect(promptsToShow(0.6, 0.1)).toBeLessThan(promptsToShow(0.6))
    expect(promptsToShow(0.5)).toBe(Infinity)
  })
})
