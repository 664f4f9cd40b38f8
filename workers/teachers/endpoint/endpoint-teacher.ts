// Knows: how a model that a server runs is asked: many rows at once, each repeated where that helps, told when it ends.
// Must not know: what is sent and read for one row (write-row.ts, score-row.ts).
import type {
  CompletionRequest,
  CompletionResult,
  ScoreRequest,
  ScoreResult,
  TeacherDescription,
} from '../../../src/domain/model.ts'
import type { Progress } from '../../../src/engine/generation/generator.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { AskHooks, Teacher } from '../teacher.ts'
import type { Abilities } from './abilities.ts'
import type { Connection } from './connection.ts'
import { Fault } from './fault.ts'
import { Lanes } from './lanes.ts'
import { parseTokenIds } from './parse.ts'
import { persist, type Patience } from './patience.ts'
import { scoreRow } from './score-row.ts'
import { estimateTokens, RowWriter } from './write-row.ts'

const TELL_EVERY_MS = 100

export class EndpointTeacher implements Teacher {
  readonly description: TeacherDescription
  readonly #connection: Connection
  readonly #model: string
  readonly #abilities: Abilities
  readonly #patience: Patience
  readonly #lanes: Lanes
  readonly #released = new AbortController()

  constructor(
    description: TeacherDescription,
    connection: Connection,
    model: string,
    abilities: Abilities,
    patience: Patience = {},
  ) {
    this.description = description
    this.#connection = connection
    this.#model = model
    this.#abilities = abilities
    this.#patience = patience
    this.#lanes = new Lanes(description.batch)
  }

  /** Rows that may be under way now: fewer than `description.batch` after the server had too much to do. */
  get open(): number {
    return this.#lanes.open
  }

  complete(requests: readonly CompletionRequest[], hooks: AskHooks<CompletionResult>): Promise<Progress> {
    return this.#work(requests, hooks, async (request, signal, count) => {
      const refused = (refusal: string): CompletionResult => ({
        id: request.id,
        text: '',
        ending: 'aborted',
        promptTokens: 0,
        tokens: 0,
        refusal,
      })
      const misfit = this.#misfitOf(request)
      if (misfit !== undefined) return refused(misfit)
      let writer = new RowWriter(request)
      try {
        const result = await this.#persist(() => {
          writer = new RowWriter(request) // what a broken answer held is not gone on with: it begins again
          return writer.write(this.#connection, this.#model, this.#abilities, {
            signal,
            ...(hooks.onPartial ? { onPartial: hooks.onPartial } : {}),
          })
        }, signal)
        count(result.promptTokens, result.tokens)
        return result
      } catch (thrown) {
        if (hooks.signal.aborted) return writer.result('aborted')
        return refused(this.#sentenceOfRow(thrown))
      }
    })
  }

  async score(requests: readonly ScoreRequest[], hooks: AskHooks<ScoreResult>): Promise<Progress> {
    if (!this.description.gives.scores)
      throw new RetortError(
        'ModelRefused',
        `${this.description.card.name} tells no probabilities of given texts through this server, so it cannot judge. Choose another model as a judge.`,
      )
    const progress = await this.#work(requests, hooks, async (request, signal, count) => {
      try {
        const logProbs = await this.#persist(
          () =>
            scoreRow(
              { connection: this.#connection, model: this.#model, abilities: this.#abilities, signal },
              request,
            ),
          signal,
        )
        count(estimateTokens(JSON.stringify(request.asked)), 1) // servers count no tokens here
        return { id: request.id, logProbs }
      } catch (thrown) {
        if (hooks.signal.aborted) return undefined
        return { id: request.id, logProbs: [], refusal: this.#sentenceOfRow(thrown) }
      }
    })
    hooks.signal.throwIfAborted()
    return progress
  }

  async countTokens(texts: readonly string[]): Promise<readonly number[]> {
    if (!this.#abilities.native) return texts.map(estimateTokens)
    const counted: number[] = []
    await this.#lanes.each([...texts.keys()], async (i) => {
      const text = texts[i] ?? ''
      const ids = await this.#connection
        .ask('~/tokenize', this.#released.signal, { content: text, add_special: false, parse_special: false })
        .then(parseTokenIds, () => undefined)
      counted[i] = ids?.length ?? estimateTokens(text)
    })
    return counted
  }

  /** Nothing is held here but the address and the key; what is under way is stopped. */
  async release(): Promise<void> {
    this.#released.abort()
  }

  /**
   * Works on all rows. `work` gives a row's result, or nothing; a fault that no other row would survive ends the call with its
   * sentence, and what was told before stays told.
   */
  async #work<R, T>(
    requests: readonly R[],
    { signal, onResult, onProgress }: Pick<AskHooks<T>, 'signal' | 'onResult' | 'onProgress'>,
    work: (
      request: R,
      signal: AbortSignal,
      count: (promptTokens: number, tokens: number) => void,
    ) => Promise<T | undefined>,
  ): Promise<Progress> {
    const began = performance.now()
    const gone = new AbortController()
    const any = AbortSignal.any([signal, gone.signal, this.#released.signal])
    let [promptTokens, newTokens, told] = [0, 0, began]
    const progress = (): Progress => ({
      promptTokens,
      sharedTokens: 0,
      newTokens,
      ms: performance.now() - began,
    })
    const count = (prompt: number, tokens: number): void => {
      promptTokens += prompt
      newTokens += tokens
      if (performance.now() - told < TELL_EVERY_MS) return
      told = performance.now()
      onProgress(progress())
    }
    await this.#lanes.each(requests, async (request) => {
      if (any.aborted) return
      try {
        const result = await work(request, any, count)
        if (result !== undefined) onResult(result)
      } catch (thrown) {
        gone.abort(thrown)
      }
    })
    if (this.#released.signal.aborted && !signal.aborted)
      throw new RetortError('NotLoaded', 'The teacher was let go while it was asked. Load it again.')
    if (gone.signal.aborted) throw gone.signal.reason
    onProgress(progress())
    return progress()
  }

  async #persist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const done = await persist(work, this.#patience, {
      signal,
      onFault: (fault) => fault.kind === 'busy' && this.#lanes.narrow(),
    })
    this.#lanes.ease()
    return done
  }

  /** Why a row alone failed. Throws what ends the call: nobody answers, or nobody lets us in. */
  #sentenceOfRow(thrown: unknown): string {
    if (thrown instanceof RangeError) return thrown.message
    if (!(thrown instanceof Fault)) throw thrown
    if (thrown.kind === 'unreachable')
      throw new RetortError('DownloadFailed', `${thrown.message} What was finished is kept.`, {
        cause: thrown,
      })
    if (thrown.kind === 'closed')
      throw new RetortError('ModelRefused', `${thrown.message} What was finished is kept.`, { cause: thrown })
    return thrown.message
  }

  /** Why a request asks for what the description does not promise. */
  #misfitOf({ asked, logProbs = 0, format }: CompletionRequest): string | undefined {
    const { gives, card } = this.description
    if (asked.kind === 'chat' && !gives.chat) return `${card.name} answers no chats through this server.`
    if (asked.kind === 'raw' && !gives.rawPrompts)
      return `${card.name} continues no text as it stands through this server.`
    if (logProbs > gives.logProbs)
      return `${logProbs} likeliest tokens were asked for, and this server tells ${gives.logProbs}.`
    if (format && !gives.formats.includes(format.kind))
      return `This server holds no answer to a ${format.kind === 'grammar' ? 'grammar' : 'JSON schema'}.`
    return undefined
  }
}
