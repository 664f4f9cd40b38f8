// Knows: how probable given continuations are, many at a time. Continuations that begin alike share a row.
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import { Pace } from './pace.ts'
import { sharedBeginning, type Prefixes } from './prefixes.ts'
import type { Hooks, Progress, Scorable, Scored } from './requests.ts'
import { logSumExp } from './sampling.ts'

/** One row to compute: tokens, and what is read where. */
interface Job {
  readonly request: Scorable
  readonly tokens: readonly number[]
  /** Read at position `at` (index into `tokens`): the log-probability of `token`, added to continuation `to`. */
  readonly reads: readonly { readonly at: number; readonly token: number; readonly to: number }[]
}

interface Open {
  readonly request: Scorable
  readonly sums: number[]
  left: number
}

export async function scoreAll(model: CachedModel, prefixes: Prefixes, requests: readonly Scorable[], hooks: Hooks<Scored>): Promise<Progress> {
  const { signal } = hooks
  const pace = new Pace(hooks.onProgress)
  const open = new Map<Scorable, Open>()
  const jobs: Job[] = []
  for (const request of requests) {
    const refusal = refusalOf(request, model.contextLength)
    if (refusal !== undefined) {
      hooks.onResult({ id: request.id, logProbs: [], refusal })
      continue
    }
    const own = makeJobs(request)
    open.set(request, { request, sums: request.continuations.map(() => 0), left: own.length })
    jobs.push(...own)
  }
  signal?.throwIfAborted()
  // Nothing can be read within what is shared, so it ends before the first reading.
  const unread = jobs.map(({ tokens, reads }) => tokens.slice(0, Math.min(...reads.map(({ at }) => at)) + 1))
  const found = await prefixes.find(sharedBeginning(unread), async (tokens) => {
    pace.promptTokens += tokens
    await pace.tick(signal)
  })
  if (found !== undefined) pace.sharedTokens += found.prefix.tokens.length * (jobs.length - (found.reused ? 0 : 1))
  // Rows of like length waste the least on padding.
  jobs.sort((a, b) => a.tokens.length - b.tokens.length)
  while (jobs.length > 0) {
    const batch = jobs.splice(0, model.slots)
    await runBatch(model, batch, found?.prefix, pace, signal, (job, to, logProb) => {
      const sums = open.get(job.request)?.sums
      if (sums !== undefined) sums[to] = (sums[to] ?? 0) + logProb
    })
    for (const { request } of batch) {
      const state = open.get(request)
      if (state === undefined) continue
      state.left--
      if (state.left === 0) hooks.onResult({ id: request.id, logProbs: state.sums })
    }
    await pace.tick(signal)
  }
  hooks.onProgress?.(pace.progress)
  return pace.progress
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
  const longestFirst = continuations.map((continuation, to) => ({ continuation, to })).toSorted((a, b) => b.continuation.length - a.continuation.length)
  for (const { continuation, to } of longestFirst) {
    const fed = continuation.slice(0, -1)
    const reads = continuation.map((token, i) => ({ at: last + i, token, to }))
    const row = rows.find((known) => fed.every((token, i) => known.fed[i] === token))
    if (row) row.reads.push(...reads)
    else rows.push({ fed, reads })
  }
  return rows.map(({ fed, reads }) => ({ request, tokens: [...tokens, ...fed], reads }))
}

/** Computes a batch of rows in pieces and reads their log-probabilities. */
async function runBatch(model: CachedModel, jobs: readonly Job[], prefix: Prefix | undefined, pace: Pace, signal: AbortSignal | undefined, give: (job: Job, to: number, logProb: number) => void): Promise<void> {
  const shared = prefix?.tokens.length ?? 0
  const rows = jobs.map((job) => ({ job, slot: model.open(), done: shared }))
  try {
    const piece = Math.max(1, Math.floor(TOKENS_PER_RUN / jobs.length))
    for (let going = rows; going.length > 0; going = going.filter(({ job, done }) => done < job.tokens.length)) {
      const steps = going.map(({ job, slot, done }): RowStep => {
        const tokens = job.tokens.slice(done, done + piece)
        const wanted = new Set(job.reads.map(({ at }) => at - done).filter((at) => at >= 0 && at < tokens.length))
        return { slot, tokens, logitsAt: [...wanted].toSorted((a, b) => a - b) }
      })
      const isLast = going.every(({ job, done }) => done + piece >= job.tokens.length)
      const logits = await model.step(steps, prefix, !isLast)
      readLogits(going, steps, logits, model.vocabulary, give)
      going.forEach((row, i) => {
        const count = steps[i]?.tokens.length ?? 0
        row.done += count
        pace.promptTokens += count
      })
      if (!isLast) await pace.tick(signal)
    }
  } finally {
    for (const { slot } of rows) model.close(slot)
  }
}

function readLogits(rows: readonly { job: Job; done: number }[], steps: readonly RowStep[], logits: Float32Array, vocabulary: number, give: (job: Job, to: number, logProb: number) => void): void {
  let line = 0
  rows.forEach(({ job, done }, i) => {
    for (const at of steps[i]?.logitsAt ?? []) {
      const from = line++ * vocabulary
      const total = logSumExp(logits, from, from + vocabulary)
      for (const read of job.reads) if (read.at === done + at) give(job, read.to, (logits[from + read.token] ?? Number.NaN) - total)
    }
  })
}
