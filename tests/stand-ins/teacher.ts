// Knows: a teacher that responds at once, with the same answer to the same prompt, and records its requests.
import { contentId } from '../../src/domain/id.ts'
import type {
  CompletionRequest,
  CompletionResult,
  EmbedRequest,
  ScoreRequest,
} from '../../src/domain/completion-request.ts'
import { refOf } from '../../src/domain/model-card.ts'
import { SAMPLING_NAMES } from '../../src/domain/sampling.ts'
import type { TeacherDescription, Capabilities } from '../../src/domain/teacher-description.ts'
import { makeRng, type Rng } from '../../src/domain/rng.ts'
import { toUnitHalves } from '../../src/engine/weights/directions.ts'
import { portOf, serve, type Served } from '../../src/protocol/channel.ts'
import type { Call } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type {
  StudentCompletion,
  LentTeacherContract,
  CompletionSoftTargets,
} from '../../src/protocol/lent-teacher.ts'
import type {
  ClassSoftTargetsRequest,
  ClassSoftTargetsSummary,
  GenerationEvent,
  GenerationSummary,
  LendRequest,
  LoadRequest,
  ServedModel,
  ServedModels,
  TeacherContract,
  SoftTargetsRequest,
  SoftTargetsSummary,
} from '../../src/protocol/teacher.ts'

/** Capabilities of a teacher on this engine. */
export const ALL_CAPABILITIES: Capabilities = {
  chat: true,
  rawPrompts: true,
  scores: true,
  embeddings: true,
  softTargets: true,
  logProbs: 20,
  sampling: SAMPLING_NAMES,
  seeded: true,
  outputFormats: [],
}

/** A vector of length 1 from the words of a text: equal words, equal vectors. */
export function vectorFor(text: string, width = 24): Uint16Array {
  const vector = new Float32Array(width)
  for (const word of text.toLowerCase().match(/\w+/g) ?? ['']) {
    const rng = makeRng(`word ${word}`)
    for (let i = 0; i < width; i++) vector[i] = (vector[i] ?? 0) + rng.next() - 0.5
  }
  return toUnitHalves(vector) ?? new Uint16Array(width)
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
  capabilities: ALL_CAPABILITIES,
  notes: [],
}

const WORDS =
  'amber basket candle dragon engine forest garden harbour island jacket kettle lantern marble needle orchard pencil quarry ribbon saddle temple umbrella valley window yellow zebra anchor bridge copper desert easel'.split(
    ' ',
  )
const VERBS = ['Explain', 'Describe', 'Compare', 'Invent', 'Summarise', 'Question', 'Praise', 'List']
const write = (rng: Rng, count: number): string =>
  Array.from({ length: count }, () => WORDS[rng.below(WORDS.length)]).join(' ')

/** The text that it generates: prompts for a list that is to be continued, else a sentence. */
export function textFor({ input, sampling }: CompletionRequest): string {
  const rng = makeRng(`${sampling.rngSeed} ${JSON.stringify(input)}`)
  if (input.kind === 'chat') return `${VERBS[rng.below(VERBS.length)]}ing: ${write(rng, 4 + rng.below(12))}.`
  const from = Number(/(\d+)\.$/.exec(input.text)?.[1] ?? 1)
  return Array.from(
    { length: 4 },
    (_, i) =>
      `${i === 0 ? '' : `\n${from + i}.`} ${VERBS[rng.below(VERBS.length)]} the ${write(rng, i === 3 ? 1 : 6)}.`,
  ).join('')
}

/** The log-probabilities that it returns; `opinion` distinguishes models. */
export function logProbsFor({ input, continuations }: ScoreRequest, opinion?: string): number[] {
  const rng = makeRng(JSON.stringify(opinion === undefined ? input : [input, opinion]))
  const raw = continuations.map(() => 0.1 + rng.next())
  const total = raw.reduce((sum, value) => sum + value, 0)
  return raw.map((value) => Math.log((0.9 * value) / total))
}

/** What happens instead of a result; `silence` never responds until it is aborted. */
export type Mishap = 'silence' | { readonly refusal: string } | Error

export class TeacherStandIn implements Served<TeacherContract> {
  /** Ids in the order of completion. */
  readonly completed: string[] = []
  readonly scored: string[] = []
  /** Called before each result, with the number of results so far. */
  beforeResult: (resultCount: number, id: string) => Mishap | undefined | void = () => undefined
  resultCount = 0

  useNetwork = async (): Promise<null> => null

