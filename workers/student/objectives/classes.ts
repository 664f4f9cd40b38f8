// Knows: how a student learns classes: one prediction per row, at the last token of its prompt; how it is evaluated and sampled.
// Must not know: where rows are stored, where the teacher's class probabilities come from.
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { Classifier } from '../../../src/engine/training/classifier.ts'
import type { Flat } from '../../../src/engine/training/parameters.ts'
import { classOf } from '../../../src/pipeline/training/find-classes.ts'
import { yieldToMessages } from '../yield-to-messages.ts'
import { argmax, classNumberOf, prepareClasses, promptOf, type PreparedClasses } from '../prepare-classes.ts'
import type { Mistake, Objective, OpenOptions, Prepare } from './objective.ts'
import { makeTextObjective } from './texts.ts'

/** Lower bound of a probability in the loss, which keeps it finite. */
const MIN_PREDICTED = 1e-30
/** Wrong held-out rows that are reported. */
const MAX_MISTAKES = 100

export const learnFromLabels: Prepare = async ({ split, tokenizer, settings, signal }) => {
  const rows = await prepareClasses(split, tokenizer, settings, signal)
  const { classes } = rows
  return {
    rows,
    classes,
    rowsPerLine: 1,
    fillsContext: false,
    open: (options) => makeClassObjective(rows, options),
  }
}

function makeClassObjective(prepared: PreparedClasses, plan: OpenOptions): Objective {
  const { runtime, shape } = plan.student
  const { classes, heldOut, heldOutRows, unknownClassRows, unknownRows } = prepared
  let classifier: Classifier | undefined
  let errorRate: number | undefined
  let evaluated: number | undefined
  let mistakes: readonly Mistake[] = []
  const classify = (
    weights: Flat,
    prompts: readonly (readonly number[])[],
    signal: AbortSignal,
  ): Promise<(Float32Array | undefined)[]> => {
    if (classifier) classifier.load(weights)
    else classifier = new Classifier(runtime, shape, weights)
    return classifier.classify(prompts, { signal, onBatch: yieldToMessages })
  }
  return {
    ...makeTextObjective(prepared, plan),
    async evaluate(trainer, signal) {
      const classified = await classify(await trainer.readWeights(), heldOut.map(promptOf), signal)
      const predictions = classified.flatMap((probabilities, i) =>
        probabilities
          ? [{ probabilities, number: classNumberOf(heldOut[i] as (typeof heldOut)[number]) }]
          : [],
      )
      const misses = predictions.filter(
        ({ probabilities, number }) => argmax(probabilities) !== number,
      ).length
      evaluated = predictions.length === 0 ? undefined : predictions.length + unknownClassRows
      errorRate = evaluated === undefined ? undefined : (misses + unknownClassRows) / evaluated
      mistakes = [
        ...heldOutRows.flatMap((row, i) => {
          const probabilities = classified[i]
          const number = classNumberOf(heldOut[i] as (typeof heldOut)[number])
          return probabilities === undefined || argmax(probabilities) === number
            ? []
            : [mistakeOf(row, describeClass(probabilities, classes))]
        }),
        ...unknownRows.map((row) => mistakeOf(row, '')),
      ].slice(0, MAX_MISTAKES)
      return (
        predictions.reduce(
          (sum, { probabilities, number }) =>
            sum - Math.log(Math.max(MIN_PREDICTED, probabilities[number] ?? 0)),
          0,
        ) / predictions.length
      )
    },
    errorRate: () => errorRate,
    evaluated: () => evaluated,
    mistakes: () => mistakes,
    generateSamples: async (weights, prompts, signal) =>
      (await classify(weights, prompts, signal)).map((probabilities) =>
        probabilities ? describeClass(probabilities, classes) : '',
      ),
    release: async () => classifier?.release(),
  }
}

const mistakeOf = ({ prompt, completion }: DatasetRow, text: string): Mistake => ({
  prompt,
  text,
  expected: classOf(completion),
})

/** “positive, 93 %”. */
export function describeClass(probabilities: Float32Array, classes: readonly string[]): string {
  const best = argmax(probabilities)
  return `${classes[best] ?? ''}, ${Math.round(100 * (probabilities[best] ?? 0))} %`
}
