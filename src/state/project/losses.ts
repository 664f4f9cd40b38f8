// Knows: what the screens show of a training objective, by its name.
import { findLoss } from '../../pipeline/training/index.ts'
import { NATS_PER_TOKEN, type LossPoints } from '../../pipeline/training/losses/loss.ts'
import { rowKindOf, type RowKindFacts } from '../../pipeline/training/row-kinds.ts'

export interface LossView {
  /** A few words for a list. */
  readonly short: string
  readonly startsFrom: 'scratch' | 'student' | 'model'
  /** It calls the loaded teacher during training. */
  readonly callsTeacher: boolean
  readonly points: LossPoints
  readonly rows: RowKindFacts
}

/** A name that only a later version has stays as it is, with what most losses have. */
export function describeLoss(name: string | undefined): LossView {
  const loss = findLoss(name)
  return {
    short: loss?.short ?? name ?? '',
    startsFrom: loss?.startsFrom ?? 'scratch',
    callsTeacher: loss?.teacher === 'during',
    points: loss?.points ?? NATS_PER_TOKEN,
    rows: rowKindOf(loss?.rows ?? 'texts'),
  }
}
