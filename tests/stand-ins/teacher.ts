// Knows: a teacher that answers at once, always the same to the same question, and counts what it is asked.
import { contentId } from '../../src/domain/id.ts'
import {
  refOf,
  SAMPLING_NAMES,
  type CompletionRequest,
  type CompletionResult,
  type ScoreRequest,
  type TeacherDescription,
  type TeacherGives,
} from '../../src/domain/model.ts'
import { makeRng, type Rng } from '../../src/domain/rng.ts'
import { portOf, serve, type Served } from '../../src/protocol/channel.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { AnswerOfStudent, LentTeacherContract, TracedAnswer } from '../../src/protocol/lent-teacher.ts'
import type {
  ClassTraceRequest,
  ClassTraceSummary,
  GenerationEvent,
  GenerationSummary,
  LendRequest,
  ServedModel,
  TeacherContract,
  TraceRequest,
  TraceSummary,
} from '../../src/protocol/teacher.ts'

/** Of a teacher that this engine runs. */
export const GIVES_ALL: TeacherGives = {
  chat: true,
  rawPrompts: true,
  scores: true,
  traces: true,
  logProbs: 20,
  sampling: SAMPLING_NAMES,
  seeded: true,
  formats: [],
}

export const DESCRIPTION: TeacherDescription = {
  card: {
    name: 'Stand-in',
    form: 'gguf',
    fileName: 'stand-in.gguf',
    fileBytes: 1,
    architecture: 'llama',
    parameters: 1,
    quantisation: 'F32',
    tensorTypes: {},
    contextLength: 2048,
    vocabularySize: 100,
    layers: 1,
    width: 1,
    licence: 'apache-2.0',
    memoryBytes: { wasm: 1, webgpu: 1 },
    fingerprint: '00000000000000aa',
    hasChatTemplate: true,
  },
  backend: 'wasm',
  threads: 1,
  contextLength: 2048,
  batch: 8,
  gives: GIVES_ALL,
  notes: [],
}

const WORDS =
  'amber basket candle dragon engine forest garden harbour island jacket kettle lantern marble needle orchard pencil quarry ribbon saddle temple umbrella valley window yellow zebra anchor bridge copper desert easel'.split(
    ' ',
  )
const VERBS = ['Explain', 'Describe', 'Compare', 'Invent', 'Summarise', 'Question', 'Praise', 'List']
const write = (rng: Rng, count: number): string =>
  Array.from({ length: count }, () => WORDS[rng.below(WORDS.length)]).join(' ')

/** What is to happen instead of an answer; `silence` never answers until it is aborted. */
export type Mishap = 'silence' | { readonly refusal: string } | Error

export class TeacherStandIn implements Served<TeacherContract> {
  /** Ids in the order in which they were answered. */
  readonly completed: string[] = []
  readonly scored: string[] = []
  /** Called before each answer, with the number of answers given so far. */
  beforeAnswer: (given: number, id: string) => Mishap | undefined | void = () => undefined
  given = 0

