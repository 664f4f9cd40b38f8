// On-policy distillation with a lent teacher: which steps are on-policy, that the teacher scores exactly the student's tokens, that training
// is reproducible, and what happens if the teacher is slow, gone or has too short a context.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import { readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import {
  readSoftTargetFile,
  writeSoftTargetHeader,
  writeSoftTargetRow,
} from '../../../src/engine/training/soft-target-file.ts'
import { tokenizerFromJson } from '../../../src/engine/tokenizers/files/json-tokenizer.ts'
import { renderStudentExample } from '../../../src/engine/tokenizers/templates/student-template.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { portOf, serve } from '../../../src/protocol/channel.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type {
  StudentCompletion,
  LentTeacherContract,
  CompletionSoftTargets,
} from '../../../src/protocol/lent-teacher.ts'
import type { TrainEvent, TrainOutcome } from '../../../src/protocol/student.ts'
import { borrowTeacher, type BorrowedTeacher } from '../../../workers/student/borrowed-teacher.ts'
import { planOnPolicySteps } from '../../../workers/student/objectives/on-policy.ts'
import { Pace } from '../../../workers/student/pace.ts'
import { train } from '../../../workers/student/train.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { makeSoftTargetComputer, type SoftTargetComputer } from '../../../workers/teachers/lend.ts'
import {
  shareVocabulary,
  computeRowSoftTargets,
  type SharedVocabulary,
} from '../../../workers/teachers/soft-targets.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'

const signal = new AbortController().signal
const TOP_K = 6
const { vocabulary: _vocabulary, labelSmoothing: _smoothing, loss: _text, ...common } = SETTINGS
const settings: TrainSettings = {
  ...common,
  loss: 'on-policy',
  divergence: 'reverse-kl',
  lambda: 1,
  textWarmUp: 0.25,
  temperature: 1,
  topK: TOP_K,
  maxTokens: 12,
  samplingTemperature: 1,
  context: 64,
  steps: 8,
  evaluateEvery: 4,
}

let teacher: EngineTeacher
let rows: DatasetRow[]
let shared: SharedVocabulary
let softTargets: Uint8Array
let compute: SoftTargetComputer
beforeAll(async () => {
  const bytes = new Uint8Array(
    readFileSync(new URL('../../../public/teacher/corner-shop.gguf', import.meta.url)),
  )
  teacher = await openGguf(sourceFromBytes('corner-shop.gguf', bytes), {
    backend: 'wasm',
    contextLength: 256,
    signal,
    onProgress: () => undefined,
  })
  rows = makeRows(12, 3)
  const trainRows = rows.filter(({ split }) => split === 'train')
  shared = shareVocabulary(teacher.tokenizer, trainRows)
  const computed = await computeRowSoftTargets(
    teacher,
    trainRows,
    shared,
    { topK: TOP_K, temperature: 1, allowedIds: shared.teacherIds },
    signal,
  )
  softTargets = new Uint8Array(
    await new Blob([
      writeSoftTargetHeader({ topK: TOP_K, temperature: 1, tokenizer: shared.files, rows: trainRows.length }),
      ...computed.map(writeSoftTargetRow),
    ]).arrayBuffer(),
  )
  compute = makeSoftTargetComputer(teacher, shared, { topK: TOP_K, temperature: 1 })
}, 60_000)
afterAll(() => teacher.release())

/** The lent teacher; records its calls. */
class RecordingTeacher implements BorrowedTeacher {
  readonly calls: StudentCompletion[][] = []
  before: (call: number) => unknown = () => undefined
  computeSoftTargets = async (
    completions: readonly StudentCompletion[],
    abort: AbortSignal,
  ): Promise<readonly CompletionSoftTargets[]> => {
    this.calls.push([...completions])
    await this.before(this.calls.length)
    return compute(completions, abort)
  }
}

