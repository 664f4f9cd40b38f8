// Knows: how a student learns from preference pairs: the reference log-probabilities, and batches of chosen and rejected completions.
// Must not know: where rows are stored.
import { positionsOf, type Batch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { makePairBatch } from '../../../src/engine/training/pairs.ts'
import type { Sides } from '../../../src/pipeline/training/sides.ts'
import {
  computeReference,
  estimateDrift,
  preparePairs,
  type PreparedPair,
  type PreparedPairs,
} from '../prepare-pairs.ts'
import {
  splitIntoMicroBatches,
  type Objective,
  type OpenOptions,
  type Prepare,
  type Prepared,
  type PrepareInput,
} from './objective.ts'
import { planHeldOutBatches } from './texts.ts'

const prepareFrom = async (
  { split, tokenizer, settings, signal }: PrepareInput,
  sides?: Sides,
): Promise<Prepared> => {
  const rows = await preparePairs(split, tokenizer, settings.context, signal, sides)
  return { rows, rowsPerLine: 2, fillsContext: false, open: (options) => makePairObjective(rows, options) }
}
/** From the rows' own pairs. */
export const learnFromPairs: Prepare = (input) => prepareFrom(input)
/** From a good and a bad row each, of any prompts. */
export const learnFromSides: Prepare = async (input) => prepareFrom(input, await input.readSides())

function makePairObjective(prepared: PreparedPairs, plan: OpenOptions): Objective {
  if (!plan.objective.pairs) throw new TypeError('the objective does not learn from pairs')
  const { averages, needsReference, needsDrift } = plan.objective.pairs
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
