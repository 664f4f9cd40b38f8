// Knows: how one completion is read from a stream: its text, reasoning, finish reason, token counts and log-probabilities.
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
import { parsePiece, restProbabilityOf, type Piece } from './parse.ts'
import { ResponseText } from './response-text.ts'

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
  readonly #response: ResponseText
  readonly #tokens: TokenLogProbs[] = []
  #usage: Piece['usage']
  #finish: 'end' | 'length' | undefined
  #pieces = 0

  /** `opened`: the server's template opens the reasoning, and it does not separate reasoning itself. */
  constructor(request: CompletionRequest, opened = false) {
    this.request = request
    this.#response = new ResponseText(request.sampling.stop, opened)
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
    let [reportedAt, choices] = [0, 0]
    try {
      for await (const json of connection.stream(path, signal, body)) {
        const piece = parsePiece(json)
        if (piece.text !== '' || piece.reasoning !== '') this.#pieces += 1
        if (piece.hasChoice) choices += 1
        this.#response.addReasoning(piece.reasoning)
        this.#response.add(piece.text)
        this.#tokens.push(...piece.tokens)
        this.#usage = piece.usage ?? this.#usage
        this.#finish = piece.finish ?? this.#finish
        if (this.#response.length > maxCharacters)
          throw new ServerError(
            'refused',
            `The server ignored the limit of ${this.request.sampling.maxTokens} tokens.`,
          )
        // Leaving the loop closes the connection, and servers then stop generating.
        if (this.#response.stopped) break
        const now = performance.now()
        if (onPartial && now - reportedAt >= PARTIAL_EVERY_MS) {
          reportedAt = now
          onPartial(this.request.id, this.#response.shown)
        }
      }
    } catch (thrown) {
      // Some servers end after the finish reason without the last mark.
      if (!(thrown instanceof ServerError && thrown.kind === 'interrupted' && this.#finish !== undefined))
        throw thrown
    }
    if (choices === 0) throw new ServerError('malformed', 'The server’s response has no choices.')
    return this.result(this.#response.stopped ? 'end' : (this.#finish ?? 'end'))
  }

  /** The completion so far. */
  result(finishReason: CompletionResult['finishReason']): CompletionResult {
    const { id, input, sampling, logProbs } = this.request
    const { text, begin, reasoning, unfinished } = this.#response.finish(finishReason !== 'end')
    const prompt = input.kind === 'raw' ? input.text : input.messages.map(({ content }) => content).join('\n')
    // Servers that hide reasoning only count it.
    const isHidden =
      text.trim() === '' && finishReason === 'length' && (this.#usage?.reasoningTokens ?? 0) > 0
    const isUnfinished = finishReason !== 'aborted' && (unfinished === true || isHidden)
    const list = logProbs === undefined ? undefined : this.#listTokens(logProbs, begin, begin + text.length)
    // Servers count the token that ends an answer. Without a count: most servers send one chunk per token.
    const counted =
      this.#usage?.tokens ??
      Math.min(sampling.maxTokens, Math.max(this.#pieces, estimateTokens(text + (reasoning ?? ''))))
    return {
      id,
      text,
      finishReason,
      ...(reasoning === undefined ? {} : { reasoning }),
      ...(isUnfinished ? { unfinishedReasoning: true } : {}),
      promptTokens: this.#usage?.promptTokens ?? estimateTokens(prompt),
      tokens: list === undefined ? counted : list.length,
      ...(list === undefined ? {} : { logProbs: list }),
    }
  }

  /** Log-probabilities of the tokens of the response, with lists cut to the requested k: a server may send more. */
  #listTokens(count: number, from: number, to: number): readonly TokenLogProbs[] {
    let end = 0
    return this.#tokens.flatMap(({ text, logProb, top }) => {
      const begin = end
      end += text.length
      if (end <= from || begin >= to) return []
      const list = top.slice(0, count)
      return [{ text, logProb, top: list, restProbability: restProbabilityOf(list) }]
    })
  }
}
