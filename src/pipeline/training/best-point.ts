// Knows: which point of a training's curve is the best one on held-out rows: its weights are the student's.
import type { LossPoint } from '../../domain/student.ts'

export type EvaluatedPoint = LossPoint & { readonly heldOut: number }

/** The first point with the lowest held-out loss; undefined if there is none, for example without held-out rows. */
export function bestPoint(points: readonly LossPoint[]): EvaluatedPoint | undefined {
  let best: EvaluatedPoint | undefined
  for (const point of points) {
    const { heldOut } = point
    if (heldOut !== undefined && Number.isFinite(heldOut) && heldOut < (best?.heldOut ?? Infinity))
      best = { ...point, heldOut }
  }
  return best
}
