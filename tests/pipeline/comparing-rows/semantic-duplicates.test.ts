// Knows: which rows count as alike in meaning, what is kept and reported of them, and that the search is exact and leaves pauses.
import { expect, test } from 'vitest'
import type { Reply } from '../../../src/domain/reply.ts'
import { makeRng } from '../../../src/domain/rng.ts'
import { fromHalves } from '../../../src/engine/weights/half.ts'
import { toUnitHalves } from '../../../src/engine/weights/directions.ts'
import { semanticDuplicates } from '../../../src/pipeline/comparing-rows/semantic-duplicates.ts'
import type { Call } from '../../../src/pipeline/programs/program.ts'
import type { StageContext } from '../../../src/pipeline/stages/stage.ts'
import { drive } from '../programs/drive.ts'
import { makeRow, settingsWith, teacher } from '../samples.ts'

/** 20,000 took 115 s on a busy machine: `RETORT_ROWS=20000 npx vitest run …`. */
const ROWS = Number(process.env['RETORT_ROWS'] ?? 4000)

const context: StageContext = { step: 2, rngSeed: 1, modelOf: () => ({ ref: teacher, contextLength: 512 }) }
const settings = settingsWith(semanticDuplicates, {})

const VECTORS: Readonly<Record<string, readonly number[]>> = {
  'Why is the sky blue?': [1, 0, 0],
  'What makes the sky blue?': [0.95, 0.2, 0],
  'How is bread baked?': [0, 1, 0],
  'Sky, blue: why?': [0.85, 0.5, 0.1],
}
const replyFrom =
  (vectors: Readonly<Record<string, readonly number[]>>) =>
  (call: Call): Reply => {
    if (call.kind !== 'embed') throw new Error('it only embeds')
    const vector = vectors[call.request.text]
    return {
      kind: 'embed',
      result:
        vector === undefined
          ? { vector: new Uint16Array(0), refusal: 'The text is empty.' }
          : { vector: toUnitHalves(Float32Array.from(vector))! },
    }
  }
const run = (
  texts: readonly string[],
  changed: Parameters<typeof settingsWith<(typeof semanticDuplicates)['settings']>>[1] = {},
) => {
  const own = settingsWith(semanticDuplicates, changed)
  const held = texts.map((completion, i) => semanticDuplicates.hold(makeRow(i, { completion }), own))
  return drive(semanticDuplicates.together(held, own, context), replyFrom(VECTORS))
}

test('drops rows above the threshold, keeps the first of each group, and names the row that each is like', () => {
  const { outcome, calls } = run([
    'Why is the sky blue?',
    'How is bread baked?',
    'What makes the sky blue?',
    'Sky, blue: why?',
  ])
  expect(outcome.decisions.map(({ kind }) => kind)).toEqual(['kept', 'kept', 'dropped', 'kept'])
  expect(outcome.similar?.get(2)?.to).toBe(0)
  expect(Math.abs((outcome.similar?.get(2)?.score ?? 0) - 0.9785)).toBeLessThanOrEqual(0.001)
  expect(calls.every((call) => call.kind === 'embed' && call.role === 'embedder')).toBe(true)
})

test('compares with kept rows alone, and takes the most similar of them', () => {
  const { outcome } = run(['Why is the sky blue?', 'What makes the sky blue?', 'Sky, blue: why?'], {
    threshold: 0.8,
  })
  expect(outcome.decisions.map(({ kind }) => kind)).toEqual(['kept', 'dropped', 'dropped'])
  expect(outcome.similar?.get(2)?.to).toBe(0)
})

test('a row without a vector is kept, and says why it was not compared', () => {
  const { outcome } = run(['', 'Why is the sky blue?', ''])
  expect(outcome.decisions.map(({ kind }) => kind)).toEqual(['kept', 'kept', 'kept'])
  expect(outcome.decisions[0]).toMatchObject({ evidence: { 'not compared': 'The text is empty.' } })
})

