// Pairs from revisions: the last one against the original, and a reason if there is no pair.
import { select as selectBy } from './select.ts'
import { expect, test } from 'vitest'
import { PREFERRED_TO } from '../../../src/pipeline/selecting/pair.ts'
import { pairRevised } from '../../../src/pipeline/selecting/pair-revised.ts'
import type { JudgedRow } from '../../../src/pipeline/selecting/selection.ts'
import { scored } from '../samples.ts'

const row = (id: string, order: number, parent?: string, score?: number, completion = `text ${id}`) =>
  ({
    id,
    promptId: 'p',
    order,
    completion,
    ...(parent === undefined ? {} : { parent }),
    ...(score === undefined ? {} : { verdicts: [{ verdict: scored(score) }] }),
  }) satisfies JudgedRow
const select = (rows: readonly JudgedRow[], scoresHigher = false) =>
  selectBy(pairRevised, rows, { scoresHigher }).map((decision) =>
    decision.kind === 'kept' ? decision.evidence : decision.reason,
  )

test('keeps the last revision with the id of the original', () => {
  expect(select([row('a', 0), row('b', 1), row('a1', 5, 'a'), row('a2', 6, 'a'), row('b1', 7, 'b')])).toEqual(
    [
      'the rejected original of its pair',
      'the rejected original of its pair',
      'not the last revision of its original',
      { [PREFERRED_TO]: 'a' },
      { [PREFERRED_TO]: 'b' },
    ],
  )
})

test('pairs a revision of a revision with the first text', () => {
  expect(select([row('a', 0), row('b', 4, 'a'), row('c', 9, 'b')]).at(-1)).toEqual({ [PREFERRED_TO]: 'a' })
})

test('says why there is no pair', () => {
  expect(select([row('a', 0)])).toEqual(['no pair: it has no revision that is left'])
  expect(select([row('a1', 3, 'a')])[0]).toContain('`original: keep`')
  expect(select([row('a', 0, undefined, 1, 'same'), row('b', 1, 'a', 2, 'same ')])[0]).toContain('same text')
})

test('makes pairs of better revisions alone, if wanted', () => {
  const rows = [row('a', 0, undefined, 3), row('b', 1, 'a', 2)]
  expect(select(rows)[1]).toEqual({ [PREFERRED_TO]: 'a' })
  expect(select(rows, true)[1]).toContain('no higher score')
  expect(select([row('a', 0, undefined, 3), row('b', 1, 'a', 4)], true)[1]).toEqual({ [PREFERRED_TO]: 'a' })
  expect(select([row('a', 0), row('b', 1, 'a')], true)).toEqual(['not judged', 'not judged'])
})
