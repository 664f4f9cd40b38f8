// A student that learns from its own answers and what a lent teacher says of them: which steps those are, that the teacher is asked for
// exactly what the student wrote, that all of it repeats, and what happens when the teacher is slow, gone or too small.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { hashOfBytes } from '../../../src/domain/hash.ts'
import type { OnPolicyTrainSettings, TrainSettings } from '../../../src/domain/student.ts'
import { readCheckpoint } from '../../../src/engine/training/checkpoint.ts'
import { readTraceFile, writeTraceHeader, writeTraceRow } from '../../../src/engine/training/trace-file.ts'
import { tokenizerFromJson } from '../../../src/engine/tokenizers/json-tokenizer.ts'
import { renderStudentExample } from '../../../src/engine/tokenizers/student-template.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { portOf, serve } from '../../../src/protocol/channel.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type {
  AnswerOfStudent,
  LentTeacherContract,
  TracedAnswer,
} from '../../../src/protocol/lent-teacher.ts'
import type { TrainEvent, TrainOutcome } from '../../../src/protocol/student.ts'
import { borrowTeacher, type BorrowedTeacher } from '../../../workers/student/borrowed-teacher.ts'
import { planOwnSteps } from '../../../workers/student/lessons/on-policy.ts'
import { Pace } from '../../../workers/student/pace.ts'
import { train } from '../../../workers/student/train.ts'
import type { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { makeAnswerTracer, type AnswerTracer } from '../../../workers/teachers/lend.ts'
import { shareVocabulary, traceRows, type Shared } from '../../../workers/teachers/trace.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'

const signal = new AbortController().signal
const CHOICES = 6
const { vocabulary: _vocabulary, labelSmoothing: _smoothing, loss: _text, ...common } = SETTINGS
const settings: OnPolicyTrainSettings = {
  ...common,
  loss: 'on-policy',
  divergence: 'reverse-kl',
  lambda: 1,
  ownFrom: 0.25,
  temperature: 1,
  choices: CHOICES,
  answerTokens: 12,
  answerTemperature: 1,
  context: 64,
  steps: 8,
  evaluateEvery: 4,
}

let teacher: EngineTeacher
let rows: DatasetRow[]
let shared: Shared
let trace: Uint8Array
let tracer: AnswerTracer
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
  const taught = rows.filter(({ split }) => split === 'train')
  shared = shareVocabulary(teacher.tokenizer, taught)
  const traced = await traceRows(
    teacher,
    taught,
    shared,
    { choices: CHOICES, temperature: 1, among: shared.among },
    signal,
  )
  trace = new Uint8Array(
    await new Blob([
      writeTraceHeader({ choices: CHOICES, temperature: 1, tokenizer: shared.files, rows: taught.length }),
      ...traced.map(writeTraceRow),
    ]).arrayBuffer(),
  )
  tracer = makeAnswerTracer(teacher, shared, { choices: CHOICES, temperature: 1 })
}, 60_000)
afterAll(() => teacher.release())

/** The lent teacher; keeps what it was asked. */
class Asked implements BorrowedTeacher {
  readonly asked: AnswerOfStudent[][] = []
  before: (call: number) => unknown = () => undefined
  trace = async (
    answers: readonly AnswerOfStudent[],
    ends: AbortSignal,
  ): Promise<readonly TracedAnswer[]> => {
    this.asked.push([...answers])
    await this.before(this.asked.length)
    return tracer(answers, ends)
  }
}

interface Ran {
  readonly outcome: TrainOutcome
  readonly events: TrainEvent[]
  readonly points: readonly { step: number; train: number; heldOut?: number }[]
}
const makeStores = (): MemoryStores => Object.assign(makeMemoryStores(rows), { trace })
async function run(
  stores: MemoryStores,
  asked: TrainSettings,
  lent?: BorrowedTeacher,
  { stopAfter = Infinity, ends = new AbortController() } = {},
): Promise<Ran> {
  const events: TrainEvent[] = []
  let clock = 0
  const emit = (event: TrainEvent): void => {
    events.push(event)
    if (event.kind === 'step' && event.point.step >= stopAfter) ends.abort()
  }
  const outcome = await train(
    { ...IDS, settings: asked, trace: 'box.trace', backend: 'wasm' },
    { signal: ends.signal, emit },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150), ...(lent ? { teacher: lent } : {}) },
  )
  return { outcome, events, points: events.flatMap((event) => (event.kind === 'step' ? [event.point] : [])) }
}
const weightsOf = ({ checkpoint }: MemoryStores): string => {
  const read = readCheckpoint(checkpoint ?? new Uint8Array())
  if (!read.ok) throw new Error(read.sentence)
  const { weights, first, second } = read.checkpoint.state
  return [weights, first, second]
    .map((part) => hashOfBytes(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)))
    .join()
}

