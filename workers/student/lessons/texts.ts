// Knows: how a student learns from texts, with the teacher's probabilities or without.
// Must not know: where rows and probabilities are stored.
import { makeRng } from '../../../src/domain/rng.ts'
import type { CommonTrainSettings } from '../../../src/domain/student.ts'
import { drawTeachers } from '../../../src/engine/training/draw-teachers.ts'
import {
  countPredictions,
  makeBatch,
  planEpoch,
  positionsOf,
  type Batch,
  type PackedRow,
} from '../../../src/engine/training/packing.ts'
import { breathe } from '../breathe.ts'
import type { PreparedRows } from '../prepare-rows.ts'
import { cutIntoParts, type Lesson } from './lesson.ts'

export interface LessonPlan {
  readonly settings: CommonTrainSettings
  /** Lines of a step: no more than there are rows. */
  readonly linesAStep: number
  /** Lengths that batches are padded to. */
  readonly lengths: readonly number[]
  /** Weights of the teachers, where rows have several. */
  readonly teacherWeights?: readonly number[]
}

/** The held-out rows in batches of `lines`; ends early when aborted. */
export async function* planHeldOut(
  heldOut: readonly PackedRow[],
  { linesAStep, lengths }: LessonPlan,
  signal: AbortSignal,
): AsyncGenerator<{ readonly lines: PackedRow[][]; readonly length: number }> {
  for (const { lines, length } of planEpoch(heldOut, linesAStep, lengths, (items) => [...items])) {
    await breathe()
    if (signal.aborted) return
    yield { lines: lines.map((line) => line.map((i) => heldOut[i] as PackedRow)), length }
  }
}

export function teachTexts(rows: PreparedRows, plan: LessonPlan): Lesson {
  const {
    settings: { accumulate, packing: packs, rngSeed },
    linesAStep,
    teacherWeights = [],
  } = plan
  async function* batchHeldOut(signal: AbortSignal): AsyncGenerator<Batch> {
    for await (const { lines, length } of planHeldOut(rows.heldOut, plan, signal))
      yield makeBatch(lines, linesAStep, length)
  }
  return {
    ...rows,
    called: 'rows',
    async makeStep(_, { lines: planned, length, step }) {
      // A step that is repeated after a resume draws the same: its numbers follow from rngSeed, step and the row's place in it.
      const drawn = makeRng(rngSeed).fork(`teachers/${step}`)
      const lines =
        teacherWeights.length > 1 ? drawTeachers(planned, teacherWeights, () => drawn.next()) : planned
      const size = Math.ceil(linesAStep / accumulate)
      const countedInStep = countPredictions(lines)
      return {
        batches: cutIntoParts(lines, size).map((part) =>
          makeBatch(part, size, length, { packs, countedInStep }),
        ),
        positions: lines.flat().reduce((sum, row) => sum + positionsOf(row), 0),
      }
    },
    measure: (trainer, signal) => trainer.measure(batchHeldOut(signal)),
  }
}