  #text({ asked, sampling }: CompletionRequest): string {
    const rng = makeRng(`${sampling.rngSeed} ${JSON.stringify(asked)}`)
    if (asked.kind === 'chat')
      return `${VERBS[rng.below(VERBS.length)]}ing: ${write(rng, 4 + rng.below(12))}.`
    const from = Number(/(\d+)\.$/.exec(asked.text)?.[1] ?? 1)
    return Array.from(
      { length: 4 },
      (_, i) =>
        `${i === 0 ? '' : `\n${from + i}.`} ${VERBS[rng.below(VERBS.length)]} the ${write(rng, i === 3 ? 1 : 6)}.`,
    ).join('')
  }

  complete = async (
    { requests }: { requests: readonly CompletionRequest[] },
    call: Call<GenerationEvent>,
  ): Promise<GenerationSummary> => {
    return this.#each(requests, call, (request, refusal) => {
      const text = refusal === undefined ? this.#text(request) : ''
      const result: CompletionResult = {
        id: request.id,
        text,
        ending: refusal === undefined ? 'end' : 'aborted',
        promptTokens: 10,
        tokens: text.split(' ').length,
        ...(refusal === undefined ? {} : { refusal }),
      }
      this.completed.push(request.id)
      call.emit({ kind: 'completion', result })
    })
  }

  score = async (
    { requests }: { requests: readonly ScoreRequest[] },
    call: Call<GenerationEvent>,
  ): Promise<GenerationSummary> => {
    return this.#each(requests, call, ({ id, asked, continuations }, refusal) => {
      const rng = makeRng(JSON.stringify(asked))
      const raw = continuations.map(() => 0.1 + rng.next())
      const total = raw.reduce((sum, value) => sum + value, 0)
      this.scored.push(id)
      call.emit({
        kind: 'score',
        result:
          refusal === undefined
            ? { id, logProbs: raw.map((value) => Math.log((0.9 * value) / total)) }
            : { id, logProbs: [], refusal },
      })
    })
  }

  async #each<R extends { readonly id: string }>(
    requests: readonly R[],
    { signal, emit }: Call<GenerationEvent>,
    answer: (request: R, refusal?: string) => void,
  ): Promise<GenerationSummary> {
    for (const request of requests) {
      await new Promise((resolve) => setTimeout(resolve))
      signal.throwIfAborted()
      const mishap = this.beforeAnswer(this.given, request.id)
      if (mishap instanceof Error) throw mishap
      if (mishap === 'silence')
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      this.given += 1
      answer(request, typeof mishap === 'object' ? mishap.refusal : undefined)
      emit({
        kind: 'progress',
        promptTokens: this.given * 10,
        newTokens: this.given * 5,
        ms: this.given * 10,
      })
    }
    return {
      promptTokens: requests.length * 10,
      sharedTokens: 0,
      newTokens: requests.length * 5,
      ms: requests.length * 10,
    }
  }

  /** What it was asked to trace. */
  readonly traced: TraceRequest[] = []
  /** Called before each row that is traced. */
  beforeTrace: (row: number) => unknown = () => undefined

  trace = async (
    request: TraceRequest,
    { signal, emit }: Call<{ done: number; total: number }>,
  ): Promise<TraceSummary> => {
    this.traced.push(request)
    for (let done = 0; done <= 3; done++) {
      await new Promise((resolve) => setTimeout(resolve))
      signal.throwIfAborted()
      await this.beforeTrace(done)
      emit({ done, total: 3 })
    }
    return {
      trace: `${request.datasetId.slice(0, 8)}.trace`,
      rows: 3,
      refused: 0,
      teacher: refOf(this.description.card),
    }
  }

  description = DESCRIPTION
  /** What it was lent for, and how many lendings have ended. */
  readonly lent: LendRequest[] = []
  takenBack = 0
  /** What it says of answers while it is lent. */
  traceAnswers: (answers: readonly AnswerOfStudent[]) => Promise<readonly TracedAnswer[]> = async () => []

  lend = async (request: LendRequest, { signal, emit }: Call<{ readonly kind: 'ready' }>): Promise<null> => {
    this.lent.push(request)
    if (!this.loaded) throw new RetortError('NotLoaded', 'No teacher is loaded.')
    if (request.teacher.fingerprint !== this.description.card.fingerprint)
      throw new RetortError('ModelRefused', `${this.description.card.name} is another teacher.`)
    const stop = serve<LentTeacherContract>(
      { trace: ({ answers }) => this.traceAnswers(answers) },
      portOf(request.port),
    )
    emit({ kind: 'ready' })
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    stop()
    this.takenBack += 1
    return null
  }

  /** What it was asked of classes. */
  readonly classesTraced: ClassTraceRequest[] = []

  traceClasses = async (
    request: ClassTraceRequest,
    call: Call<{ done: number; total: number }>,
  ): Promise<ClassTraceSummary> => {
    this.classesTraced.push(request)
    const { trace, rows } = await this.trace({ ...request, choices: 2 }, call)
    return { trace, rows }
  }

  /** What a program at any address serves. */
  served: readonly ServedModel[] = []
  findServed = async (): Promise<readonly ServedModel[]> => this.served

  loaded = true
  inspect = async (): Promise<TeacherDescription['card']> => DESCRIPTION.card
  load = async () => DESCRIPTION
  unload = async () => null
  describe = async () => (this.loaded ? this.description : null)
  browse = async () => ({ name: 'owner/stand-in', commit: '0'.repeat(40), variants: [] })

  download = async () => DESCRIPTION.card
  countTokens = async ({ texts }: { texts: readonly string[] }) =>
    texts.map((text) => text.split(/\s+/).length)
}

/** Another model: what a run that was begun with the first must refuse. */
export const OTHER: TeacherDescription = {
  ...DESCRIPTION,
  card: { ...DESCRIPTION.card, name: 'Other', fingerprint: contentId('row', 'other').slice(0, 16) },
}