interface Ran {
  readonly outcome: TrainOutcome
  readonly events: TrainEvent[]
  readonly points: readonly { step: number; train: number; heldOut?: number }[]
}
const makeStores = (): MemoryStores => Object.assign(makeMemoryStores(rows), { softTargets })
async function run(
  stores: MemoryStores,
  trainSettings: TrainSettings,
  lent?: BorrowedTeacher,
  { stopAfter = Infinity, controller = new AbortController() } = {},
): Promise<Ran> {
  const events: TrainEvent[] = []
  let clock = 0
  const emit = (event: TrainEvent): void => {
    events.push(event)
    if (event.kind === 'step' && event.point.step >= stopAfter) controller.abort()
  }
  const outcome = await train(
    { ...IDS, settings: trainSettings, softTargets: 'built-in.trace', backend: 'wasm' },
    { signal: controller.signal, emit },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150), ...(lent ? { teacher: lent } : {}) },
  )
  return { outcome, events, points: events.flatMap((event) => (event.kind === 'step' ? [event.point] : [])) }
}
const weightsOf = ({ checkpoint }: MemoryStores): string => {
  const read = readCheckpoint(checkpoint ?? new Uint8Array())
  if (!read.ok) throw new Error(read.sentence)
  const { weights, m, v } = read.checkpoint.state
  return [weights, m, v]
    .map((part) => hashOfBytes(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)))
    .join()
}

describe('on-policy steps', () => {
  test(
    'equal the steps of the plain divergence bit for bit with λ = 0, without a teacher',
    { timeout: 60_000 },
    async () => {
      const {
        lambda: _l,
        textWarmUp: _o,
        maxTokens: _a,
        samplingTemperature: _t,
        divergence,
        loss: _loss,
        ...plain
      } = settings
      const [onPolicy, offPolicy] = [makeStores(), makeStores()]
      const first = await run(onPolicy, { ...settings, lambda: 0 })
      const second = await run(offPolicy, { ...plain, loss: String(divergence), textShare: 0 })
      expect(first.points).toEqual(second.points)
      expect(weightsOf(onPolicy)).toBe(weightsOf(offPolicy))
    },
  )

  test('are all steps after the warm-up with λ = 1, and notes say so', { timeout: 60_000 }, async () => {
    const lent = new RecordingTeacher()
    const { outcome, events, points } = await run(makeStores(), settings, lent)
    expect(outcome).toMatchObject({ outcome: 'finished', step: 8 })
    expect(lent.calls).toHaveLength(1 + 6) // once for the dry run
    expect(lent.calls.map((completions) => completions.length)).toEqual(Array.from({ length: 7 }, () => 4))
    const notes = events.flatMap((event) => (event.kind === 'step' ? [event.note] : []))
    expect(notes.slice(0, 2)).toEqual(
      Array.from(
        { length: 2 },
        () => 'Training on texts until step 2, then on the student’s own completions too.',
      ),
    )
    expect(notes.at(-1)).toBe('75 % of the steps so far were on-policy.')
    expect(
      points.flatMap(({ heldOut }) => (heldOut === undefined ? [] : [heldOut])).every(Number.isFinite),
    ).toBe(true)
  })

  test('have the share λ, with an independent draw for each step', () => {
    const { warmUpSteps, isOnPolicy } = planOnPolicySteps({
      lambda: 0.3,
      textWarmUp: 0.2,
      steps: 2500,
      rngSeed: 3,
    })
    const onPolicy = Array.from({ length: 2500 }, (_, i) => isOnPolicy(i + 1))
    expect(warmUpSteps).toBe(500)
    expect(onPolicy.slice(0, 500)).not.toContain(true)
    expect(Math.abs(onPolicy.filter(Boolean).length / 2000 - 0.3)).toBeLessThanOrEqual(0.03)
    const again = planOnPolicySteps({ lambda: 0.3, textWarmUp: 0.2, steps: 2500, rngSeed: 3 })
    expect(onPolicy.map((_, i) => again.isOnPolicy(2500 - i))).toEqual(onPolicy.toReversed())
  })
})

