// Knows: how a student learns classes: one prediction a row, at the last token of its prompt; how it is measured and shown.
// Must not know: where rows are stored, where the teacher's shares come from.
import type { DecoderShape } from '../../../src/engine/models/shape.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import { Classifier } from '../../../src/engine/training/classifier.ts'
import type { Flat } from '../../../src/engine/training/parameters.ts'
import { breathe } from '../breathe.ts'
import { likeliestOf, numberOf, promptOf, type PreparedClasses } from '../prepare-classes.ts'
import type { Lesson } from './lesson.ts'
import { teachTexts, type LessonPlan } from './texts.ts'

export interface ClassLesson {
  readonly runtime: Runtime
  readonly shape: DecoderShape
}

/** Probabilities below this count as this: a loss stays a number. */
const LEAST = 1e-30

export function teachClasses(
  prepared: PreparedClasses,
  plan: LessonPlan,
  { runtime, shape }: ClassLesson,
): Lesson {
  const { classes, heldOut, unanswerable } = prepared
  let classifier: Classifier | undefined
  let wrong: number | undefined
  const ask = (
    weights: Flat,
    prompts: readonly (readonly number[])[],
    signal: AbortSignal,
  ): Promise<(Float32Array | undefined)[]> => {
    if (classifier) classifier.load(weights)
    else classifier = new Classifier(runtime, shape, weights)
    return classifier.classify(prompts, { signal, onBatch: breathe })
  }
  return {
    ...teachTexts(prepared, plan),
    async measure(trainer, signal) {
      const found = await ask(await trainer.readWeights(), heldOut.map(promptOf), signal)
      const told = found.flatMap((probabilities, i) =>
        probabilities ? [{ probabilities, number: numberOf(heldOut[i] as (typeof heldOut)[number]) }] : [],
      )
      const misses = told.filter(({ probabilities, number }) => likeliestOf(probabilities) !== number).length
      wrong = told.length === 0 ? undefined : (misses + unanswerable) / (told.length + unanswerable)
      return (
        told.reduce(
          (sum, { probabilities, number }) => sum - Math.log(Math.max(LEAST, probabilities[number] ?? 0)),
          0,
        ) / told.length
      )
    },
    wrong: () => wrong,
    writeSamples: async (weights, prompts, signal) =>
      (await ask(weights, prompts, signal)).map((probabilities) =>
        probabilities ? tellClass(probabilities, classes) : '',
      ),
    release: async () => classifier?.release(),
  }
}

/** “positive, 93 %”. */
export function tellClass(probabilities: Float32Array, classes: readonly string[]): string {
  const best = likeliestOf(probabilities)
  return `${classes[best] ?? ''}, ${Math.round(100 * (probabilities[best] ?? 0))} %`
}
