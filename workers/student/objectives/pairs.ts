// Knows: how a student learns from preference pairs: the reference log-probabilities, and batches of chosen and rejected completions.
// Must not know: where rows are stored.
import type { PREFERENCE_NAMES } from '../../../src/domain/student.ts'
import { positionsOf, type Batch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { makePairBatch } from '../../../src/engine/training/pairs.ts'
import { PREFERENCES } from '../../../src/engine/training/preferences/index.ts'
import { estimateDrift, computeReference, type PreparedPair, type PreparedPairs } from '../prepare-pairs.ts'
import { splitIntoMicroBatches, type Objective } from './objective.ts'
import { planHeldOutBatches, type BatchPlan } from './texts.ts'

export function makePairObjective(
  prepared: PreparedPairs,
  plan: BatchPlan,
  loss: (typeof PREFERENCE_NAMES)[number],
): Objective {
  const { averages, needsReference, needsDrift } = PREFERENCES[loss]
  const {
    settings: { gradientAccumulation },
    linesPerStep,
  } = plan
  let pairs = prepared
  const pairsOf = (lines: readonly (readonly PackedRow[])[]): PreparedPair[] =>
    lines.flat().flatMap((row) => pairs.byRow.get(row) ?? [])
  async function* batchHeldOut(signal: AbortSignal): AsyncGenerator<Batch> {
    for await (const { lines, length } of planHeldOutBatches(pairs.heldOut, plan, signal))
      yield makePairBatch(pairsOf(lines), linesPerStep, length, { averages })
  }
  const objective: Objective = {
    ...prepared,
    rowNoun: 'pairs',
    async makeStep(trainer, { lines, length }) {
      const size = Math.ceil(linesPerStep / gradientAccumulation)
      const all = pairsOf(lines)
      return {
        batches: splitIntoMicroBatches(all, size).map((part) =>
          makePairBatch(part, size, length, { averages, pairsInStep: all.length }),
        ),
        positions: all.reduce(
          (sum, { chosen, rejected }) => sum + positionsOf(chosen) + positionsOf(rejected),
          0,
        ),
        ...(needsDrift ? { drift: await estimateDrift(trainer, all, linesPerStep) } : {}),
      }
    },
    evaluate: (trainer, signal) => trainer.measure(batchHeldOut(signal)),
  }
  if (!needsReference) return objective
  return {
    ...objective,
    computeReference: async (trainer, signal) =>
      void (pairs = await computeReference(trainer, pairs, {
        averages,
        needsDrift,
        batchSize: linesPerStep,
        signal,
      })),
  }
}
