// Knows: batched generation and scoring in the browser, on small decoders with weights by formula: a backend against wasm,
// a batch against single rows, packed weights against floats.
import {
  Generator,
  type GenerateRequest,
  type GenerateResult,
  type ScoreOutput,
} from '../../../src/engine/generation/generator.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import type { LoadedWeights } from '../../../src/engine/weights/loaded.ts'
import { byteTokenizer, makePackedWeights, makeTinyWeights } from '../../engine/small-model.ts'
import { checkAtMost, checkThat, type Check } from './check.ts'

const OPENING = 'You are a shop assistant. Be brief and kind. '
const QUESTIONS = [
  'Tea?',
  'Where is the bread?',
  'Do you open on Sunday, and if so how long?',
  'hm',
  'How much is a pound of flour?',
  'Thanks!',
]
const requests = (texts: readonly string[]): GenerateRequest[] =>
  texts.map((text, i) => ({
    id: `${i} ${text}`,
    tokens: byteTokenizer.encode(text),
    sampling: {
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      maxTokens: 4 + 2 * (i % 3),
      stop: [],
      rngSeed: 'x',
    },
  }))

async function generate(
  generator: Generator,
  batch: readonly GenerateRequest[],
): Promise<Map<string, GenerateResult>> {
  const results = new Map<string, GenerateResult>()
  await generator.generate(batch, { onResult: (result) => results.set(result.id, result) })
  return results
}
async function score(generator: Generator, texts: readonly string[]): Promise<Map<string, ScoreOutput>> {
  const results = new Map<string, ScoreOutput>()
  const continuations = ['1', '2', '34'].map((text) => byteTokenizer.encode(text))
  await generator.score(
    texts.map((text) => ({ id: text, tokens: byteTokenizer.encode(text), continuations })),
    { onResult: (result) => results.set(result.id, result) },
  )
  return results
}
/** Largest difference of any log-probability; NaN if one is missing. */
function worst(a: ReadonlyMap<string, ScoreOutput>, b: ReadonlyMap<string, ScoreOutput>): number {
  let max = 0
  for (const [id, { logProbs }] of a)
    logProbs.forEach(
      (logProb, i) => (max = Math.max(max, Math.abs(logProb - (b.get(id)?.logProbs[i] ?? Number.NaN)))),
    )
  return a.size === 0 ? Number.NaN : max
}
const sameTexts = (
  name: string,
  a: ReadonlyMap<string, GenerateResult>,
  b: ReadonlyMap<string, GenerateResult>,
): Check => {
  const different = [...a].filter(([id, { tokens }]) => tokens.join() !== b.get(id)?.tokens.join())
  return {
    name,
    ok: a.size > 0 && different.length === 0,
    detail:
      different
        .map(([id, { tokens }]) => `${id}: ${tokens.join(' ')} against ${b.get(id)?.tokens.join(' ')}`)
        .join('; ') || `${a.size} completions`,
  }
}

/** All checks of a backend; WebGPU runs on the GPU only, or fails. */
export async function runEngineChecks(backend: 'wasm' | 'webgpu'): Promise<readonly Check[]> {
  const reference = await openRuntime({ backend: 'wasm' })
  const runtime = backend === 'wasm' ? reference : await openRuntime({ backend, forbidFallback: true })
  const make = (on: Runtime, weights: LoadedWeights, maxBatch: number): Promise<Generator> =>
    Generator.create(on, weights, byteTokenizer, { batchSize: maxBatch, contextLength: 128 })
  const whole = [...QUESTIONS, ...QUESTIONS.slice(0, 3).map((text) => OPENING + text)]
  const shared = QUESTIONS.map((text) => OPENING + text)
  const checks: Check[] = [
    {
      name: 'the backend is the requested one',
      ok: runtime.backend === backend,
      detail: `${runtime.backend}, ${runtime.threads} threads`,
    },
  ]

  const spec = await make(reference, makeTinyWeights(), 1)
  const [texts, scores] = [await generate(spec, requests(whole)), await score(spec, whole)]
  const sharedScores = new Map<string, ScoreOutput>()
  for (const text of shared)
    for (const [id, scored] of await score(spec, [text])) sharedScores.set(id, scored)
  await spec.release()

  const batch = await make(runtime, makeTinyWeights(), 4)
  checks.push(
    await checkThat('a batch of four generates what wasm generates row by row', async () =>
      sameTexts(
        'a batch of four generates what wasm generates row by row',
        await generate(batch, requests(whole)),
        texts,
      ),
    ),
  )
  checks.push(
    await checkThat('a batch scores what wasm scores', async () =>
      checkAtMost('a batch scores what wasm scores', worst(await score(batch, whole), scores), 1e-3),
    ),
  )
  checks.push(
    await checkThat('a shared prefix changes no score', async () =>
      checkAtMost('a shared prefix changes no score', worst(await score(batch, shared), sharedScores), 1e-3),
    ),
  )
  await batch.release()

  // Packed weights are another model than the floats above, so their floats are the reference.
  const { packed, floats } = makePackedWeights()
  const dense = await make(reference, floats, 2)
  const packedScores = await score(dense, QUESTIONS)
  await dense.release()
  checks.push(
    await checkThat('four-bit weights score what their floats score', async () => {
      const four = await make(runtime, packed, 2)
      const check = checkAtMost(
        'four-bit weights score what their floats score',
        worst(await score(four, QUESTIONS), packedScores),
        2e-3,
      )
      await four.release()
      return check
    }),
  )
  return checks
}
