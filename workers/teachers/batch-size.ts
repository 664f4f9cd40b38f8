// Knows: the best batch size of a model on this machine: measured when it is first loaded, for about two seconds, and stored.
// Must not know: where it is stored.
import type { MeasuredBatch } from '../../src/domain/measured-batch.ts'
import type { SizedCard } from '../../src/domain/model-card.ts'
import { bytesOfForm, type WeightForm } from '../../src/domain/weight-form.ts'
import type { Generator } from '../../src/engine/generation/generator.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'

/** Stores the measured batch sizes of models on this machine. */
export interface BatchStore {
  find(fingerprint: string, device: string): Promise<MeasuredBatch | undefined>
  put(measured: MeasuredBatch): Promise<void>
}

/** Max batch size of a model that nearly fills wasm's memory, and the bytes from which it does. */
const MAX_TIGHT_BATCH = 8
const TIGHT_BYTES = 2.6 * 2 ** 30

/** What computes and how, as far as it affects speed. */
type Machine = Pick<Runtime, 'backend' | 'threads' | 'device'>

const describeDevice = ({ backend, threads, device }: Machine, form: WeightForm | 'graph'): string =>
  [backend, backend === 'wasm' ? `${threads} threads` : (device ?? 'unknown card'), form].join(', ')

/**
 * Sets the generator's batch size to the best one and returns a sentence with the measurement; undefined if the batch size is unchanged:
 * nothing is stored and nothing may be measured, or only batch size 1 is possible.
 */
export async function setBestBatchSize(
  generator: Generator,
  runtime: Machine,
  {
    card,
    form,
    store,
    now,
  }: {
    readonly card: SizedCard
    readonly form: WeightForm | 'graph'
    readonly store: BatchStore | undefined
    readonly now: () => number
  },
): Promise<string | undefined> {
  if (store === undefined || generator.maxBatchSize === 1) return undefined
  const device = describeDevice(runtime, form)
  const max =
    runtime.backend === 'wasm' && bytesOfForm(card.memoryBytes, form === 'graph' ? 'f32' : form) > TIGHT_BYTES
      ? Math.min(MAX_TIGHT_BATCH, generator.maxBatchSize)
      : generator.maxBatchSize
  const measured = (await store.find(card.fingerprint, device)) ?? (await measure())
  const batch = Math.min(measured.batch, max)
  await generator.setBatchSize(batch)
  if (measured.byHand) return `Batch size ${batch}, set by hand.`
  const chosen = measured.rates.find(({ rows }) => rows === batch)
  const one = measured.rates.find(({ rows }) => rows === 1)
  if (chosen === undefined || one === undefined) return undefined
  const comparison = batch === 1 ? '' : `, against ${formatRate(one.tokensPerSecond)} with batch size 1`
  return `Batch size ${batch}: ${formatRate(chosen.tokensPerSecond)} tokens/s${comparison} (measured with short prompts).`

  async function measure(): Promise<MeasuredBatch> {
    const batches = [1, 2, 4, 8, 12, 16, 24, 32].filter((rows) => rows <= max)
    const { batchSize: best, speeds } = await generator.probeBatchSize({ now, batchSizes: batches })
    const found: MeasuredBatch = {
      fingerprint: card.fingerprint,
      device,
      batch: best,
      rates: speeds.map(({ batchSize: rows, tokensPerSecond }) => ({ rows, tokensPerSecond })),
      measuredAt: Date.now(),
    }
    // If it cannot be stored, the next load measures again, which takes two seconds.
    await store?.put(found).catch(() => undefined)
    return found
  }
}

const formatRate = (tokensPerSecond: number): string =>
  tokensPerSecond >= 10 ? Math.round(tokensPerSecond).toLocaleString('en') : tokensPerSecond.toFixed(1)