test('rows of which none has a vector, or no rows at all, end it quietly', () => {
  expect(run([]).outcome.decisions).toEqual([])
  expect(run(['', '']).outcome.decisions).toHaveLength(2)
})

test('embeds the prompt, the completion, or both', () => {
  const row = makeRow(0, { prompt: 'Why?', completion: 'So.' })
  const hold = (of: 'prompt' | 'completion' | 'prompt and completion') =>
    semanticDuplicates.hold(row, { ...settings, of })
  expect([hold('prompt'), hold('completion'), hold('prompt and completion')]).toEqual([
    'Why?',
    'So.',
    'Why?\n\nSo.',
  ])
})

/** Vectors with a common part, as a chat model's hidden states have, and some near copies. */
function makeVectors(count: number, width: number, common: number): Float32Array[] {
  const rng = makeRng('vectors')
  const made: Float32Array[] = []
  for (let i = 0; i < count; i++) {
    const copied = i % 10 === 9 ? made[rng.below(i)] : undefined
    made.push(
      Float32Array.from({ length: width }, (_, j) =>
        copied ? (copied[j] ?? 0) + 0.05 * rng.normal() : (j === 0 ? common : 0) + rng.normal(),
      ),
    )
  }
  return made
}
const driveVectors = (
  vectors: readonly Uint16Array[],
  changed: Parameters<typeof settingsWith<(typeof semanticDuplicates)['settings']>>[1],
) =>
  drive(
    semanticDuplicates.together(
      vectors.map((_, i) => `${i}`),
      settingsWith(semanticDuplicates, changed),
      context,
    ),
    (call) => ({
      kind: 'embed',
      result: { vector: vectors[call.kind === 'embed' ? Number(call.request.text) : 0]! },
    }),
  )

test.each([
  [0, false],
  [30, false],
  [30, true],
])(
  'finds what a search over whole vectors finds (common part %s, mean subtracted: %s)',
  (common, centred) => {
    const made = makeVectors(400, 100, common)
    const halves = made.map((vector) => toUnitHalves(vector)!)
    const { outcome } = driveVectors(halves, { centred })
    const mean = Array.from({ length: 100 }, (_, j) =>
      centred ? halves.reduce((sum, half) => sum + fromHalves(half)[j]! / halves.length, 0) : 0,
    )
    const vectors = halves.map((half) => {
      const values = [...fromHalves(half)].map((value, j) => value - mean[j]!)
      const length = Math.hypot(...values)
      return values.map((value) => value / length)
    })
    const keptOnes: number[] = []
    const wanted = vectors.map((vector, i) => {
      const isLike = keptOnes.some(
        (at) => vectors[at]!.reduce((sum, value, j) => sum + value * vector[j]!, 0) > 0.9,
      )
      if (!isLike) keptOnes.push(i)
      return isLike ? 'dropped' : 'kept'
    })
    expect(outcome.decisions.map(({ kind }) => kind)).toEqual(wanted)
    expect(new Set(wanted).size).toBe(2)
  },
)

test('thousands of rows of 384 numbers pause every few milliseconds', { timeout: 300_000 }, () => {
  const rng = makeRng('many')
  const vectors = Array.from({ length: ROWS }, () =>
    toUnitHalves(Float32Array.from({ length: 384 }, () => rng.next() - 0.4))!,
  )
  const before = process.memoryUsage().arrayBuffers
  const started = performance.now()
  const { outcome, pauses } = driveVectors(vectors, {})
  const ms = performance.now() - started
  const mb = (process.memoryUsage().arrayBuffers - before) / 1e6
  process.stdout.write(`${ROWS} × 384: ${Math.round(ms)} ms, ${pauses} pauses, ${Math.round(mb)} MB\n`)
  expect(outcome.decisions).toHaveLength(ROWS)
  // At most 8,192 pairs between two pauses: about 3 million products.
  expect(pauses).toBeGreaterThan((ROWS * ROWS) / 2 / 9000)
})
