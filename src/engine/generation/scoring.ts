// Knows: how to score continuations by their log-probability, many at a time. Continuations with a common
// prefix share a row.
import type { CachedModel } from './cached-model.ts'
import { logSumExp, refuseNotANumber } from './logits.ts'
import type { PrefixCache } from './prefix-cache.ts'
import type { Hooks, GenerationProgress, ScoreInput, ScoreOutput } from './requests.ts'
import { prefillRows } from './prefill-rows.ts'

/** One row to compute: its tokens, and which log-probabilities are read where. */
interface Job {
  readonly request: ScoreInput
  readonly tokens: readonly number[]
  readonly positions: ReadonlySet<number>
  /** At position `at` (index into `tokens`), the log-probability of `token` is added to continuation `to`. */
  readonly reads: readonly { readonly at: number; readonly token: number; readonly to: number }[]
}

export async function scoreAll(
  model: CachedModel,
  prefixes: PrefixCache,
  requests: readonly ScoreInput[],
  hooks: Hooks<ScoreOutput>,
): Promise<GenerationProgress> {
  const open = new Map<ScoreInput, { readonly sums: number[]; left: number }>()
  const jobs: Job[] = []
  for (const request of requests) {
    const refusal = refusalOf(request, model.contextLength)
    if (refusal !== undefined) {
      hooks.onResult({ id: request.id, logProbs: [], refusal })
      continue
    }
    const own = makeJobs(request)
    open.set(request, { sums: request.continuations.map(() => 0), left: own.length })
    jobs.push(...own)
  }
  const read = ({ request, reads }: Job, at: number, logits: Float32Array, from: number): void => {
    const sums = open.get(request)?.sums
    refuseNotANumber(logits, from, from + model.vocabulary)
    const total = logSumExp(logits, from, from + model.vocabulary)
    for (const { at: position, token, to } of reads)
      if (position === at && sums !== undefined)
        sums[to] = (sums[to] ?? 0) + (logits[from + token] ?? Number.NaN) - total
  }
  const end = ({ request }: Job): void => {
    const state = open.get(request)
    if (state !== undefined && --state.left === 0) hooks.onResult({ id: request.id, logProbs: state.sums })
  }
  return prefillRows(model, prefixes, jobs, { read, end }, hooks)
}

function refusalOf({ tokens, continuations }: ScoreInput, contextLength: number): string | undefined {
  if (tokens.length === 0) return 'The text to score is empty.'
  if (continuations.some((continuation) => continuation.length === 0)) return 'A continuation is empty.'
  const longest = tokens.length + Math.max(0, ...continuations.map((continuation) => continuation.length)) - 1
  if (longest <= contextLength) return undefined
  return `The text to score has ${longest} tokens, but the context length is ${contextLength}. Shorten it or load the model with a longer context.`
}

/**
 * The rows of a request. The inputs of a continuation are all but its last token; one whose inputs are a prefix
 * of another's is read from that row, so " 1" to " 5" are one row whether a tokenizer makes one token of each
 * or two.
 */
export function makeJobs(request: ScoreInput): Job[] {
  const { tokens, continuations } = request
  const last = tokens.length - 1
  const rows: { readonly inputs: readonly number[]; readonly reads: Job['reads'][number][] }[] = []
  const longestFirst = continuations
    .map((continuation, to) => ({ continuation, to }))
    .toSorted((a, b) => b.continuation.length - a.continuation.length)
  for (const { continuation, to } of longestFirst) {
    const inputs = continuation.slice(0, -1)
    const reads = continuation.map((token, i) => ({ at: last + i, token, to }))
    const row = rows.find((known) => inputs.every((token, i) => known.inputs[i] === token))
    if (row) row.reads.push(...reads)
    else rows.push({ inputs, reads })
  }
  return rows.map(({ inputs, reads }) => ({
    request,
    tokens: [...tokens, ...inputs],
    reads,
    positions: new Set(reads.map(({ at }) => at)),
  }))
}