describe('the soft targets of completions', () => {
  /** The slow reference: one request for each prefix of the completion. */
  async function computeSlowly(
    { system, prompt, tokens }: StudentCompletion,
    count: number,
  ): Promise<CompletionSoftTargets> {
    const { tokenizer } = teacher
    const student = tokenizerFromJson(JSON.parse(shared.files.json), JSON.parse(shared.files.config))
    const vocabulary = Object.entries(
      (JSON.parse(shared.files.json) as { model: { vocab: Record<string, number> } }).model.vocab,
    )
    const teacherTokens = [...tokens].map(
      (id) => tokenizer.idOf(vocabulary.find(([, ours]) => ours === id)?.[0] ?? '') ?? -1,
    )
    expect(student.vocabularySize).toBe(vocabulary.length)
    const promptIds = tokenizer.encode(
      tokenizer.renderChat(
        [...(system ? [{ role: 'system', content: system }] : []), { role: 'user', content: prompt }],
        { addGenerationPrompt: true },
      ),
    )
    const ids: number[] = []
    const probabilities: number[] = []
    for (let i = 0; i < count; i++) {
      await teacher.computeSoftTargets(
        [{ id: '', prompt: [...promptIds, ...teacherTokens.slice(0, i)], completion: [] }],
        { topK: TOP_K, temperature: 1, allowedIds: shared.teacherIds },
        {
          signal,
          onResult: ({ indices, probabilities: computed }) => {
            ids.push(...[...indices].map((index) => shared.studentIds[index] ?? -1))
            probabilities.push(...computed)
          },
        },
      )
    }
    return { topK: TOP_K, ids: Uint16Array.from(ids), probabilities: Float32Array.from(probabilities) }
  }
  const expectSame = (one: CompletionSoftTargets, other: CompletionSoftTargets): void => {
    expect([...one.ids]).toEqual([...other.ids])
    expect(one.probabilities.length).toBe(other.probabilities.length)
    one.probabilities.forEach((p, i) =>
      expect(Math.abs(p - (other.probabilities[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-4),
    )
  }

  test('belong to exactly the sampled tokens', { timeout: 60_000 }, async () => {
    const lent = new RecordingTeacher()
    await run(makeStores(), { ...settings, steps: 3, textWarmUp: 0.34 }, lent)
    for (const completions of lent.calls) {
      const scored = await compute(completions, signal)
      for (const [i, one] of scored.entries()) {
        const { tokens, prompt } = completions[i]!
        expect(rows.some((row) => row.split === 'train' && row.prompt === prompt)).toBe(true)
        expect(tokens.length).toBeGreaterThan(0)
        expect(one.ids.length / TOP_K).toBeLessThanOrEqual(tokens.length)
        if (i < 2) expectSame(one, await computeSlowly(completions[i]!, one.ids.length / TOP_K))
      }
    }
  })

  test('keep the student’s tokens if the teacher would tokenize the same text differently', async () => {
    const { prompt, completion, system } = rows[0]!
    const student = tokenizerFromJson(JSON.parse(shared.files.json), JSON.parse(shared.files.config))
    const { ids, promptLength } = renderStudentExample(student, { prompt, completion })
    const canonical = Uint16Array.from(ids.slice(promptLength))
    const bytes = Uint16Array.from(
      [...completion].flatMap((character) => student.encode(character, { special: false })),
    )
    expect(student.decode([...bytes])).toBe(completion)
    expect(bytes.length).toBeGreaterThan(canonical.length)
    const [one, other] = await compute(
      [
        { system, prompt, tokens: bytes },
        { system, prompt, tokens: canonical },
      ],
      signal,
    )
    expectSame(one!, await computeSlowly({ system, prompt, tokens: bytes }, bytes.length))
    // The canonical tokens are those that were stored for the row.
    const stored = readSoftTargetFile(softTargets)
    if (!stored.ok) throw new Error(stored.sentence)
    expectSame(other!, stored.file.rows[0]!)
  })

  test('end with the first token that the teacher does not have and are empty beyond its context', async () => {
    const student = tokenizerFromJson(JSON.parse(shared.files.json), JSON.parse(shared.files.config))
    const [a, b] = student.encode('The red', { special: false })
    const tokens = Uint16Array.of(a!, student.idOf('<|user|>')!, b!)
    const long = Uint16Array.from({ length: 300 }, () => a!)
    const [cut, refused, empty] = await compute(
      [
        { system: '', prompt: 'Hello', tokens },
        { system: '', prompt: 'Hello', tokens: long },
        { system: '', prompt: 'Hello', tokens: new Uint16Array() },
      ],
      signal,
    )
    expect(cut!.ids.length / TOP_K).toBe(2)
    expect([refused!.ids.length, empty!.ids.length]).toEqual([0, 0])
  })
})

describe('a training with a lent teacher', () => {
  test(
    'ends with the same weights after a stop inside a step and resume as without',
    { timeout: 60_000 },
    async () => {
      const [whole, cut] = [makeStores(), makeStores()]
      const mixed = { ...settings, lambda: 0.7, textWarmUp: 0.2, steps: 10, evaluateEvery: 5, rngSeed: 12 }
      const lent = new RecordingTeacher()
      await run(whole, mixed, lent)
      expect(lent.calls.length).toBeGreaterThan(4)
      expect(lent.calls.length).toBeLessThan(1 + 8)
      const again = makeStores()
      await run(again, mixed, new RecordingTeacher())
      expect(weightsOf(again)).toBe(weightsOf(whole))
      const slow = new RecordingTeacher()
      const controller = new AbortController()
      slow.before = (call) =>
        call === 4 && new Promise((resolve) => setTimeout(() => (controller.abort(), resolve(undefined)), 50))
      const stopped = await run(cut, mixed, slow, { controller })
      expect(stopped.outcome.outcome).toBe('stopped')
      expect(stopped.outcome.step).toBeGreaterThan(2)
      expect((await run(cut, mixed, new RecordingTeacher())).outcome).toMatchObject({
        outcome: 'finished',
        step: 10,
      })
      expect(weightsOf(cut)).toBe(weightsOf(whole))
    },
  )

  test(
    'stores the last step when the teacher is unloaded, reports why, and can be resumed',
    { timeout: 60_000 },
    async () => {
      const [whole, cut] = [makeStores(), makeStores()]
      await run(whole, settings, new RecordingTeacher())
      const lent = new RecordingTeacher()
      lent.before = (call) => {
        if (call === 4) throw new RetortError('NotLoaded', 'The teacher was unloaded.')
      }
      await expect(run(cut, settings, lent)).rejects.toMatchObject({
        name: 'NotLoaded',
        message: 'The teacher was unloaded.',
      })
      const read = readCheckpoint(cut.checkpoint ?? new Uint8Array())
      expect(read.ok && read.checkpoint.state.step).toBe(4)
      await run(cut, settings, new RecordingTeacher())
      expect(weightsOf(cut)).toBe(weightsOf(whole))
    },
  )

  test(
    'takes a step on texts if no completion fits the teacher’s context, and notes it',
    { timeout: 60_000 },
    async () => {
      const mute: BorrowedTeacher = {
        computeSoftTargets: async (completions) =>
          completions.map(() => ({
            topK: TOP_K,
            ids: new Uint16Array(),
            probabilities: new Float32Array(),
          })),
      }
      const { outcome, events } = await run(makeStores(), { ...settings, steps: 4 }, mute)
      expect(outcome.step).toBe(4)
      expect(events.flatMap((event) => (event.kind === 'step' ? [event.note] : [])).at(-1)).toMatch(
        /^None of the completions fitted the teacher’s context/,
      )
    },
  )

  test('is refused without a teacher', async () => {
    await expect(run(makeStores(), settings)).rejects.toMatchObject({
      name: 'NotLoaded',
      message: expect.stringMatching(/no teacher is available\. Load the teacher/),
    })
  })

  test('estimates the time left for both kinds of steps, even before the first on-policy step', () => {
    let clock = 0
    const pace = new Pace(() => clock)
    clock = 500
    pace.expect('own', 400)
    pace.start()
    for (let i = 0; i < 10; i++) {
      clock += 100
      pace.count(10, '')
    }
    expect(
      pace.msFor([
        ['own', 5],
        ['', 5],
      ]),
    ).toBe(5 * 500 + 5 * 100)
    for (let i = 0; i < 10; i++) {
      clock += 300
      pace.count(10, 'own')
    }
    expect(
      pace.msFor([
        ['own', 5],
        ['', 5],
      ]),
    ).toBe(5 * 300 + 5 * 100)
    clock += 200 // an evaluation
    pace.resume()
    expect(
      pace.msFor([
        ['own', 5],
        ['', 5],
      ]),
    ).toBe(5 * 310 + 5 * 110)
  })
})

describe('borrowTeacher', () => {
  test('returns soft targets over a port and rejects at once on abort, even if the teacher never responds', async () => {
    const { port1, port2 } = new MessageChannel()
    let silent = false
    const stop = serve<LentTeacherContract>(
      {
        computeSoftTargets: ({ completions }, call) =>
          silent ? new Promise(() => undefined) : compute(completions, call.signal),
      },
      portOf(port1),
    )
    const borrowed = borrowTeacher(port2)
    const completion = { system: '', prompt: 'The cup is red.', tokens: Uint16Array.of(20, 21, 22) }
    const [direct] = await compute([completion], signal)
    const [received] = await borrowed.computeSoftTargets(
      [{ ...completion, tokens: completion.tokens.slice() }],
      signal,
    )
    expect([...received!.ids]).toEqual([...direct!.ids])
    expect(
      received!.probabilities.every((p, i) => p === Math.max(direct!.probabilities[i]!, Math.fround(1e-9))),
    ).toBe(true)
    silent = true
    const controller = new AbortController()
    const waiting = borrowed.computeSoftTargets(
      [{ ...completion, tokens: completion.tokens.slice() }],
      controller.signal,
    )
    setTimeout(() => controller.abort(), 20)
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    stop()
    borrowed.close()
    port1.close()
  })
})
