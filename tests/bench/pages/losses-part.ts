// Knows: how well students of one size learn from the same rows by different losses: the teacher's texts, its probabilities, both.
import type { CompletionResult } from '../../../src/domain/model.ts'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { contentId } from '../../../src/domain/id.ts'
import { makeRng, shuffle } from '../../../src/domain/rng.ts'
import { tokenizerFromJson } from '../../../src/engine/tokenizers/json-tokenizer.ts'
import { renderStudentExample } from '../../../src/engine/tokenizers/student-template.ts'
import { BatchOrder } from '../../../src/engine/training/batch-order.ts'
import type { DivergenceName } from '../../../src/engine/training/divergences/index.ts'
import { LEAST_PROBABILITY } from '../../../src/engine/training/distillation.ts'
import { bucketLengths, makeBatch, packRows, type PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters, makeFirstWeights } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { beginState, Trainer } from '../../../src/engine/training/trainer.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import { shapeOf } from '../../../src/pipeline/training/presets.ts'
import { decoderShapeOf } from '../../../workers/student/stored-student.ts'
import { shareVocabulary, traceRows } from '../../../workers/teachers/trace.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import type { Measured, PartAnswer } from '../measure.ts'
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
const ASKED = [
  'A customer asks for %. Answer in one friendly sentence.',
  'A customer wants to return %. Answer in one sentence.',
  'A customer says that % costs too much. Answer in one sentence.',
  'A customer asks when % comes in again. Answer in one sentence.',
]
const [STEPS, ROWS, CONTEXT, LOOK] = [200, 8, 128, 20]

/** Completions by the teacher, three of each prompt; the last three products are held out. */
async function writeRows(teacher: EngineTeacher): Promise<DatasetRow[]> {
  const prompts = PRODUCTS.flatMap((product, i) =>
    ASKED.map((text) => ({
      prompt: text.replace('%', product),
      split: i < PRODUCTS.length - 3 ? ('train' as const) : ('held-out' as const),
    })),
  )
  const results = new Map<string, CompletionResult>()
  const requests = prompts.flatMap(({ prompt }, i) =>
    [0, 1, 2].map((variant) => ({
      id: `${i} ${variant}`,
      asked: { kind: 'chat' as const, messages: [{ role: 'user' as const, content: prompt }] },
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

/** Held-out cross-entropy on the teacher's texts, in nats a token: after each look of 200 steps, and the lowest of them. Two wasm threads. */
export async function measureLosses(): Promise<PartAnswer> {
  const teacher = await openTeacher()
  const rows = await writeRows(teacher)
  const train = rows.filter(({ split }) => split === 'train')
  const shared = shareVocabulary(teacher.tokenizer, train)
  const tokenizer = tokenizerFromJson(JSON.parse(shared.files.json), JSON.parse(shared.files.config))
  const traced = await traceRows(
    teacher,
    train,
    shared,
    { choices: 16, temperature: 1, among: shared.among },
    new AbortController().signal,
  )
  await teacher.release()
  const pack = (some: readonly DatasetRow[], taught: boolean): readonly PackedRow[] =>
    packRows(
      some.map((row, i) => {
        const { ids, border } = renderStudentExample(tokenizer, row)
        const said = taught ? traced[i] : undefined
        return {
          prompt: ids.slice(0, border),
          completion: ids.slice(border),
          ...(said
            ? {
                teacher: {
                  ...said,
                  probabilities: said.probabilities.map((probability) =>
                    Math.max(probability, LEAST_PROBABILITY),
                  ),
                },
              }
            : {}),
        }
      }),
      CONTEXT,
    ).rows
  const [learned, heldOut] = [
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
    const state = beginState(makeFirstWeights(listParameters(shape), () => rng.normal()))
    const trainer = new Trainer(
      runtime,
      { shape, weightDecay: 0.1, clip: 1, distils: { divergence, temperature: 1, textShare } },
      state,
    )
    const order = new BatchOrder(learned, ROWS, bucketLengths(CONTEXT), {
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
          lines.map((line) => line.map((i) => learned[i] as PackedRow)),
          ROWS,
          length,
        ),
        learningRateAt(step, { steps: STEPS, learningRate: 0.004, warmUp: 0.05 }),
      )
      if (step % LOOK === 0) lowest = Math.min(lowest, await trainer.measure(measureBatches))
    }
    await trainer.release()
    return lowest
  }
  const how = `${train.length} rows, ${heldOut.length} held out, vocabulary of ${tokenizer.vocabularySize}, ${STEPS} steps of ${ROWS}`
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
      line('its probabilities, forward KL', soft),
      line('half of either', both),
      line('its probabilities, reverse KL', reverse),
      line('its probabilities, Jensen-Shannon', jensen),
    ],
    ratios: [
      { what: 'held-out loss: forward KL against the texts, same rows and tokens', ratio: soft / text },
      { what: 'held-out loss: half of either against the texts', ratio: both / text },
    ],
  }
}
