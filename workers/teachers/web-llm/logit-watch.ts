// Knows: how logits are read and changed between two tokens of WebLLM. Here every token is sampled by this program's own sampling and
// forced in WebLLM, so that seeds, top-k and min-p mean the same as with every other teacher.
// Must not know: requests, texts.
import type { LogitProcessor } from '@mlc-ai/web-llm'
import { logSumExp, pickLargest } from '../../../src/engine/generation/logits.ts'
import { makeRandom } from '../../../src/engine/generation/random.ts'
import {
  sampleToken,
  penaliseRepetition,
  type SamplingSettings,
} from '../../../src/engine/generation/sampling.ts'

/** A generated token with natural logs of probabilities, before temperature and sampling filters. */
export interface SampledToken {
  readonly id: number
  readonly logProb: number
  readonly top: readonly { readonly id: number; readonly logProb: number }[]
  readonly restProbability: number
}

/** A logit whose exp is 0 next to the forced token's logit of 0. */
const EXCLUDED = -1e4

/** Samples the tokens of one completion, one after another. */
export class TokenSampler {
  /** Ids in the order of sampling; the last may be one that ends the answer. */
  readonly tokens: number[] = []
  /** One for each of `tokens`, if requested. */
  readonly logProbs: SampledToken[] = []
  readonly #settings: SamplingSettings
  readonly #random: () => number
  readonly #topK: number | undefined

  /** `topK`: top tokens to list with each generated one; undefined: no log-probabilities. */
  constructor(settings: SamplingSettings & { readonly rngSeed: string }, topK?: number) {
    this.#settings = settings
    this.#random = makeRandom(settings.rngSeed)
    this.#topK = topK
  }

  /** Samples from logits, which it changes. */
  sample(logits: Float32Array): number {
    const raw = this.#topK === undefined ? undefined : logits.slice()
    penaliseRepetition(logits, 0, logits.length, this.tokens, this.#settings.repetitionPenalty)
    const token = sampleToken(logits, 0, logits.length, this.#settings, this.#random)
    if (raw !== undefined) this.logProbs.push(describeToken(raw, token, this.#topK ?? 0))
    this.tokens.push(token)
    return token
  }
}

/** Log-probabilities of a token and of the top tokens. */
export function describeToken(logits: Float32Array, id: number, topK: number): SampledToken {
  const whole = logSumExp(logits, 0, logits.length)
  const top = pickLargest(logits, 0, logits.length, topK).map((other) => ({
    id: other,
    logProb: (logits[other] ?? NaN) - whole,
  }))
  const mass = top.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0)
  return {
    id,
    logProb: (logits[id] ?? NaN) - whole,
    top,
    restProbability: Math.min(1, Math.max(0, 1 - mass)),
  }
}

export class LogitWatch implements LogitProcessor {
  /** Samples the tokens; absent: WebLLM samples by itself and the result is not used. */
  sampler: TokenSampler | undefined
  #logits: Float32Array | undefined
  #sampled: number | undefined

  /** The logits of the last position; throws if nothing was computed since the last call. */
  takeLogits(): Float32Array {
    const logits = this.#logits
    this.#logits = undefined
    if (logits === undefined) throw new Error('WebLLM computed a position without passing on its logits.')
    return logits
  }

  processLogits = (logits: Float32Array): Float32Array => {
    this.#sampled = undefined
    if (this.sampler === undefined) {
      this.#logits = logits.slice()
      return logits
    }
    this.#sampled = this.sampler.sample(logits)
    logits.fill(EXCLUDED)
    logits[this.#sampled] = 0
    return logits
  }

  processSampledToken = (token: number): void => {
    if (this.#sampled !== undefined && token !== this.#sampled)
      throw new Error(`WebLLM generated token ${token}, but ${this.#sampled} was sampled.`)
  }

  resetState = (): void => undefined
}
