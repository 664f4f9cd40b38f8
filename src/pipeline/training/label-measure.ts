// Knows: the share of right labels of a classifier, next to that of always giving the most frequent one.
// Must not know: where labels come from.
import type { DatasetRow } from '../../domain/dataset.ts'
import { classOf } from './find-classes.ts'

export interface WrongLabel {
  readonly prompt: string
  /** What it gave; empty if the prompt did not fit. */
  readonly text: string
  readonly expected: string
}
export interface LabelMeasure {
  readonly rows: number
  /** Right labels before and after training. */
  readonly before: number
  readonly after: number
  /** The most frequent label of the training rows, and how many held-out rows have it. */
  readonly frequent: { readonly label: string; readonly right: number }
  readonly wrong: readonly WrongLabel[]
}

export function measureLabels(
  heldOut: readonly DatasetRow[],
  given: Readonly<Record<'before' | 'after', ReadonlyMap<DatasetRow, string>>>,
  train: readonly Pick<DatasetRow, 'completion'>[],
): LabelMeasure {
  const counts = new Map<string, number>()
  for (const { completion } of train)
    counts.set(classOf(completion), (counts.get(classOf(completion)) ?? 0) + 1)
  const [[label] = ['']] = [...counts].toSorted(([, a], [, b]) => b - a)
  const isRight = (which: 'before' | 'after', row: DatasetRow): boolean =>
    given[which].get(row) === classOf(row.completion)
  return {
    rows: heldOut.length,
    before: heldOut.filter((row) => isRight('before', row)).length,
    after: heldOut.filter((row) => isRight('after', row)).length,
    frequent: { label, right: heldOut.filter(({ completion }) => classOf(completion) === label).length },
    wrong: heldOut
      .filter((row) => !isRight('after', row))
      .map((row) => ({
        prompt: row.prompt,
        text: given.after.get(row) ?? '',
        expected: classOf(row.completion),
      })),
  }
}
