// Knows: soft targets: a model's next-token distributions along given completions, restricted to some of its
// tokens (top-k and remaining mass); and the hidden states of these positions, if requested.
import type { CachedModel } from './cached-model.ts'
import { logSumExp, pickLargest, refuseNotANumber } from './logits.ts'
import type { PrefixCache } from './prefix-cache.ts'
import type { Hooks, GenerationProgress } from './requests.ts'
import { prefillRows } from './prefill-rows.ts'
import { storeDirection } from '../weights/directions.ts'

/** A completion: its distributions are those before each of its tokens, and the one after the last. */
export interface SoftTargetInput {
  readonly id: string
  /** The tokens before the completion, at least one. */
  readonly prompt: readonly number[]
  readonly completion: readonly number[]
}

export interface SoftTargetOptions {
  /** k: most likely tokens listed for each distribution. */
  readonly topK: number
  /** Softmax temperature, above 0. */
  readonly temperature: number
  /**
   * Ids over which the distributions are normalised, at least k: the tokens that the student has too. Mass on
   * other tokens would only train the student to put that mass on arbitrary tokens.
   */
  readonly allowedIds: Int32Array
  /** Return the directions of the hidden states too. */
  readonly hidden?: boolean
}

/** The distributions of a completion, [completion + 1] of them. */
export interface SoftTargetOutput {
  readonly id: string
  /** Indices into `allowedIds` of the k most likely tokens, most likely first: [distributions, k]. */
  readonly indices: Uint16Array
  /** Their probabilities, and last the remaining mass, of all other tokens in `allowedIds`: [distributions, k + 1]. */
  readonly probabilities: Float32Array
  /**
   * Directions of the hidden states after the final norm, before each of these distributions: [distributions,
   * width] in 16-bit floats (weights/directions.ts).
   */
  readonly hidden?: Uint16Array
  readonly refusal?: string
}

/** Max logits of a run: 128 of a vocabulary of 49,152 take 25 MB. */
const LOGITS_PER_RUN = 128

interface Job {
  readonly request: SoftTargetInput
  readonly tokens: readonly number[]
  readonly positions: ReadonlySet<number>
  readonly output: SoftTargetOutput
}

/**
 * Computes the soft targets of all completions; results are reported in any order, refused ones (too long for
 * the context) with a sentence and no data.
 */
export async function computeSoftTargets(
  model: CachedModel,
  prefixes: PrefixCache,
  requests: readonly SoftTargetInput[],
  options: SoftTargetOptions,
  hooks: Hooks<SoftTargetOutput>,
): Promise<GenerationProgress> {
  const { topK, allowedIds } = options
  if (allowedIds.length < topK || allowedIds.length > 65_536)
    throw new RangeError(`The top ${topK} of ${allowedIds.length} tokens cannot be listed.`)
  const jobs = requests.flatMap((request): Job[] => {
    const tokens = [...request.prompt, ...request.completion]
    if (request.prompt.length === 0 || tokens.length > model.contextLength) {
      const refusal =
        request.prompt.length === 0
          ? 'The prompt before the completion is empty.'
          : `The row has ${tokens.length} tokens, but the context length is ${model.contextLength}. Load the model with a longer context.`
      hooks.onResult({
        id: request.id,
        indices: new Uint16Array(0),
        probabilities: new Float32Array(0),
        refusal,
      })
      return []
    }
    const count = request.completion.length + 1
    const first = request.prompt.length - 1
    return [
      {
        request,
        tokens,
        positions: new Set(Array.from({ length: count }, (_, i) => first + i)),
        output: {
          id: request.id,
          indices: new Uint16Array(count * topK),
          probabilities: new Float32Array(count * (topK + 1)),
          ...(options.hidden ? { hidden: new Uint16Array(count * model.width) } : {}),
        },
      },
    ]
  })
  const read = ({ request, output }: Job, at: number, logits: Float32Array, from: number): void =>
    readDistribution(logits, from, options, output, at - request.prompt.length + 1)
  const readHidden = (
    { request, output: { hidden } }: Job,
    at: number,
    states: Float32Array,
    from: number,
  ): void => {
    if (hidden)
      storeDirection(states, from, model.width, hidden, (at - request.prompt.length + 1) * model.width)
  }
  return prefillRows(
    model,
    prefixes,
    jobs,
    {
      read,
      ...(options.hidden ? { readHidden } : {}),
      end: ({ output }) => hooks.onResult(output),
      logitsPerRun: LOGITS_PER_RUN,
    },
    hooks,
  )
}

/** Writes the distribution of one position. */
function readDistribution(
  logits: Float32Array,
  from: number,
  { topK, temperature, allowedIds }: SoftTargetOptions,
  { indices, probabilities }: SoftTargetOutput,
  distribution: number,
): void {
  const allowed = new Float32Array(allowedIds.length)
  for (let index = 0; index < allowed.length; index++)
    allowed[index] = (logits[from + (allowedIds[index] ?? 0)] ?? -Infinity) / temperature
  refuseNotANumber(allowed, 0, allowed.length)
  const total = logSumExp(allowed, 0, allowed.length)
  const best = pickLargest(allowed, 0, allowed.length, topK)
  let listed = 0
  best.forEach((index, i) => {
    const probability = Math.exp((allowed[index] ?? -Infinity) - total)
    listed += probability
    indices[distribution * topK + i] = index
    probabilities[distribution * (topK + 1) + i] = probability
  })
  probabilities[distribution * (topK + 1) + topK] = Math.max(0, 1 - listed)
}
