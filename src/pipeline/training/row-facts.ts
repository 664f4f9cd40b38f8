// Knows: what a dataset's rows offer to each objective, counted once.
// Must not know: where rows are stored.
import type { DatasetRow } from '../../domain/dataset.ts'
import type { Checked } from '../../domain/problem.ts'
import type { Row } from '../../domain/row.ts'
import type { References } from '../filters/references.ts'
import { findClasses, type ClassOfRows } from './find-classes.ts'
import { findNearEqualLabels, type LabelGroup } from './near-equal-labels.ts'
import { findAnswer } from './known-answers.ts'
import { findSides } from './sides.ts'

/** Counts of training rows. */
export interface RowFacts {
  readonly train: number
  readonly heldOut: number
  /** Rows with a rejected completion. */
  readonly pairs: number
  /** KTO's two sides, and dropped rows on neither. */
  readonly good: number
  readonly bad: number
  readonly undecided: number
  /** Rows with an answer that can be checked; and those whose answer was given with the seed. */
  readonly problems: number
  readonly knownAnswers: number
  /** UTF-8 bytes of the texts of each training row. */
  readonly rowBytes?: readonly number[]
  readonly classes?: Checked<readonly ClassOfRows[]>
  /** Labels that are one label in several spellings, of all rows. */
  readonly nearEqualLabels?: readonly LabelGroup[]
}

const encoder = new TextEncoder()
const countBytes = (text: string): number => encoder.encode(text).length

/** `dropped`: rows of the run that were dropped with a score. */
export function countRowFacts(
  rows: readonly DatasetRow[],
  dropped: readonly Row[],
  references: References,
): RowFacts {
  const train = rows.filter(({ split }) => split === 'train')
  const sides = findSides(rows, dropped)
  const answers = train.flatMap((row) => findAnswer(row, references) ?? [])
  return {
    train: train.length,
    heldOut: rows.length - train.length,
    pairs: train.filter(({ rejected }) => rejected !== undefined).length,
    good: sides.good.filter(({ split }) => split === 'train').length,
    bad: sides.bad.filter(({ split }) => split === 'train').length,
    undecided: sides.undecided,
    problems: answers.length,
    knownAnswers: answers.filter(({ isKnown }) => isKnown).length,
    rowBytes: train.map(({ system, prompt, completion }) => countBytes(system + prompt + completion)),
    classes: findClasses(train),
    nearEqualLabels: findNearEqualLabels(rows.map(({ completion }) => completion)),
  }
}
