// Knows: when a training that started from a student ended worse than it began.
// Must not know: who trains it.
import type { Student } from '../../domain/student.ts'
import { findLoss } from '../training/index.ts'
import type { Advice } from './advice.ts'

/** The last evaluation on held-out rows is no better than the one before the first step; nothing for a training that still runs. */
export function adviseOnEndedWorse({
  points,
  settings,
  status,
  bestStep,
}: Pick<Student, 'points' | 'settings' | 'status' | 'bestStep'>): Advice | undefined {
  const before = points.find(({ step }) => step === 0)
  const last = points.findLast(({ step, heldOut }) => step > 0 && heldOut !== undefined)
  const loss = findLoss(settings.loss)
  if (loss?.startsFrom !== 'student' || status !== 'trained') return undefined
  if (before?.heldOut === undefined || last?.heldOut === undefined || last.heldOut < before.heldOut)
    return undefined
  const write = (value: number): string =>
    loss.points.isShare ? `${Math.round(100 * value)} % wrong` : `a held-out loss of ${value.toFixed(2)}`
  const kept =
    bestStep === undefined
      ? ''
      : bestStep === 0
        ? ' The weights from before this training are kept.'
        : ` The weights of step ${bestStep} are kept.`
  const rate = settings.learningRate / 3
  return {
    id: 'ended-worse',
    sentence: `This training ended no better than it began: ${write(before.heldOut)} before the first step, ${write(last.heldOut)} after step ${last.step}.${kept} Lower the learning rate, or train the student longer on texts first.`,
    remedy: {
      label: `Set Learning rate to ${Number(rate.toPrecision(1))}`,
      change: { kind: 'set-training', field: 'learningRate', value: Number(rate.toPrecision(1)) },
    },
  }
}
