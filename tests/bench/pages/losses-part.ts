// Knows: how well students of one size learn from the same rows with different losses: the teacher's texts, its soft targets, both.
import type { CompletionResult } from '../../../src/domain/completion-request.ts'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { contentId } from '../../../src/domain/id.ts'
import { makeRng, shuffle } from '../../../src/domain/rng.ts'
import { tokenizerFromJson } from '../../../src/engine/tokenizers/files/json-tokenizer.ts'
import { renderStudentExample } from '../../../src/engine/tokenizers/templates/student-template.ts'
import { BatchOrder } from '../../../src/engine/training/batch-order.ts'
import type { DivergenceName } from '../../../src/engine/training/divergences/index.ts'
import { MIN_PROBABILITY } from '../../../src/engine/training/distillation.ts'
import { bucketLengths, makeBatch, packRows, type PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters, initialWeights } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { makeDistillation } from '../../../src/engine/training/objectives/distillation.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import { shapeOf } from '../../../src/pipeline/training/presets.ts'
import { decoderShapeOf } from '../../../workers/student/stored-student.ts'
import { shareVocabulary, computeRowSoftTargets } from '../../../workers/teachers/soft-targets.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import type { Measured, PartResult } from '../measure.ts'
import { openTeacher } from './teacher-part.ts'

const PRODUCTS = [
  'rye bread',
  'apples',
  'candles',
  'a wool scarf',
  'ground coffee',
  'batteries',
  'a birthday card',
  'oat milk',
  'soap',
  'tomato seeds',
  'an umbrella',
  'goat cheese',
]
const TEMPLATES = [
  'A customer asks for %. Answer in one friendly sentence.',
  'A customer wants to return %. Answer in one sentence.',
  'A customer says that % costs too much. Answer in one sentence.',
  'A customer asks when % comes in again. Answer in one sentence.',
]
const [STEPS, ROWS, CONTEXT, EVALUATE_EVERY] = [200, 8, 128, 20]

/** Completions by the teacher, three per prompt; the last three products are held out. */
async function writeRows(teacher: EngineTeacher): Promise<DatasetRow[]> {
  const prompts = PRODUCTS.flatMap((product, i) =>
    TEMPLATES.map((text) => ({
      prompt: text.replace('%', product),
      split: i < PRODUCTS.length - 3 ? ('train' as const) : ('held-out' as const),
    })),
  )
  const results = new Map<string, CompletionResult>()
  const requests = prompts.flatMap(({ prompt }, i) =>
    [0, 1, 2].map((variant) => ({
      id: `${i} ${variant}`,
      input: { kind: 'chat' as const, messages: [{ role: 'user' as const, content: prompt }] },
      sampling: {
        temperature: 0.7,
        topK: 0,
        topP: 0.95,
        minP: 0,
        repetitionPenalty: 1,
        maxTokens: 40,
        stop: ['\n'],
        rngSeed: `${i} ${variant}`,
      },
    })),
  )
  await teacher.complete(requests, {
    signal: new AbortController().signal,
    onResult: (result) => void results.set(result.id, result),
    onProgress: () => undefined,
  })
  return prompts
    .flatMap(({ prompt, split }, i) =>
      [0, 1, 2].map((variant) => ({
        rowId: contentId('row', [i, variant]),
        seedId: contentId('seed', i),
        split,
        system: '',
        prompt,
        completion: (results.get(`${i} ${variant}`)?.text ?? '').trim(),
        editedByHand: false,
      })),
    )
    .filter(({ completion }) => completion !== '')
}