describe('which steps are on own answers', () => {
  test(
    'with λ = 0 none is, and every step is that of the plain divergence, bit for bit, without a teacher',
    { timeout: 60_000 },
    async () => {
      const {
        lambda: _l,
        ownFrom: _o,
        answerTokens: _a,
        answerTemperature: _t,
        divergence,
        loss: _loss,
        ...plain
      } = settings
      const [own, soft] = [makeStores(), makeStores()]
      const first = await run(own, { ...settings, lambda: 0 })
      const second = await run(soft, { ...plain, loss: divergence, textShare: 0 })
      expect(first.points).toEqual(second.points)
      expect(weightsOf(own)).toBe(weightsOf(soft))
    },
  )

  test('with λ = 1 every step is after the beginning, and it tells so', { timeout: 60_000 }, async () => {
    const lent = new Asked()
    const { outcome, events, points } = await run(makeStores(), settings, lent)
    expect(outcome).toEqual({ ending: 'finished', step: 8 })
    expect(lent.asked).toHaveLength(1 + 6) // once to see how long it takes
    expect(lent.asked.map((answers) => answers.length)).toEqual(Array.from({ length: 7 }, () => 4))
    const notes = events.flatMap((event) => (event.kind === 'step' ? [event.note] : []))
    expect(notes.slice(0, 2)).toEqual(
      Array.from(
        { length: 2 },
        () => 'It learns from the texts until step 2, then from its own answers too.',
      ),
    )
    expect(notes.at(-1)).toBe('75 % of its steps so far were on its own answers.')
    expect(
      points.flatMap(({ heldOut }) => (heldOut === undefined ? [] : [heldOut])).every(Number.isFinite),
    ).toBe(true)
  })

  test('between them the share is λ, by draws of their own', () => {
    const { begin, isOwn } = planOwnSteps({ lambda: 0.3, ownFrom: 0.2, steps: 2500, rngSeed: 3 })
    const own = Array.from({ length: 2500 }, (_, i) => isOwn(i + 1))
    expect(begin).toBe(500)
    expect(own.slice(0, 500)).not.toContain(true)
    expect(Math.abs(own.filter(Boolean).length / 2000 - 0.3)).toBeLessThanOrEqual(0.03)
    const again = planOwnSteps({ lambda: 0.3, ownFrom: 0.2, steps: 2500, rngSeed: 3 })
    expect(own.map((_, i) => again.isOwn(2500 - i))).toEqual(own.toReversed())
  })
})

