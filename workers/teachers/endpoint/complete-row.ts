// Knows: how one completion is read from a stream: its text, finish reason, token counts and log-probabilities.
// Must not know: retries, other rows.
import type {
  CompletionRequest,
  CompletionResult,
  TokenLogProbs,
} from '../../../src/domain/completion-request.ts'
import type { ServerCapabilities } from './server-capabilities.ts'
import { writeRequest } from './write-request.ts'
import type { Connection } from './connection.ts'
import { ServerError } from './server-error.ts'
import { parsePiece, restProbabilityOf } from './parse.ts'
import { StopCut } from './stop.ts'

/** Max characters per token on average; a server that sends more ignores the max tokens. */
const MAX_TOKEN_CHARACTERS = 200
const PARTIAL_EVERY_MS = 100

export interface RowHooks {
  readonly signal: AbortSignal
  readonly onPartial?: (id: string, text: string) => void
}

/** Estimated tokens of a text, if they are not counted. */
export const estimateTokens = (text: string): number => Math.ceil(text.length / 4)

/** One attempt at one row. After an abort, `result` returns the completion so far. */
export class RowGeneration {
  readonly request: CompletionRequest
  readonly #cut: StopCut
  readonly #tokens: TokenLogProbs[] = []
  #usage: { promptTokens: number; tokens: number } | undefined
  #finish: 'end' | 'length' | undefined
  #pieces = 0

  constructor(request: CompletionRequest) {
    this.request = request
    this.#cut = new StopCut(request.sampling.stop)
  }

  /** Sends the request and reads to the end. Throws a `ServerError`, an AbortError, or a RangeError for an invalid output format. */
  async generate(
    connection: Connection,
    model: string,
    server: ServerCapabilities,
    { signal, onPartial }: RowHooks,
  ): Promise<CompletionResult> {
    const { path, body } = writeRequest(this.request, model, server)
    const maxCharacters = this.request.sampling.maxTokens * MAX_TOKEN_CHARACTERS
    let reportedAt = 0
    for await (const json of connection.stream(path, signal, body)) {
      const piece = parsePiece(json)
      if (piece.text !== '') this.#pieces += 1
      this.#cut.add(piece.text)
      this.#tokens.push(...piece.tokens)
      this.#usage = piece.usage ?? this.#usage
      this.#finish = piece.finish ?? this.#finish
      if (this.#cut.text.length > maxCharacters)
        throw new ServerError(
          'refused',
          `The server ignored the limit of ${this.request.sampling.maxTokens} tokens.`,
        )
      // Leaving the loop closes the connection, and servers then stop generating.
      if (this.#cut.stopped) break
      const now = performance.now()
      if (onPartial && now - reportedAt >= PARTIAL_EVERY_MS) {
        reportedAt = now
        onPartial(this.request.id, this.#cut.shown)
      }
    }
    return this.result(this.#cut.stopped ? 'end' : (this.#finish ?? 'end'))
  }

  /** The completion so far. */
  result(finishReason: CompletionResult['finishReason']): CompletionResult {
    const { id, input, sampling, logProbs } = this.request
    const { text } = this.#cut
    const prompt = input.kind === 'raw' ? input.text : input.messages.map(({ content }) => content).join('\n')
    const list = logProbs === undefined ? undefined : this.#listTokens(logProbs)
    // Servers count the token that ends an answer. Without a count: most servers send one chunk per token.
    const counted =
      this.#usage?.tokens ??
      (text === '' ? 0 : Math.min(sampling.maxTokens, Math.max(this.#pieces, estimateTokens(text))))
    return {
      id,
      text,
      finishReason,
      promptTokens: this.#usage?.promptTokens ?? estimateTokens(prompt),
      tokens: list === undefined ? counted : list.length,
      ...(list === undefined ? {} : { logProbs: list }),
    }
  }

  /** Log-probabilities of the kept text, with lists cut to the requested k: a server may send more. */
  #listTokens(count: number): readonly TokenLogProbs[] {
    let end = 0
    const { length } = this.#cut.text
    return this.#tokens.flatMap(({ text, logProb, top }) => {
      const begin = end
      end += text.length
      if (begin >= length) return []
      const list = top.slice(0, count)
      return [{ text, logProb, top: list, restProbability: restProbabilityOf(list) }]
    })
  }
}
