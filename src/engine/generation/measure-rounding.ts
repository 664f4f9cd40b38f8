// Knows: what rounding activations to 8 bits costs a loaded model: its next-token distributions on some tokens with and without rounding.
// Must not know: how kernels compute, where the tokens come from.
import type { CachedModel } from './cached-model.ts'

export interface RoundingCost {
  /** Positions compared. */
  readonly tokens: number
  /** Mean Kullback-Leibler divergence of the rounded distribution from the exact one, in nats per token. */
  readonly meanKl: number
  /** Positions at which the most probable token is the same. */
  readonly sameBest: number
}

/** Positions of one comparison: their logits are in memory twice. */
const CHUNK = 16
const MAX_TOKENS = 96

/**
 * Compares both ways of computing on the beginnings of texts, until `maxMs` have passed, but at least 16 positions. `setExact` switches
 * the model; it computes with rounding afterwards. Undefined without tokens. Throws EngineError.
 */
export async function measureRounding(
  model: CachedModel,
  setExact: (exact: boolean) => void,
  texts: readonly (readonly number[])[],
  { now, maxMs }: { readonly now: () => number; readonly maxMs: number },
): Promise<RoundingCost | undefined> {
  const since = now()
  const { vocabulary } = model
  let [tokens, sum, sameBest] = [0, 0, 0]
  const compute = async (slot: number, chunk: readonly number[], exact: boolean): Promise<Float32Array> => {
    setExact(exact)
    try {
      return await model.step([{ slot, tokens: chunk, logitsAt: chunk.map((_, i) => i) }], undefined, true)
    } finally {
      setExact(false)
    }
  }
  for (const text of texts) {
    const [exactRow, roundedRow] = [model.open(), model.open()]
    try {
      const limit = Math.min(text.length, model.contextLength)
      for (let from = 0; from < limit && tokens < MAX_TOKENS; from += CHUNK) {
        if (tokens > 0 && now() - since > maxMs) break
        const chunk = text.slice(from, Math.min(from + CHUNK, limit))
        const exact = await compute(exactRow, chunk, true)
        const rounded = await compute(roundedRow, chunk, false)
        for (let i = 0; i < chunk.length; i++) {
          const of = (logits: Float32Array): Float32Array =>
            logits.subarray(i * vocabulary, (i + 1) * vocabulary)
          const { kl, isSame } = compare(of(exact), of(rounded))
          sum += kl
          if (isSame) sameBest++
        }
        tokens += chunk.length
      }
    } finally {
      model.close(exactRow)
      model.close(roundedRow)
    }
  }
  return tokens === 0 ? undefined : { tokens, meanKl: Math.max(0, sum / tokens), sameBest }
}

/** Divergence of q from p, both given as logits, and whether they have the same largest one. */
function compare(p: Float32Array, q: Float32Array): { kl: number; isSame: boolean } {
  const [a, b] = [summarise(p), summarise(q)]
  let kl = 0
  for (let id = 0; id < p.length; id++) {
    const logP = (p[id] as number) - a.logSum
    kl += Math.exp(logP) * (logP - ((q[id] as number) - b.logSum))
  }
  return { kl, isSame: a.best === b.best }
}

function summarise(logits: Float32Array): { logSum: number; best: number } {
  let best = 0
  for (let id = 1; id < logits.length; id++) if ((logits[id] as number) > (logits[best] as number)) best = id
  const largest = logits[best] as number
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - largest)
  return { logSum: largest + Math.log(sum), best }
}
