// Knows: how a graph of another exporter is opened, and how to detect which rows can share a run: a few tokens
// are computed in single rows and in a batch, and batching is used if the results agree.
// Must not know: files, messages to the person.
import { EngineError } from '../errors.ts'
import type { RunnableModel, Runtime, Session } from '../runtime/types.ts'
import { onHost } from '../runtime/types.ts'
import type { ForeignDecoder } from '../weights/onnx/onnx-decoder.ts'
import { ForeignModel, type Batching, type ForeignShape } from './foreign-cache.ts'

export interface OpenedForeign {
  readonly model: ForeignModel
  readonly batching: Batching
}

/**
 * Max difference between two ways to compute a logit, relative to the largest logit; half-precision sums differ
 * more.
 */
const TOLERANCE = { f32: 1e-3, f16: 3e-2 } as const

/** Tokens per step of two rows of different lengths: a prompt, a continuation, one decoded token. */
const UNEQUAL = [
  [7, 4, 1],
  [4, 1, 1],
] as const
const EQUAL = [
  [5, 1, 1],
  [5, 1, 1],
] as const

/**
 * Opens the graph and probes how its rows can be batched, from the most general way to none. Throws EngineError
 * if the runtime cannot build or run it, a TypeError if its outputs are not those of a decoder.
 */
export async function openForeignModel(
  runtime: Runtime,
  file: RunnableModel,
  decoder: ForeignDecoder,
  shape: ForeignShape,
  slots: number,
): Promise<OpenedForeign> {
  const session = await runtime.open(file, {
    onDevice: decoder.past.map(({ present }) => present),
    forbidFallback: false,
  })
  try {
    const lastOnly = await returnsLastOnly(session, runtime, decoder, shape)
    const make = (batching: Batching): ForeignModel =>
      new ForeignModel(session, runtime.backend, decoder, shape, {
        batching,
        slots: batching === 'single' ? 1 : slots,
        lastOnly,
      })
    // Dynamic quantisation over the whole batch makes a row depend on the others; a few tokens may not reveal that.
    const candidates: readonly Batching[] =
      decoder.quantizesPerBatch || slots < 2
        ? []
        : decoder.groupsQueries
          ? ['right', 'equal']
          : ['left', 'right', 'equal']
    for (const batching of candidates) {
      const model = make(batching)
      const rows = batching === 'equal' ? EQUAL : UNEQUAL
      if (await agrees(make('single'), model, rows, shape.vocabulary, TOLERANCE[decoder.pastType]))
        return { model, batching }
    }
    const model = make('single')
    if (candidates.length === 0) await computeRow(model, UNEQUAL[0], 0, shape.vocabulary)
    return { model, batching: 'single' }
  } catch (thrown) {
    await session.release().catch(() => undefined)
    throw thrown
  }
}

/** Whether the graph returns logits for the last of two tokens only; some exporters omit the others. */
async function returnsLastOnly(
  session: Session,
  runtime: Runtime,
  decoder: ForeignDecoder,
  shape: ForeignShape,
): Promise<boolean> {
  if (decoder.logitsToKeep !== undefined) return false
  const model = new ForeignModel(
    {
      run: async (feeds, wanted) => {
        const outputs = await session.run(feeds, wanted)
        returned = onHost(outputs, 'logits').shape[1]
        return outputs
      },
      release: async () => undefined,
    },
    runtime.backend,
    decoder,
    shape,
    { batching: 'single', slots: 1, lastOnly: true },
  )
  let returned: number | undefined
  const slot = model.open()
  await model.step([{ slot, tokens: [0, 1], logitsAt: [1] }], undefined, false)
  model.close(slot)
  return returned === 1
}

/** Arbitrary tokens, different for each row. */
const tokensOf = (row: number, from: number, count: number, vocabulary: number): number[] =>
  Array.from({ length: count }, (_, i) => (3 + 7 * (from + i) + 31 * row) % vocabulary)

/** Logits after each step of a row, computed as a single row. */
async function computeRow(
  model: ForeignModel,
  counts: readonly number[],
  row: number,
  vocabulary: number,
): Promise<Float32Array[]> {
  const slot = model.open()
  try {
    const logits: Float32Array[] = []
    let from = 0
    for (const count of counts) {
      logits.push(
        await model.step(
          [{ slot, tokens: tokensOf(row, from, count, vocabulary), logitsAt: [count - 1] }],
          undefined,
          true,
        ),
      )
      from += count
    }
    return logits
  } finally {
    model.close(slot)
  }
}

/**
 * Whether a batch gives the same logits as single rows. A graph that fails on a batch (one of fixed batch size)
 * does not.
 */
async function agrees(
  single: ForeignModel,
  batched: ForeignModel,
  rows: readonly (readonly number[])[],
  vocabulary: number,
  tolerance: number,
): Promise<boolean> {
  const expected: Float32Array[][] = []
  for (const [row, counts] of rows.entries()) expected.push(await computeRow(single, counts, row, vocabulary))
  const slots = rows.map(() => batched.open())
  try {
    const done = rows.map(() => 0)
    for (let step = 0; step < (rows[0]?.length ?? 0); step++) {
      const steps = rows.map((counts, row) => {
        const count = counts[step] ?? 0
        const from = done[row] ?? 0
        done[row] = from + count
        return {
          slot: slots[row] ?? 0,
          tokens: tokensOf(row, from, count, vocabulary),
          logitsAt: [count - 1],
        }
      })
      const logits = await batched.step(steps, undefined, true)
      if (
        !rows.every((_, row) =>
          isNear(
            logits.subarray(row * vocabulary, (row + 1) * vocabulary),
            expected[row]?.[step] ?? new Float32Array(0),
            tolerance,
          ),
        )
      )
        return false
    }
    return true
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.kind === 'broken') return false
    throw thrown
  } finally {
    for (const slot of slots) batched.close(slot)
  }
}

function isNear(a: Float32Array, b: Float32Array, tolerance: number): boolean {
  const largest = b.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
  return (
    a.length === b.length &&
    a.every((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) <= tolerance * largest)
  )
}
