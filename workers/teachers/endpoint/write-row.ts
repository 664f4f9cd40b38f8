// Knows: how one completion is taken from a stream: its text, its end, its counts, its log-probabilities.
// Must not know: retries, other rows.
import type { CompletionRequest, CompletionResult, WrittenToken } from '../../../src/domain/model.ts'
import type { Abilities } from './abilities.ts'
import { writeQuestion } from './ask.ts'
import type { Connection } from './connection.ts'
import { Fault } from './fault.ts'
import { parsePiece, tailOf } from './parse.ts'
import { StopCut } from './stop.ts'

/** Characters that a token may have on average; a server that sends more does not heed the length. */
const LONGEST_TOKEN = 200
const PARTIAL_EVERY_MS = 100

export interface RowHooks {
  readonly signal: AbortSignal
  readonly onPartial?: (id: string, text: string) => void
}

/** About as many tokens as a text has, where nobody counts. */
export const estimateTokens = (text: string): number => Math.ceil(text.length / 4)

/** One try at one row. It can be asked for what it has so far after it was aborted. */
export class RowWriter {
  readonly request: CompletionRequest
  readonly #cut: StopCut
  readonly #tokens: WrittenToken[] = []
  #usage: { promptTokens: number; tokens: number } | undefined
  #finish: 'end' | 'length' | undefined
  #pieces = 0

  constructor(request: CompletionRequest) {
    this.request = request
    this.#cut = new StopCut(request.sampling.stop)
  }

  /** Asks and reads to the end. Throws a `Fault`, an AbortError, a RangeError for a format that is none. */
  async write(
    connection: Connection,
    model: string,
    abilities: Abilities,
    { signal, onPartial }: RowHooks,
  ): Promise<CompletionResult> {
    const { path, body } = writeQuestion(this.request, model, abilities)
    const most = this.request.sampling.maxTokens * LONGEST_TOKEN
    let told = 0
    for await (const json of connection.stream(path, signal, body)) {
      const piece = parsePiece(json)
      if (piece.text !== '') this.#pieces += 1
      this.#cut.add(piece.text)
      this.#tokens.push(...piece.tokens)
      this.#usage = piece.usage ?? this.#usage
      this.#finish = piece.finish ?? this.#finish
      if (this.#cut.text.length > most)
        throw new Fault(
          'refused',
          `The server wrote on past the ${this.request.sampling.maxTokens} tokens that it was asked for.`,
        )
      // Nothing behind a stop text is wanted: leaving closes the connection, at which servers stop writing.
      if (this.#cut.stopped) break
      const now = performance.now()
      if (onPartial && now - told >= PARTIAL_EVERY_MS) {
        told = now
        onPartial(this.request.id, this.#cut.shown)
      }
    }
    return this.result(this.#cut.stopped ? 'end' : (this.#finish ?? 'end'))
  }

  /** What there is so far. */
  result(ending: CompletionResult['ending']): CompletionResult {
    const { id, asked, sampling, logProbs } = this.request
    const { text } = this.#cut
    const prompt = asked.kind === 'raw' ? asked.text : asked.messages.map(({ content }) => content).join('\n')
    const list = logProbs === undefined ? undefined : this.#listTokens(logProbs)
    // Servers count the token that ends an answer. Without a count: most send a piece for each token.
    const counted =
      this.#usage?.tokens ??
      (text === '' ? 0 : Math.min(sampling.maxTokens, Math.max(this.#pieces, estimateTokens(text))))
    return {
      id,
      text,
      ending,
      promptTokens: this.#usage?.promptTokens ?? estimateTokens(prompt),
      tokens: list === undefined ? counted : list.length,
      ...(list === undefined ? {} : { logProbs: list }),
    }
  }

  /** Those of the text that is kept, with no more in each list than was asked for: a server may tell more. */
  #listTokens(count: number): readonly WrittenToken[] {
    let end = 0
    const { length } = this.#cut.text
    return this.#tokens.flatMap(({ text, logProb, likeliest }) => {
      const begin = end
      end += text.length
      if (begin >= length) return []
      const list = likeliest.slice(0, count)
      return [{ text, logProb, likeliest: list, tail: tailOf(list) }]
    })
  }
}
