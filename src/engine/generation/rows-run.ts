// Knows: how known rows are taken through a model in batches and pieces, and logits are handed to whoever reads them.
// Must not know: what is read from them (scoring.ts, tracing.ts).
import { TOKENS_PER_RUN, type CachedModel, type Prefix, type RowStep } from './cached-model.ts'
import { Pace } from './pace.ts'
import { sharedBeginning, type Prefixes } from './prefixes.ts'
import type { Hooks, Progress } from './requests.ts'

/** One row to compute, at least one token, and where its logits are wanted (indices into `tokens`), at least once. */
export interface KnownRow {
  readonly tokens: readonly number[]
  readonly wanted: ReadonlySet<number>
}

export interface RowReader<Row> {
  /** Logits after token `at` of a row: `logits[from … from + vocabulary)`. Valid during the call only. */
  readonly read: (row: Row, at: number, logits: Float32Array, from: number) => void
  /** As `read`, the hidden state after the final norm: `hidden[from … from + width)`. Absent: none is asked for. */
  readonly readHidden?: (row: Row, at: number, hidden: Float32Array, from: number) => void
  /** Everything of the row was read. */
  readonly end: (row: Row) => void
  /** Wanted logits of a run at most, for rows that want many: each takes a vocabulary of floats. */
  readonly logitsPerRun?: number
}

/** Takes all rows through the model, rows of like length together, behind the beginning that all share. Rejects with an AbortError when stopped. */
export async function runRows<Row extends KnownRow>(
  model: CachedModel,
  prefixes: Prefixes,
  rows: readonly Row[],
  reader: RowReader<Row>,
  { signal, onProgress }: Pick<Hooks<never>, 'signal' | 'onProgress'>,
): Promise<Progress> {
  const { end, logitsPerRun } = reader
  const pace = new Pace(onProgress)
  signal?.throwIfAborted()
  // Nothing can be read within what is shared, so it ends before the first reading.
  const unread = rows.map(({ tokens, wanted }) => tokens.slice(0, Math.min(...wanted) + 1))
  const found = await prefixes.find(sharedBeginning(unread), async (tokens) => {
    pace.promptTokens += tokens
    await pace.tick(signal)
  })
  if (found !== undefined) pace.sharedTokens += found.prefix.tokens.length * (rows.length - 1) + found.reused
  // Rows of like length waste the least on padding.
  const queue = rows.toSorted((a, b) => a.tokens.length - b.tokens.length)
  while (queue.length > 0) {
    const batch = queue.splice(0, model.slots)
    await runBatch(
      model,
      batch,
      found?.prefix,
      Math.min(TOKENS_PER_RUN, logitsPerRun ?? TOKENS_PER_RUN),
      reader,
      pace,
      signal,
    )
    for (const row of batch) end(row)
    await pace.tick(signal)
  }
  onProgress?.(pace.progress)
  return pace.progress
}

const NONE: Float32Array = new Float32Array(0)

async function runBatch<Row extends KnownRow>(
  model: CachedModel,
  batch: readonly Row[],
  prefix: Prefix | undefined,
  tokensPerRun: number,
  { read, readHidden }: RowReader<Row>,
  pace: Pace,
  signal: AbortSignal | undefined,
): Promise<void> {
  const shared = prefix?.tokens.length ?? 0
  const rows = batch.map((row) => ({ row, slot: model.open(), done: shared }))
  try {
    const piece = Math.max(1, Math.floor(tokensPerRun / batch.length))
    for (
      let going = rows;
      going.length > 0;
      going = going.filter(({ row, done }) => done < row.tokens.length)
    ) {
      const steps = going.map(({ row, slot, done }): RowStep => {
        const tokens = row.tokens.slice(done, done + piece)
        return { slot, tokens, logitsAt: tokens.flatMap((_, at) => (row.wanted.has(done + at) ? [at] : [])) }
      })
      const isLast = going.every(({ row, done }) => done + piece >= row.tokens.length)
      let hidden = NONE
      const logits = await model.step(
        steps,
        prefix,
        !isLast,
        readHidden && ((states) => void (hidden = states)),
      )
      let line = 0
      going.forEach(({ row, done }, i) => {
        for (const at of steps[i]?.logitsAt ?? []) {
          readHidden?.(row, done + at, hidden, line * model.width)
          read(row, done + at, logits, line++ * model.vocabulary)
        }
      })
      going.forEach((one, i) => {
        const count = steps[i]?.tokens.length ?? 0
        one.done += count
        pace.promptTokens += count
      })
      if (!isLast) await pace.tick(signal)
    }
  } finally {
    for (const { slot } of rows) model.close(slot)
  }
}
