// Knows: when a training's curve shows that the student memorises its rows.
// Must not know: who trains it.
import type { Student } from '../../domain/student.ts'
import { bestPoint } from '../training/best-point.ts'
import { findLoss } from '../training/index.ts'
import type { Advice } from './advice.ts'

/** A rise of the held-out loss by this factor is no longer noise of the last digit. */
const MIN_RISE = 1.02
/** Evaluations after the best one before anything is concluded. */
const MIN_EVALUATIONS = 2

/**
 * Held-out loss has risen since its minimum while the training loss fell: the student learns its rows by heart. `rows`: training rows
 * of its dataset.
 */
export function adviseOnMemorising(
  { points, settings, bestStep }: Pick<Student, 'points' | 'settings' | 'bestStep'>,
  rows: number,
): Advice | undefined {
  const loss = findLoss(settings.loss)
  if (loss === undefined || loss.startsFrom === 'student') return undefined
  const best = bestPoint(points)
  const evaluated = points.filter(({ heldOut }) => heldOut !== undefined)
  const later = evaluated.filter(({ step }) => step > (best?.step ?? Infinity))
  const last = later.at(-1)
  if (best === undefined || last?.heldOut === undefined || later.length < MIN_EVALUATIONS) return undefined
  if (!(last.heldOut > MIN_RISE * best.heldOut) || !(last.train < best.train)) return undefined
  return {
    id: 'memorising',
    sentence: `Held-out loss was lowest at step ${best.step} (${best.heldOut.toFixed(2)}) and has risen since (${last.heldOut.toFixed(2)} at step ${last.step}): the student is memorising its ${rows} rows.${bestStep === undefined ? '' : ` The weights of step ${bestStep} are kept.`} More rows help most.`,
    remedy: {
      label: `Set Steps to ${best.step} for the next one`,
      change: { kind: 'set-training', field: 'steps', value: best.step },
    },
  }
}
