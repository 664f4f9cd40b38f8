import { describe, expect, it } from 'vitest'
import type { StepDraft } from '../../../src/domain/recipe.ts'
import { StepIds } from '../../../src/ui/recipe/step-ids.ts'

const step = (name: string, settings: Record<string, unknown> = {}): StepDraft => ({
  family: 'filter',
  name,
  settings,
})

describe('numbers of steps', () => {
  it('stay with their steps when these are moved, inserted and removed', () => {
    const ids = new StepIds()
    const [a, b, c] = [step('a'), step('b'), step('c')]
    const [idA, idB, idC] = ids.match([a, b, c])
    expect(ids.match([c, { ...a }, b])).toEqual([idC, idA, idB])
    expect(ids.match([c, b])).toEqual([idC, idB])
    const [, fresh] = ids.match([c, step('d'), b])
    expect([idA, idB, idC]).not.toContain(fresh)
  })

  it('stay when a setting changes, and separate equal steps by their settings', () => {
    const ids = new StepIds()
    const [one, two] = ids.match([step('a', { min: 1 }), step('a', { min: 2 })])
    expect(ids.match([step('a', { min: 2 }), step('a', { min: 1 })])).toEqual([two, one])
    expect(ids.match([step('a', { min: 9 }), step('a', { min: 1 })])).toEqual([two, one])
    expect(new Set(ids.match([step('a'), step('a'), step('a')])).size).toBe(3)
  })
})