/** Lowest held-out cross-entropy on the teacher's texts within 200 steps, in nats per token. Two wasm threads. */
export async function measureLosses(): Promise<PartResult> {
  const teacher = await openTeacher()
  const rows = await writeRows(teacher)
  const train = rows.filter(({ split }) => split === 'train')
  const shared = shareVocabulary(teacher.tokenizer, train)
  const tokenizer = tokenizerFromJson(JSON.parse(shared.files.json), JSON.parse(shared.files.config))
  const softTargets = await computeRowSoftTargets(
    teacher,
    train,
    shared,
    { topK: 16, temperature: 1, allowedIds: shared.teacherIds },
    new AbortController().signal,
  )
  await teacher.release()
  const pack = (some: readonly DatasetRow[], withTeacher: boolean): readonly PackedRow[] =>
    packRows(
      some.map((row, i) => {
        const { ids, promptLength } = renderStudentExample(tokenizer, row)
        const rowTargets = withTeacher ? softTargets[i] : undefined
        return {
          prompt: ids.slice(0, promptLength),
          completion: ids.slice(promptLength),
          ...(rowTargets
            ? {
                teacher: {
                  ...rowTargets,
                  probabilities: rowTargets.probabilities.map((probability) =>
                    Math.max(probability, MIN_PROBABILITY),
                  ),
                },
              }
            : {}),
        }
      }),
      CONTEXT,
    ).rows
  const [trainRows, heldOut] = [
    pack(train, true),
    pack(
      rows.filter(({ split }) => split === 'held-out'),
      false,
    ),
  ]
  const runtime = await openRuntime({ backend: 'wasm', threads: 2 })
  const shape = decoderShapeOf(shapeOf('micro', tokenizer.vocabularySize, CONTEXT))

  const lowestWith = async (divergence: DivergenceName, textShare: number): Promise<number> => {
    const rng = makeRng('losses')
    const state = initialState(initialWeights(listParameters(shape), () => rng.normal()))
    const trainer = new Trainer(
      runtime,
      {
        shape,
        weightDecay: 0.1,
        maxGradientNorm: 1,
        objective: makeDistillation({ divergence, temperature: 1, textShare }),
      },
      state,
    )
    const order = new BatchOrder(trainRows, ROWS, bucketLengths(CONTEXT), {
      state: () => rng.state(),
      shuffle: (items) => shuffle(items, rng),
    })
    const measureBatches = Array.from({ length: Math.ceil(heldOut.length / ROWS) }, (_, i) =>
      makeBatch(
        heldOut.slice(i * ROWS, (i + 1) * ROWS).map((row) => [row]),
        ROWS,
        CONTEXT,
      ),
    )
    let lowest = Infinity
    for (let step = 1; step <= STEPS; step += 1) {
      const { lines, length } = order.take()
      await trainer.train(
        makeBatch(
          lines.map((line) => line.map((i) => trainRows[i] as PackedRow)),
          ROWS,
          length,
        ),
        learningRateAt(step, { steps: STEPS, learningRate: 0.004, warmUp: 0.05 }),
      )
      if (step % EVALUATE_EVERY === 0) lowest = Math.min(lowest, await trainer.measure(measureBatches))
    }
    await trainer.release()
    return lowest
  }
  const how = `${train.length} rows, ${heldOut.length} held out, vocabulary of ${tokenizer.vocabularySize}, ${STEPS} steps, batch size ${ROWS}`
  const text = await lowestWith('forward-kl', 1)
  const soft = await lowestWith('forward-kl', 0)
  const both = await lowestWith('forward-kl', 0.5)
  const reverse = await lowestWith('reverse-kl', 0)
  const jensen = await lowestWith('jensen-shannon', 0)
  const line = (what: string, value: number): Measured => ({
    what: `held-out loss, ${what}`,
    value,
    unit: 'nats/token',
    how,
  })
  return {
    measured: [
      line('the teacher’s texts', text),
      line('soft targets, forward KL', soft),
      line('texts and soft targets, half each', both),
      line('soft targets, reverse KL', reverse),
      line('soft targets, Jensen-Shannon', jensen),
    ],
    ratios: [
      { what: 'held-out loss: forward KL relative to texts, same rows and tokens', ratio: soft / text },
      { what: 'held-out loss: half each relative to texts', ratio: both / text },
    ],
  }
}