describe('what the teacher is asked', () => {
  /** The slow way: the distribution after each beginning of the answer, one question each. */
  async function traceSlowly(
    { system, prompt, tokens }: AnswerOfStudent,
    count: number,
  ): Promise<TracedAnswer> {
    const { tokenizer } = teacher
    const student = tokenizerFromJson(JSON.parse(shared.files.json), JSON.parse(shared.files.config))
    const written = Object.entries(
      (JSON.parse(shared.files.json) as { model: { vocab: Record<string, number> } }).model.vocab,
    )
    const theirs = [...tokens].map(
      (id) => tokenizer.idOf(written.find(([, ours]) => ours === id)?.[0] ?? '') ?? -1,
    )
    expect(student.vocabularySize).toBe(written.length)
    const asked = tokenizer.encode(
      tokenizer.renderChat(
        [...(system ? [{ role: 'system', content: system }] : []), { role: 'user', content: prompt }],
        { addGenerationPrompt: true },
      ),
    )
    const ids: number[] = []
    const probabilities: number[] = []
    for (let i = 0; i < count; i++) {
      await teacher.trace(
        [{ id: '', prompt: [...asked, ...theirs.slice(0, i)], answer: [] }],
        { choices: CHOICES, temperature: 1, among: shared.among },
        {
          signal,
          onResult: ({ places, probabilities: found }) => {
            ids.push(...[...places].map((place) => shared.studentIds[place] ?? -1))
            probabilities.push(...found)
          },
        },
      )
    }
    return { choices: CHOICES, ids: Uint16Array.from(ids), probabilities: Float32Array.from(probabilities) }
  }
  const expectSame = (one: TracedAnswer, other: TracedAnswer): void => {
    expect([...one.ids]).toEqual([...other.ids])
    expect(one.probabilities.length).toBe(other.probabilities.length)
    one.probabilities.forEach((p, i) =>
      expect(Math.abs(p - (other.probabilities[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-4),
    )
  }

  test('is exactly what the student wrote, token by token', { timeout: 60_000 }, async () => {
    const lent = new Asked()
    await run(makeStores(), { ...settings, steps: 3, ownFrom: 0.34 }, lent)
    for (const answers of lent.asked) {
      const traced = await tracer(answers, signal)
      for (const [i, one] of traced.entries()) {
        const { tokens, prompt } = answers[i]!
        expect(rows.some((row) => row.split === 'train' && row.prompt === prompt)).toBe(true)
        expect(tokens.length).toBeGreaterThan(0)
        expect(one.ids.length / CHOICES).toBeLessThanOrEqual(tokens.length)
        if (i < 2) expectSame(one, await traceSlowly(answers[i]!, one.ids.length / CHOICES))
      }
    }
  })

  test('keeps to the student’s tokens where the teacher would cut the same text otherwise', async () => {
    const { prompt, completion, system } = rows[0]!
    const student = tokenizerFromJson(JSON.parse(shared.files.json), JSON.parse(shared.files.config))
    const { ids, border } = renderStudentExample(student, { prompt, completion })
    const canonical = Uint16Array.from(ids.slice(border))
    const bytes = Uint16Array.from(
      [...completion].flatMap((character) => student.encode(character, { special: false })),
    )
    expect(student.decode([...bytes])).toBe(completion)
    expect(bytes.length).toBeGreaterThan(canonical.length)
    const [one, other] = await tracer(
      [
        { system, prompt, tokens: bytes },
        { system, prompt, tokens: canonical },
      ],
      signal,
    )
    expectSame(one!, await traceSlowly({ system, prompt, tokens: bytes }, bytes.length))
    // The canonical cut is what was stored for the row.
    const stored = readTraceFile(trace)
    if (!stored.ok) throw new Error(stored.sentence)
    expectSame(other!, stored.file.rows[0]!)
  })

  test('ends with the first token that the teacher does not have, and leaves out what does not fit its context', async () => {
    const student = tokenizerFromJson(JSON.parse(shared.files.json), JSON.parse(shared.files.config))
    const [a, b] = student.encode('The red', { special: false })
    const tokens = Uint16Array.of(a!, student.idOf('<|user|>')!, b!)
    const long = Uint16Array.from({ length: 300 }, () => a!)
    const [cut, refused, empty] = await tracer(
      [
        { system: '', prompt: 'Hello', tokens },
        { system: '', prompt: 'Hello', tokens: long },
        { system: '', prompt: 'Hello', tokens: new Uint16Array() },
      ],
      signal,
    )
    expect(cut!.ids.length / CHOICES).toBe(2)
    expect([refused!.ids.length, empty!.ids.length]).toEqual([0, 0])
  })
})

describe('a training with a lent teacher', () => {
  test(
    'stopped in the middle of a step and taken up again ends with the very weights of one that was not',
    { timeout: 60_000 },
    async () => {
      const [whole, cut] = [makeStores(), makeStores()]
      const mixed = { ...settings, lambda: 0.7, ownFrom: 0.2, steps: 10, evaluateEvery: 5, rngSeed: 12 }
      const lent = new Asked()
      await run(whole, mixed, lent)
      expect(lent.asked.length).toBeGreaterThan(4)
      expect(lent.asked.length).toBeLessThan(1 + 8)
      const again = makeStores()
      await run(again, mixed, new Asked())
      expect(weightsOf(again)).toBe(weightsOf(whole))
      const slow = new Asked()
      const ends = new AbortController()
      slow.before = (call) =>
        call === 4 && new Promise((resolve) => setTimeout(() => (ends.abort(), resolve(undefined)), 50))
      const stopped = await run(cut, mixed, slow, { ends })
      expect(stopped.outcome.ending).toBe('stopped')
      expect(stopped.outcome.step).toBeGreaterThan(2)
      expect((await run(cut, mixed, new Asked())).outcome).toEqual({ ending: 'finished', step: 10 })
      expect(weightsOf(cut)).toBe(weightsOf(whole))
    },
  )

  test(
    'whose teacher goes away keeps its last step, says why, and can be gone on with',
    { timeout: 60_000 },
    async () => {
      const [whole, cut] = [makeStores(), makeStores()]
      await run(whole, settings, new Asked())
      const lent = new Asked()
      lent.before = (call) => {
        if (call === 4) throw new RetortError('NotLoaded', 'The teacher was unloaded.')
      }
      await expect(run(cut, settings, lent)).rejects.toMatchObject({
        name: 'NotLoaded',
        message: 'The teacher was unloaded.',
      })
      const read = readCheckpoint(cut.checkpoint ?? new Uint8Array())
      expect(read.ok && read.checkpoint.state.step).toBe(4)
      await run(cut, settings, new Asked())
      expect(weightsOf(cut)).toBe(weightsOf(whole))
    },
  )

  test(
    'takes a step on the texts where no answer fits the teacher, and says so',
    { timeout: 60_000 },
    async () => {
      const mute: BorrowedTeacher = {
        trace: async (answers) =>
          answers.map(() => ({
            choices: CHOICES,
            ids: new Uint16Array(),
            probabilities: new Float32Array(),
          })),
      }
      const { outcome, events } = await run(makeStores(), { ...settings, steps: 4 }, mute)
      expect(outcome.step).toBe(4)
      expect(events.flatMap((event) => (event.kind === 'step' ? [event.note] : [])).at(-1)).toMatch(
        /^None of its answers fitted the teacher’s context/,
      )
    },
  )

  test('without a teacher is refused with a sentence', async () => {
    await expect(run(makeStores(), settings)).rejects.toMatchObject({
      name: 'NotLoaded',
      message: expect.stringMatching(/no teacher was lent to it\. Load the teacher/),
    })
  })

  test('tells the time left by both kinds of steps, before the first on own answers too', () => {
    let clock = 0
    const pace = new Pace(() => clock)
    clock = 500
    pace.expect('own', 400)
    pace.begin()
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
    clock += 200 // a look
    pace.goOn()
    expect(
      pace.msFor([
        ['own', 5],
        ['', 5],
      ]),
    ).toBe(5 * 310 + 5 * 110)
  })
})

describe('a teacher over a port', () => {
  test('hands its answers over, and keeps nobody waiting who stops, even when it never answers', async () => {
    const { port1, port2 } = new MessageChannel()
    let silent = false
    const stop = serve<LentTeacherContract>(
      {
        trace: ({ answers }, call) => (silent ? new Promise(() => undefined) : tracer(answers, call.signal)),
      },
      portOf(port1),
    )
    const borrowed = borrowTeacher(port2)
    const answer = { system: '', prompt: 'The cup is red.', tokens: Uint16Array.of(20, 21, 22) }
    const [direct] = await tracer([answer], signal)
    const [over] = await borrowed.trace([{ ...answer, tokens: answer.tokens.slice() }], signal)
    expect([...over!.ids]).toEqual([...direct!.ids])
    expect(
      over!.probabilities.every((p, i) => p === Math.max(direct!.probabilities[i]!, Math.fround(1e-9))),
    ).toBe(true)
    silent = true
    const ends = new AbortController()
    const waiting = borrowed.trace([{ ...answer, tokens: answer.tokens.slice() }], ends.signal)
    setTimeout(() => ends.abort(), 20)
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    stop()
    borrowed.close()
    port1.close()
  })
})
