// Knows: how many rows a model is best asked together on this machine: tried for about two seconds at most when it is first loaded, and remembered.
// Must not know: where it is remembered.
import type { MeasuredBatch } from '../../src/domain/measured-batch.ts'
import type { SizedCard, WeightForm } from '../../src/domain/model.ts'
import type { Generator } from '../../src/engine/generation/generator.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'

/** Where what was measured of models on this machine is kept. */
export interface KnownBatches {
  find(fingerprint: string, device: string): Promise<MeasuredBatch | undefined>
  keep(measured: MeasuredBatch): Promise<void>
}

/** Rows of a model that nearly fills the memory of wasm: more would fill it. */
const ROWS_WHERE_TIGHT = 8
const TIGHT = 2.6 * 2 ** 30

/** What computes, and how, as far as it bears on speed. */
const nameDevice = ({ backend, threads, device }: Runtime, form: WeightForm | 'graph'): string =>
  [backend, backend === 'wasm' ? `${threads} threads` : (device ?? 'unknown card'), form].join(', ')

/**
 * Sets the generator to the best number of rows and gives the sentence that says why; undefined where it was left as it was: nothing is
 * known and nothing is to be tried, or only one row is possible.
 */
export async function useBestBatch(
  generator: Generator,
  runtime: Runtime,
  {
    card,
    form,
    known,
    now,
  }: {
    readonly card: SizedCard
    readonly form: WeightForm | 'graph'
    readonly known: KnownBatches | undefined
    readonly now: () => number
  },
): Promise<string | undefined> {
  if (known === undefined || generator.mostBatch === 1) return undefined
  const device = nameDevice(runtime, form)
  const most =
    runtime.backend === 'wasm' && card.memoryBytes.wasm > TIGHT
      ? Math.min(ROWS_WHERE_TIGHT, generator.mostBatch)
      : generator.mostBatch
  const measured = (await known.find(card.fingerprint, device)) ?? (await measure())
  const batch = Math.min(measured.batch, most)
  await generator.limitBatch(batch)
  const chosen = measured.rates.find(({ rows }) => rows === batch)
  const one = measured.rates.find(({ rows }) => rows === 1)
  if (chosen === undefined || one === undefined) return undefined
  return `${batch === 1 ? 'One row' : `${batch} rows`} at a time ${batch === 1 ? 'is' : 'are'} best here: ${tellRate(chosen.tokensPerSecond)}${batch === 1 ? '' : `, against ${tellRate(one.tokensPerSecond)} with one`}, as a try with short rows showed.`

  async function measure(): Promise<MeasuredBatch> {
    const batches = [1, 2, 4, 8, 12, 16, 24, 32].filter((rows) => rows <= most)
    const { batch: best, speeds } = await generator.probeBatch({ now, batches })
    const found: MeasuredBatch = {
      fingerprint: card.fingerprint,
      device,
      batch: best,
      rates: speeds.map(({ batch: rows, tokensPerSecond }) => ({ rows, tokensPerSecond })),
      measuredAt: Date.now(),
    }
    // Nothing is lost but two seconds of the next loading where it cannot be kept.
    await known?.keep(found).catch(() => undefined)
    return found
  }
}

const tellRate = (tokensPerSecond: number): string =>
  `${tokensPerSecond >= 10 ? Math.round(tokensPerSecond).toLocaleString('en') : tokensPerSecond.toFixed(1)} tokens a second`
