// Knows: what WebLLM lets one do between two tokens: see the logits and change them. Here every token is drawn by this program's own
// sampling and WebLLM is told to take it, so that seeds, top-k and min-p mean what they mean with every other teacher.
// Must not know: requests, texts.
import type { LogitProcessor } from '@mlc-ai/web-llm'
import { logSumExp, pickLargest } from '../../../src/engine/generation/logits.ts'
import { makeRandom } from '../../../src/engine/generation/random.ts'
import {
  drawToken,
  penaliseRepetition,
  type SamplingSettings,
} from '../../../src/engine/generation/sampling.ts'

/** What was found of a written token: natural logs of probabilities before temperature and cuts. */
export interface FoundToken {
  readonly id: number
  readonly logProb: number
  readonly likeliest: readonly { readonly id: number; readonly logProb: number }[]
  readonly tail: number
}

/** A logit of which exp is 0 beside the wanted token's 0. */
const NEVER = -1e4

/** The tokens of one completion, drawn one after another. */
export class Drawing {
  /** Ids in the order drawn; the last may be one that ends the answer. */
  readonly written: number[] = []
  /** One for each of `written`, where they are wanted. */
  readonly found: FoundToken[] = []
  readonly #settings: SamplingSettings
  readonly #random: () => number
  readonly #wanted: number | undefined

  /** `wanted`: likeliest tokens to find with each written one; undefined: nothing is. */
  constructor(settings: SamplingSettings & { readonly rngSeed: string }, wanted?: number) {
    this.#settings = settings
    this.#random = makeRandom(settings.rngSeed)
    this.#wanted = wanted
  }

  /** Draws from logits, which are changed. */
  draw(logits: Float32Array): number {
    const raw = this.#wanted === undefined ? undefined : logits.slice()
    penaliseRepetition(logits, 0, logits.length, this.written, this.#settings.repetitionPenalty)
    const token = drawToken(logits, 0, logits.length, this.#settings, this.#random)
    if (raw !== undefined) this.found.push(describeToken(raw, token, this.#wanted ?? 0))
    this.written.push(token)
    return token
  }
}

/** What the logits say of a token and of the likeliest ones. */
export function describeToken(logits: Float32Array, id: number, count: number): FoundToken {
  const whole = logSumExp(logits, 0, logits.length)
  const likeliest = pickLargest(logits, 0, logits.length, count).map((other) => ({
    id: other,
    logProb: (logits[other] ?? NaN) - whole,
  }))
  const mass = likeliest.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0)
  return { id, logProb: (logits[id] ?? NaN) - whole, likeliest, tail: Math.min(1, Math.max(0, 1 - mass)) }
}

export class LogitWatch implements LogitProcessor {
  /** What draws the tokens; absent: WebLLM draws for itself and nobody reads it. */
  drawing: Drawing | undefined
  #seen: Float32Array | undefined
  #told: number | undefined

  /** The logits of the last position; throws where nothing was computed since they were taken. */
  takeLogits(): Float32Array {
    const seen = this.#seen
    this.#seen = undefined
    if (seen === undefined) throw new Error('WebLLM computed a position without showing its logits.')
    return seen
  }

  processLogits = (logits: Float32Array): Float32Array => {
    this.#told = undefined
    if (this.drawing === undefined) {
      this.#seen = logits.slice()
      return logits
    }
    this.#told = this.drawing.draw(logits)
    logits.fill(NEVER)
    logits[this.#told] = 0
    return logits
  }

  processSampledToken = (token: number): void => {
    if (this.#told !== undefined && token !== this.#told)
      throw new Error(`WebLLM wrote token ${token} where ${this.#told} was drawn.`)
  }

  resetState = (): void => undefined
}
