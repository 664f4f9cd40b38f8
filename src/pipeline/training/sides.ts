// Knows: which rows are the good and the bad side of KTO: kept rows, and dropped rows that the judge scored lower. They need no pairs.
// Must not know: where rows are stored, losses.
import type { DatasetRow, Split } from '../../domain/dataset.ts'
import { effectiveText, type Row } from '../../domain/row.ts'
import { meanScore } from '../../domain/verdict.ts'

export interface SidedRow extends Pick<DatasetRow, 'system' | 'prompt' | 'earlier' | 'completion'> {
  readonly split: Split
}
export interface Sides {
  readonly good: readonly SidedRow[]
  readonly bad: readonly SidedRow[]
  /** Dropped rows with a score that are on neither side: edited by hand, scored as high as a kept row, or where no kept row has a score. */
  readonly undecided: number
}

const normalise = (prompt: string): string => prompt.toLowerCase().replaceAll(/\s+/gu, ' ').trim()

/**
 * Good: the rows of the dataset. Bad: the rejected completions of its pairs, and rows of the run that were dropped with a score below
 * that of every kept row; without a kept row that has a score, nothing says that a dropped one is worse. A dropped row that shares its seed or its prompt with a held-out row is held out too.
 */
export function findSides(rows: readonly DatasetRow[], dropped: readonly Row[]): Sides {
  const heldOut = rows.filter(({ split }) => split === 'held-out')
  const heldOutSeeds = new Set(heldOut.map(({ seedId }) => seedId))
  const heldOutPrompts = new Set(heldOut.map(({ prompt }) => normalise(prompt)))
  const scores = rows.flatMap(({ score }) => score ?? [])
  const lowest = scores.reduce(
    (low, score) => Math.min(low, score),
    scores.length === 0 ? -Infinity : Infinity,
  )
  const bad = new Map<string, SidedRow>()
  const add = (row: SidedRow): void =>
    void bad.set(JSON.stringify([row.prompt, row.completion, row.earlier]), row)
  for (const { split, system, prompt, earlier, rejected } of rows)
    if (rejected !== undefined)
      add({ split, system, prompt, ...(earlier ? { earlier } : {}), completion: rejected.completion })
  let undecided = 0
  for (const row of dropped) {
    const score = meanScore(row.verdicts ?? [])
    if (row.status !== 'dropped' || score === undefined) continue
    if (row.edit !== undefined || !(score < lowest)) {
      undecided++
      continue
    }
    const { prompt, completion } = effectiveText(row)
    const isHeldOut = heldOutSeeds.has(row.seedId) || heldOutPrompts.has(normalise(prompt))
    add({
      split: isHeldOut ? 'held-out' : 'train',
      system: row.completion.system,
      prompt,
      ...(row.earlier ? { earlier: row.earlier } : {}),
      completion,
    })
  }
  return { good: rows, bad: [...bad.values()], undecided }
}

/** A good and a bad row for each place of the larger side; rows of the smaller one occur several times, so both sides count equally. */
export function coupleSides<T>(
  good: readonly T[],
  bad: readonly T[],
): { readonly chosen: T; readonly rejected: T }[] {
  if (good.length === 0 || bad.length === 0) return []
  return Array.from({ length: Math.max(good.length, bad.length) }, (_, i) => ({
    chosen: good[i % good.length] as T,
    rejected: bad[i % bad.length] as T,
  }))
}

/** “250 good rows (kept) and 499 bad ones …”. */
export function describeSides({ good, bad, undecided }: Sides): string {
  const rows = (n: number): string => `${n} ${n === 1 ? 'row' : 'rows'}`
  return `${rows(good.length)} on the good side (kept) and ${rows(bad.length)} on the bad side (dropped with a lower score, or rejected in a pair).${
    undecided > 0
      ? ` ${rows(undecided)} dropped with a score ${undecided === 1 ? 'is' : 'are'} on neither side: edited by hand, scored as high as a kept row, or dropped where no kept row has a score.`
      : ''
  }`
}
