// Knows: how a student learns from pairs of answers: the reference it is measured against, and batches of both.
// Must not know: where rows are stored.
import type { PREFERENCE_NAMES } from '../../../src/domain/student.ts'
import { positionsOf, type Batch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { makePairBatch } from '../../../src/engine/training/pairs.ts'
import { PREFERENCES } from '../../../src/engine/training/preferences/index.ts'
import { findDrift, referToPresent, type PreparedPair, type PreparedPairs } from '../prepare-pairs.ts'
import { cutIntoParts, type Lesson } from './lesson.ts'
import { planHeldOut, type LessonPlan } from './texts.ts'

export function teachPairs(
  prepared: PreparedPairs,
  plan: LessonPlan,
  loss: (typeof PREFERENCE_NAMES)[number],
): Lesson {
  const { averages, needsReference, needsDrift } = PREFERENCES[loss]
  const {
    settings: { accumulate },
    linesAStep,
  } = plan
  let pairs = prepared
  const pairsOf = (lines: readonly (readonly PackedRow[])[]): PreparedPair[] =>
    lines.flat().flatMap((row) => pairs.of.get(row) ?? [])
  async function* batchHeldOut(signal: AbortSignal): AsyncGenerator<Batch> {
    for await (const { lines, length } of planHeldOut(pairs.heldOut, plan, signal))
      yield makePairBatch(pairsOf(lines), linesAStep, length, { averages })
  }
  const lesson: Lesson = {
    ...prepared,
    called: 'pairs',
    async makeStep(trainer, { lines, length }) {
      const size = Math.ceil(linesAStep / accumulate)
      const all = pairsOf(lines)
      return {
        batches: cutIntoParts(all, size).map((part) =>
          makePairBatch(part, size, length, { averages, ofStep: all.length }),
        ),
        positions: all.reduce(
          (sum, { chosen, rejected }) => sum + positionsOf(chosen) + positionsOf(rejected),
          0,
        ),
        ...(needsDrift ? { drift: await findDrift(trainer, all, linesAStep) } : {}),
      }
    },
    measure: (trainer, signal) => trainer.measure(batchHeldOut(signal)),
  }
  if (!needsReference) return lesson
  return {
    ...lesson,
    refer: async (trainer, signal) =>
      void (pairs = await referToPresent(trainer, pairs, {
        averages,
        strays: needsDrift,
        places: linesAStep,
        signal,
      })),
  }
}