  complete = async (
    { requests }: { requests: readonly CompletionRequest[] },
    call: Call<GenerationEvent>,
  ): Promise<GenerationSummary> => {
    return this.#each(requests, call, (request, refusal) => {
      const text = refusal === undefined ? textFor(request) : ''
      const result: CompletionResult = {
        id: request.id,
        text,
        finishReason: refusal === undefined ? 'end' : 'aborted',
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
    return this.#each(requests, call, (request, refusal) => {
      const { id } = request
      // Every model has an opinion of its own.
      const { fingerprint } = this.description.card
      const opinion = fingerprint === DESCRIPTION.card.fingerprint ? undefined : fingerprint
      this.scored.push(id)
      call.emit({
        kind: 'score',
        result:
          refusal === undefined
            ? { id, logProbs: logProbsFor(request, opinion) }
            : { id, logProbs: [], refusal },
      })
    })
  }

  embed = async (
    { requests }: { requests: readonly EmbedRequest[] },
    call: Call<GenerationEvent>,
  ): Promise<GenerationSummary> =>
    this.#each(requests, call, ({ id, text }, refusal) =>
      call.emit({
        kind: 'embedding',
        result:
          refusal === undefined
            ? { id, vector: vectorFor(text) }
            : { id, vector: new Uint16Array(0), refusal },
      }),
    )

  async #each<R extends { readonly id: string }>(
    requests: readonly R[],
    { signal, emit }: Call<GenerationEvent>,
    respond: (request: R, refusal?: string) => void,
  ): Promise<GenerationSummary> {
    if (!this.loaded) throw new RetortError('NotLoaded', 'No model is loaded.')
    for (const request of requests) {
      await new Promise((resolve) => setTimeout(resolve))
      signal.throwIfAborted()
      const mishap = this.beforeResult(this.resultCount, request.id)
      if (mishap instanceof Error) throw mishap
      if (mishap === 'silence')
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      this.resultCount += 1
      respond(request, typeof mishap === 'object' ? mishap.refusal : undefined)
      emit({
        kind: 'progress',
        promptTokens: this.resultCount * 10,
        newTokens: this.resultCount * 5,
        ms: this.resultCount * 10,
      })
    }
    return {
      promptTokens: requests.length * 10,
      sharedTokens: 0,
      newTokens: requests.length * 5,
      ms: requests.length * 10,
    }
  }

  /** The requests for soft targets. */
  readonly softTargetRequests: SoftTargetsRequest[] = []
  /** Called before the soft targets of each row. */
  beforeSoftTargetRow: (row: number) => unknown = () => undefined

  computeSoftTargets = async (
    request: SoftTargetsRequest,
    { signal, emit }: Call<{ done: number; total: number }>,
  ): Promise<SoftTargetsSummary> => {
    this.softTargetRequests.push(request)
    for (let done = 0; done <= 3; done++) {
      await new Promise((resolve) => setTimeout(resolve))
      signal.throwIfAborted()
      await this.beforeSoftTargetRow(done)
      emit({ done, total: 3 })
    }
    return {
      softTargets: `${request.datasetId.slice(0, 8)}.trace`,
      rows: 3,
      refused: 0,
      teacher: refOf(this.description.card),
    }
  }

  description: TeacherDescription

  constructor(description = DESCRIPTION) {
    this.description = description
  }

  /** The loans, and how many of them have ended. */
  readonly lent: LendRequest[] = []
  endedLoans = 0
  /** Its soft targets of completions while it is lent. */
  lentSoftTargets: (answers: readonly StudentCompletion[]) => Promise<readonly CompletionSoftTargets[]> =
    async () => []

  lend = async (request: LendRequest, { signal, emit }: Call<{ readonly kind: 'ready' }>): Promise<null> => {
    this.lent.push(request)
    if (!this.loaded) throw new RetortError('NotLoaded', 'No teacher is loaded.')
    if (request.teacher.fingerprint !== this.description.card.fingerprint)
      throw new RetortError('ModelRefused', `${this.description.card.name} is another teacher.`)
    const stop = serve<LentTeacherContract>(
      { computeSoftTargets: ({ completions: answers }) => this.lentSoftTargets(answers) },
      portOf(request.port),
    )
    emit({ kind: 'ready' })
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    stop()
    this.endedLoans += 1
    return null
  }

  /** The requests for soft targets of classes. */
  readonly classRequests: ClassSoftTargetsRequest[] = []

  computeClassSoftTargets = async (
    request: ClassSoftTargetsRequest,
    call: Call<{ done: number; total: number }>,
  ): Promise<ClassSoftTargetsSummary> => {
    this.classRequests.push(request)
    const { softTargets, rows } = await this.computeSoftTargets({ ...request, topK: 2 }, call)
    return { softTargets, rows }
  }

  /** The models that a program at any address serves. */
  served: readonly ServedModel[] = []
  listServedModels = async ({ url }: { url: string }): Promise<ServedModels> => ({ url, models: this.served })

  loaded = true
  inspect = async (): Promise<TeacherDescription['card']> => this.description.card
  /** The requests to load it, and how often it was unloaded. */
  readonly loads: LoadRequest[] = []
  unloads = 0
  /** Called when it is loaded; what it throws is the outcome. */
  beforeLoad: (loads: number) => unknown = () => undefined
  load = async (request: LoadRequest): Promise<TeacherDescription> => {
    this.loads.push(request)
    await this.beforeLoad(this.loads.length)
    this.loaded = true
    return this.description
  }
  unload = async () => {
    this.loaded = false
    this.unloads += 1
    return null
  }
  describe = async () => (this.loaded ? this.description : null)
  browse = async () => ({ name: 'owner/stand-in', commit: '0'.repeat(40), variants: [] })

  download = async () => DESCRIPTION.card
  countTokens = async ({ texts }: { texts: readonly string[] }) =>
    texts.map((text) => text.split(/\s+/).length)
}

/** Another model, which a run that was started with the first must refuse. */
export const describeAs = (name: string): TeacherDescription => ({
  ...DESCRIPTION,
  card: { ...DESCRIPTION.card, name, fingerprint: contentId('row', name.toLowerCase()).slice(0, 16) },
})
export const OTHER = describeAs('Other')
