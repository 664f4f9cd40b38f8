// Knows: which of several teachers each row of a step learns from.
// Must not know: where randomness comes from (it is passed in), what is learned from a teacher.
import type { PackedRow } from './packing.ts'

/**
 * The rows of a step, each with one of its teachers, drawn with a probability in proportion to the teacher's weight (at least 0). A
 * row that a teacher said nothing of is shared by the others in proportion. `random` gives one number in [0, 1) for each row, so
 * that equal numbers draw the same teachers whatever became of other rows.
 *
 * Why one is drawn and no mixture Σ w p made: of each teacher a few likeliest tokens are stored and one bucket for the rest, and of a
 * token that one teacher lists and another does not, the other's probability is not known. A draw pretends nothing, and is unbiased
 * wherever the loss is a sum over teachers: the mean over the draws of Σ over rows of a loss to the drawn teacher is Σ w · (loss to
 * each), and so is its gradient. For forward KL that is, but for a constant, the loss to the mixture itself, which is linear in the
 * teacher's distribution: where teachers list the same tokens exactly, and where they do not, over each one's own buckets. Reverse KL
 * and Jensen-Shannon are not linear in it: there the mean is of the divergences to each teacher, not the divergence to their mixture.
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
  const said = teachers.flatMap((teacher, i) =>
    teacher && (weights[i] ?? 0) > 0 ? [{ teacher, weight: weights[i] ?? 0 }] : [],
  )
  const last = said.at(-1)
  if (last === undefined) throw new RangeError('No teacher with a weight said anything of a row.')
  let left = drawn * said.reduce((sum, { weight }) => sum + weight, 0)
  const found = said.find(({ weight }) => (left -= weight) < 0) ?? last // rounding may leave a little
  return { ...row, teacher: found.teacher }
}
