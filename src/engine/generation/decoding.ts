// Knows: one completion while it is decoded: its tokens, its text, when it ends.
// Must not know: batches, the model.
import { TextStream } from '../tokenizers/text-stream.ts'
import type { TextTokenizer } from '../tokenizers/text-tokenizer.ts'
import { refuseNotANumber } from './logits.ts'
import { LogProbRecord } from './log-probs.ts'
import { makeRandom } from './random.ts'
import type { GenerateRequest, GenerateResult } from './requests.ts'
import { sampleToken, penaliseRepetition } from './sampling.ts'

const PARTIAL_EVERY_MS = 100

export class Decoding {
  readonly request: GenerateRequest
  readonly #tokenizer: TextTokenizer
  readonly #random: () => number
  readonly #stream = new TextStream()
  readonly #maxTokens: number
  readonly #tokens: number[] = []
  readonly #longestStop: number
  readonly #logProbs: LogProbRecord | undefined
  #text = ''
  #finishReason: 'end' | 'length' | undefined
  #partialAt = 0

  /** `contextLeft`: tokens that the context leaves for the completion. */
  constructor(request: GenerateRequest, tokenizer: TextTokenizer, contextLeft: number) {
    this.request = request
    this.#tokenizer = tokenizer
    this.#random = makeRandom(request.sampling.rngSeed)
    this.#maxTokens = Math.min(request.sampling.maxTokens, contextLeft)
    this.#logProbs =
      request.logProbs === undefined
        ? undefined
        : new LogProbRecord(Math.min(request.logProbs, tokenizer.vocabularySize))
    this.#longestStop = Math.max(0, ...request.sampling.stop.map((stop) => stop.length))
  }

  get ended(): boolean {
    return this.#finishReason !== undefined
  }

  /**
   * Samples from the logits after the text so far (they are changed); returns the next token, or undefined at
   * the end. A head may have more rows than the vocabulary has tokens: the others are never sampled. Throws an EngineError
   * if a logit is not a number.
   */
  advance(logits: Float32Array, from: number, width: number): number | undefined {
    const { sampling } = this.request
    const vocabulary = Math.min(width, this.#tokenizer.vocabularySize)
    refuseNotANumber(logits, from, from + vocabulary)
    this.#logProbs?.readLogits(logits, from, vocabulary)
    const raw =
      this.#logProbs === undefined || sampling.repetitionPenalty === 1
        ? logits
        : logits.slice(from, from + vocabulary)
    // The prompt does not count: it repeats the template's tokens, the end of a turn among them.
    penaliseRepetition(
      logits,
      from,
      vocabulary,
      this.#tokens.filter((id) => !this.#tokenizer.isSpecial(id)),
      sampling.repetitionPenalty,
    )
    const token = sampleToken(logits, from, vocabulary, sampling, this.#random)
    if (this.#tokenizer.endIds.has(token)) return this.#end('end')
    this.#logProbs?.add(raw[raw === logits ? from + token : token] ?? Number.NaN)
    this.#tokens.push(token)
    const before = this.#text.length
    this.#text += this.#stream.push(this.#tokenizer.tokenBytes(token))
    // A stop text may begin in the text of earlier tokens.
    const searched = Math.max(0, before - this.#longestStop)
    const stops = sampling.stop
      .map((stop) => (stop === '' ? -1 : this.#text.indexOf(stop, searched)))
      .filter((at) => at >= 0)
    if (stops.length > 0) {
      this.#text = this.#text.slice(0, Math.min(...stops))
      return this.#end('end')
    }
    return this.#tokens.length >= this.#maxTokens ? this.#end('length') : token
  }

  /** The text so far, if it is time to report it again. */
  partial(now: number): string | undefined {
    if (now - this.#partialAt < PARTIAL_EVERY_MS) return undefined
    this.#partialAt = now
    return this.#text
  }

  result(): GenerateResult {
    return {
      id: this.request.id,
      text: this.#text,
      tokens: this.#tokens,
      finishReason: this.#finishReason ?? 'aborted',
      promptTokens: this.request.tokens.length,
      ...(this.#logProbs === undefined ? {} : { logProbs: this.#logProbs.finish() }),
    }
  }

  #end(finishReason: 'end' | 'length'): undefined {
    this.#finishReason = finishReason
    return undefined
  }
}
