// Knows: how probable given continuations are, many at a time. Continuations that begin alike share a row.
import type { CachedModel } from './cached-model.ts'
import { logSumExp } from './logits.ts'
import type { Prefixes } from './prefixes.ts'
import type { Hooks, Progress, Scorable, Scored } from './requests.ts'
import { runRows } from './rows-run.ts'

/** One row to compute: tokens, and what is read where. */
interface Job {
  readonly request: Scorable
  readonly tokens: readonly number[]
  readonly wanted: ReadonlySet<number>
  /** Read at position `at` (index into `tokens`): the log-probability of `token`, added to continuation `to`. */
  readonly reads: readonly { readonly at: number; readonly token: number; readonly to: number }[]
}

export async function scoreAll(
  model: CachedModel,
  prefixes: Prefixes,
  requests: readonly Scorable[],
  hooks: Hooks<Scored>,
): Promise<Progress> {
  const open = new Map<Scorable, { readonly sums: number[]; left: number }>()
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
    const total = logSumExp(logits, from, from + model.vocabulary)
    for (const { at: place, token, to } of reads)
      if (place === at && sums !== undefined)
        sums[to] = (sums[to] ?? 0) + (logits[from + token] ?? Number.NaN) - total
  }
  const end = ({ request }: Job): void => {
    const state = open.get(request)
    if (state !== undefined && --state.left === 0) hooks.onResult({ id: request.id, logProbs: state.sums })
  }
  return runRows(model, prefixes, jobs, { read, end }, hooks)
}

function refusalOf({ tokens, continuations }: Scorable, contextLength: number): string | undefined {
  if (tokens.length === 0) return 'The text to score is empty.'
  if (continuations.some((continuation) => continuation.length === 0)) return 'A continuation is empty.'
  const longest = tokens.length + Math.max(0, ...continuations.map((continuation) => continuation.length)) - 1
  if (longest <= contextLength) return undefined
  return `The text to score has ${longest} tokens, and the context holds ${contextLength}. Shorten it or load the model with a longer context.`
}

/**
 * The rows of a request. What a continuation feeds is all but its last token; one that feeds the beginning of what another
 * feeds is read from that row, so " 1" to " 5" are one row whether a tokenizer makes one token of each or two.
 */
export function makeJobs(request: Scorable): Job[] {
  const { tokens, continuations } = request
  const last = tokens.length - 1
  const rows: { readonly fed: readonly number[]; readonly reads: Job['reads'][number][] }[] = []
  const longestFirst = continuations
    .map((continuation, to) => ({ continuation, to }))
    .toSorted((a, b) => b.continuation.length - a.continuation.length)
  for (const { continuation, to } of longestFirst) {
    const fed = continuation.slice(0, -1)
    const reads = continuation.map((token, i) => ({ at: last + i, token, to }))
    const row = rows.find((known) => fed.every((token, i) => known.fed[i] === token))
    if (row) row.reads.push(...reads)
    else rows.push({ fed, reads })
  }
  return rows.map(({ fed, reads }) => ({
    request,
    tokens: [...tokens, ...fed],
    reads,
    wanted: new Set(reads.map(({ at }) => at)),
  }))
}
