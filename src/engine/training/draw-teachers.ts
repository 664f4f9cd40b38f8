// Knows: which of several teachers each row of a step learns from.
// Must not know: where randomness comes from (it is passed in), what the loss is.
import type { PackedRow } from './packing.ts'

/**
 * The rows of one step, each with one of its teachers, drawn with a probability in proportion to the teacher's weight (0
 * or more). If a teacher has no soft targets for a row, the others share its weight in proportion. `random` returns one
 * number in [0, 1) per row, so that equal numbers draw the same teachers, independent of other rows.
 *
 * Why one teacher is drawn instead of the mixture Σ w p: only the top-k tokens of each teacher and the remaining mass
 * are stored. If one teacher lists a token and another does not, the probability under the other is unknown. A draw
 * makes no assumption and is unbiased if the loss is a sum over teachers: the expectation of Σ over rows of the loss to
 * the drawn teacher is Σ w · (loss to each), and the same holds for its gradient. Forward KL is linear in the teacher's
 * distribution, so this is, up to a constant, the loss to the mixture:
 * exactly if the teachers list the same tokens, else over each one's own buckets. Reverse KL and Jensen-Shannon are not
 * linear in it: there the mean is of the divergences to each teacher, not the divergence to their mixture.
 */
export function drawTeachers(
  lines: readonly (readonly PackedRow[])[],
  weights: readonly number[],
  random: () => number,
): PackedRow[][] {
  return lines.map((line) => line.map((row) => drawTeacher(row, weights, random())))
}

function drawTeacher(row: PackedRow, weights: readonly number[], drawn: number): PackedRow {
  const { teachers } = row
  if (!teachers) return row
  if (teachers.length !== weights.length)
    throw new RangeError(`A row has ${teachers.length} teachers, and there are ${weights.length} weights.`)
  const available = teachers.flatMap((teacher, i) =>
    teacher && (weights[i] ?? 0) > 0 ? [{ teacher, weight: weights[i] ?? 0 }] : [],
  )
  const last = available.at(-1)
  if (last === undefined) throw new RangeError('A row has no soft targets of a teacher with a weight.')
  let left = drawn * available.reduce((sum, { weight }) => sum + weight, 0)
  const chosen = available.find(({ weight }) => (left -= weight) < 0) ?? last // rounding may leave a rest
  return { ...row, teacher: chosen.teacher }
}
