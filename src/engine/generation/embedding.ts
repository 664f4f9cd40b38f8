// Knows: texts as vectors by a decoder: the mean of the hidden states after the final norm, over all tokens of a text.
import { toUnitHalves } from '../weights/directions.ts'
import type { CachedModel } from './cached-model.ts'
import type { PrefixCache } from './prefix-cache.ts'
import { prefillRows } from './prefill-rows.ts'
import type { GenerationProgress, Hooks } from './requests.ts'

export interface EmbedInput {
  readonly id: string
  readonly tokens: readonly number[]
}

export interface EmbedOutput {
  readonly id: string
  /** A vector of length 1, [width] in bits of 16-bit floats; empty with a refusal. */
  readonly vector: Uint16Array
  /** The text has more tokens than the context: the vector is that of its beginning. */
  readonly cut?: true
  readonly refusal?: string
}

/** Max positions of a run: each has its logits too, a vocabulary of floats. */
const POSITIONS_PER_RUN = 128

interface Job {
  readonly id: string
  readonly tokens: readonly number[]
  readonly positions: ReadonlySet<number>
  readonly sum: Float32Array
  readonly isCut: boolean
}

/** Embeds all texts; results are reported in any order, those without tokens or numbers refused with a sentence. */
export async function embedAll(
  model: CachedModel,
  prefixes: PrefixCache,
  requests: readonly EmbedInput[],
  hooks: Hooks<EmbedOutput>,
): Promise<GenerationProgress> {
  const refuse = (id: string, refusal: string): void =>
    hooks.onResult({ id, vector: new Uint16Array(0), refusal })
  const jobs = requests.flatMap(({ id, tokens: all }): Job[] => {
    if (all.length === 0) {
      refuse(id, 'The text is empty.')
      return []
    }
    const tokens = all.slice(0, model.contextLength)
    const positions = new Set(tokens.keys())
    const isCut = tokens.length < all.length
    return [{ id, tokens, positions, sum: new Float32Array(model.width), isCut }]
  })
  return prefillRows(
    model,
    prefixes,
    jobs,
    {
      read: () => undefined,
      readHidden: ({ sum }, _, hidden, from) => {
        for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (hidden[from + i] ?? 0)
      },
      end: ({ id, sum, isCut }) => {
        const vector = toUnitHalves(sum)
        if (vector === undefined) refuse(id, 'The model computed no numbers for this text.')
        else hooks.onResult({ id, vector, ...(isCut ? { cut: true } : {}) })
      },
      logitsPerRun: POSITIONS_PER_RUN,
    },
    hooks,
  )
}
