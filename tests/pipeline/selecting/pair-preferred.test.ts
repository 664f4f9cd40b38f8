// Pairs from comparisons: most wins against most losses, and a reason if there is no pair.
import { select as selectBy } from './select.ts'
import { expect, test } from 'vitest'
import { checkRecipeText } from '../../../src/pipeline/recipes/check-recipe.ts'
import { kept } from '../../../src/domain/filter-decision.ts'
import { PREFERRED_TO } from '../../../src/pipeline/selecting/pair.ts'
import { pairPreferred } from '../../../src/pipeline/selecting/pair-preferred.ts'

const row = (id: string, promptId: string, [wins, losses, ties]: readonly number[], completion = id) => ({
  id,
  promptId,
  order: id.charCodeAt(0),
  completion,
  decisions: [
    { step: 1, name: 'length', decision: kept({ words: 9 }) },
    { step: 2, name: 'pairwise', decision: kept({ wins: wins!, losses: losses!, ties: ties! }) },
  ],
})
const select = (rows: readonly ReturnType<typeof row>[], margin = 1) =>
  selectBy(pairPreferred, rows, { margin })

test('keeps the row that won most, with the id of the one that lost most', () => {
  expect(select([row('a', 'p', [0, 2, 0]), row('b', 'p', [1, 1, 0]), row('c', 'p', [2, 0, 0])])).toEqual([
    {
      kind: 'dropped',
      reason: 'the rejected completion of its pair',
      evidence: { wins: 0, losses: 2 },
    },
    {
      kind: 'dropped',
      reason: 'neither the best nor the worst of its prompt',
      evidence: { wins: 1, losses: 1 },
    },
    {
      kind: 'kept',
      evidence: { wins: 2, losses: 0, [PREFERRED_TO]: 'a', 'rejected wins': 0, 'rejected losses': 2 },
    },
  ])
})

test.each([
  ['no completion of its prompt won more often', [row('a', 'p', [1, 1, 0]), row('b', 'p', [0, 0, 2])], 1],
  ['less than 3 wins apart', [row('a', 'p', [1, 0, 0]), row('b', 'p', [0, 1, 0])], 3],
  ['the only completion of its prompt', [row('a', 'p', [0, 0, 0]), row('b', 'q', [0, 0, 0])], 1],
  ['could be read', [row('a', 'p', [0, 0, 0]), row('b', 'p', [0, 0, 0])], 1],
  ['the same text', [row('a', 'p', [1, 0, 0], 'same'), row('b', 'p', [0, 1, 0], ' same')], 1],
] as const)('drops rows without a pair: %s', (reason, rows, margin) => {
  for (const decision of select(rows, margin)) {
    expect(decision.kind).toBe('dropped')
    expect(decision).toMatchObject({ reason: expect.stringContaining(reason) })
  }
})

test('a recipe without the step that compares is refused', () => {
  const recipe = (steps: string) =>
    checkRecipeText(`retort: 2\nname: A\nsteps:\n  - complete: teacher\n    n: 2\n${steps}`)
  const refused = recipe('  - compare: exact-duplicates\n  - keep: pair-preferred\n')
  expect(refused.ok ? '' : refused.problems[0]?.sentence).toContain('- compare: pairwise')
  expect(recipe('  - compare: pairwise\n  - keep: pair-preferred\n').ok).toBe(true)
})
