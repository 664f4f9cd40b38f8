// Knows: how a student learns from texts, with or without the teacher's soft targets.
// Must not know: where rows and soft targets are stored.
import { makeRng } from '../../../src/domain/rng.ts'
import { drawTeachers } from '../../../src/engine/training/draw-teachers.ts'
import {
  countPredictions,
  makeBatch,
  planEpoch,
  positionsOf,
  type Batch,
  type PackedRow,
} from '../../../src/engine/training/packing.ts'
import { yieldToMessages } from '../yield-to-messages.ts'
import { prepareRows, type PreparedRows } from '../prepare-rows.ts'
import { splitIntoMicroBatches, type BatchPlan, type Objective, type Prepare } from './objective.ts'

export const learnFromTexts: Prepare = async ({ split, tokenizer, settings, plan, signal, rendering }) => {
  const rows = await prepareRows(split, tokenizer, settings, signal, rendering, plan.assistantTurns)
  return { rows, rowsPerLine: 1, fillsContext: false, open: (options) => makeTextObjective(rows, options) }
}

/** The held-out rows in batches; ends early when aborted. */
export async function* planHeldOutBatches(
  heldOut: readonly PackedRow[],
  { linesPerStep, lengths }: BatchPlan,
  signal: AbortSignal,
): AsyncGenerator<{ readonly lines: PackedRow[][]; readonly length: number }> {
  for (const { lines, length } of planEpoch(heldOut, linesPerStep, lengths, (items) => [...items])) {
    await yieldToMessages()
    if (signal.aborted) return
    yield { lines: lines.map((line) => line.map((i) => heldOut[i] as PackedRow)), length }
  }
}

export function makeTextObjective(rows: PreparedRows, plan: BatchPlan): Objective {
  const {
    settings: { gradientAccumulation, packing, rngSeed },
    linesPerStep,
    teacherWeights = [],
  } = plan
  async function* batchHeldOut(signal: AbortSignal): AsyncGenerator<Batch> {
    for await (const { lines, length } of planHeldOutBatches(rows.heldOut, plan, signal))
      yield makeBatch(lines, linesPerStep, length)
  }
  return {
    ...rows,
    rowNoun: 'rows',
    async makeStep(_, { lines: planned, length, step }) {
      // A step repeated after a resume draws the same teachers: the draws depend only on rngSeed, step and the row's index in it.
      const drawn = makeRng(rngSeed).fork(`teachers/${step}`)
      const lines =
        teacherWeights.length > 1 ? drawTeachers(planned, teacherWeights, () => drawn.next()) : planned
      const size = Math.ceil(linesPerStep / gradientAccumulation)
      const countedInStep = countPredictions(lines)
      return {
        batches: splitIntoMicroBatches(lines, size).map((part) =>
          makeBatch(part, size, length, { packs: packing, countedInStep }),
        ),
        positions: lines.flat().reduce((sum, row) => sum + positionsOf(row), 0),
      }
    },
    evaluate: (trainer, signal) => trainer.measure(batchHeldOut(signal)),
  }
}
