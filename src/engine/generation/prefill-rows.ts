// Knows: how rows of known tokens are prefilled in batches and chunks, and how their logits are passed to a reader.
// Must not know: what the reader computes (scoring.ts, soft-targets.ts).
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import { ProgressTracker } from './progress-tracker.ts'
import { sharedPrefix, type PrefixCache } from './prefix-cache.ts'
import type { Hooks, GenerationProgress } from './requests.ts'

/** One row to compute, at least one token, and where its logits are needed (indices into `tokens`), at least one. */
export interface PrefillRow {
  readonly tokens: readonly number[]
  readonly positions: ReadonlySet<number>
}

export interface RowReader<Row> {
  /** Logits after token `at` of a row: `logits[from … from + vocabulary)`. Valid during the call only. */
  readonly read: (row: Row, at: number, logits: Float32Array, from: number) => void
  /** As `read`, for the hidden state after the final norm: `hidden[from … from + width)`. Absent: none is computed. */
  readonly readHidden?: (row: Row, at: number, hidden: Float32Array, from: number) => void
  /** Called once all of the row was read. */
  readonly end: (row: Row) => void
  /** Max logits of a run, for rows that need many: each takes a vocabulary of floats. */
  readonly logitsPerRun?: number
}

/**
 * Prefills all rows after their shared prefix, in batches of similar length. Rejects with an AbortError when
 * stopped.
 */
export async function prefillRows<Row extends PrefillRow>(
  model: CachedModel,
  prefixes: PrefixCache,
  rows: readonly Row[],
  reader: RowReader<Row>,
  { signal, onProgress }: Pick<Hooks<never>, 'signal' | 'onProgress'>,
): Promise<GenerationProgress> {
  const { end, logitsPerRun } = reader
  const tracker = new ProgressTracker(onProgress)
  signal?.throwIfAborted()
  // Logits inside the prefix are not available, so it ends before the first position that is read.
  const unread = rows.map(({ tokens, positions }) => tokens.slice(0, Math.min(...positions) + 1))
  const found = await prefixes.find(sharedPrefix(unread), async (tokens) => {
    tracker.promptTokens += tokens
    await tracker.tick(signal)
  })
  if (found !== undefined)
    tracker.sharedTokens += found.prefix.tokens.length * (rows.length - 1) + found.reused
  // Rows of similar length need the least padding.
  const queue = rows.toSorted((a, b) => a.tokens.length - b.tokens.length)
  while (queue.length > 0) {
    const batch = queue.splice(0, model.slots)
    await runBatch(
      model,
      batch,
      found?.prefix,
      Math.min(TOKENS_PER_RUN, logitsPerRun ?? TOKENS_PER_RUN),
      reader,
      tracker,
      signal,
    )
    for (const row of batch) end(row)
    await tracker.tick(signal)
  }
  onProgress?.(tracker.progress)
  return tracker.progress
}

const NONE: Float32Array = new Float32Array(0)

async function runBatch<Row extends PrefillRow>(
  model: CachedModel,
  batch: readonly Row[],
  prefix: Prefix | undefined,
  tokensPerRun: number,
  { read, readHidden }: RowReader<Row>,
  tracker: ProgressTracker,
  signal: AbortSignal | undefined,
): Promise<void> {
  const shared = prefix?.tokens.length ?? 0
  const rows = batch.map((row) => ({ row, slot: model.open(), done: shared }))
  try {
    const size = Math.max(1, Math.floor(tokensPerRun / batch.length))
    for (
      let active = rows;
      active.length > 0;
      active = active.filter(({ row, done }) => done < row.tokens.length)
    ) {
      const steps = active.map(({ row, slot, done }): RowStep => {
        const tokens = row.tokens.slice(done, done + size)
        return {
          slot,
          tokens,
          logitsAt: tokens.flatMap((_, at) => (row.positions.has(done + at) ? [at] : [])),
        }
      })
      const isLast = active.every(({ row, done }) => done + size >= row.tokens.length)
      let hidden = NONE
      const logits = await model.step(
        steps,
        prefix,
        !isLast,
        readHidden && ((states) => void (hidden = states)),
      )
      let line = 0
      active.forEach(({ row, done }, i) => {
        for (const at of steps[i]?.logitsAt ?? []) {
          readHidden?.(row, done + at, hidden, line * model.width)
          read(row, done + at, logits, line++ * model.vocabulary)
        }
      })
      active.forEach((one, i) => {
        const count = steps[i]?.tokens.length ?? 0
        one.done += count
        tracker.promptTokens += count
      })
      if (!isLast) await tracker.tick(signal)
    }
  } finally {
    for (const { slot } of rows) model.close(slot)
  }
}
