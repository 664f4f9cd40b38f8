// Knows: how a graph from elsewhere is opened, and how it is found out which rows may share a run of it: some tokens are computed alone and
// together, and together counts where both give the same.
// Must not know: files, what the person is told.
import { EngineError } from '../errors.ts'
import type { RunnableModel, Runtime, Session } from '../runtime/types.ts'
import { onHost } from '../runtime/types.ts'
import type { ForeignDecoder } from '../weights/onnx-decoder.ts'
import { ForeignModel, type Batching, type ForeignShape } from './foreign-cache.ts'

export interface OpenedForeign {
  readonly model: ForeignModel
  readonly batching: Batching
}

/** Share of the largest logit by which two ways of computing it may differ; sums of half-precision numbers differ more. */
const TOLERANCE = { f32: 1e-3, f16: 3e-2 } as const

/** Tokens of two rows of different lengths, brought in three steps each: the first is a prompt, the second goes on, the last is one token. */
const UNEQUAL = [
  [7, 4, 1],
  [4, 1, 1],
] as const
const EQUAL = [
  [5, 1, 1],
  [5, 1, 1],
] as const

/**
 * Opens the graph and tries what its rows can share, from the most to nothing. Throws EngineError where the runtime cannot build or run it,
 * a TypeError where it does not give what a decoder must.
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
    const lastOnly = await givesLastOnly(session, runtime, decoder, shape)
    const make = (batching: Batching): ForeignModel =>
      new ForeignModel(session, runtime.backend, decoder, shape, {
        batching,
        slots: batching === 'single' ? 1 : slots,
        lastOnly,
      })
    // Numbers that are rounded by the largest of the batch differ with the batch; that may not show on a few tokens.
    const tried: readonly Batching[] =
      decoder.roundsByBatch || slots < 2
        ? []
        : decoder.groupsQueries
          ? ['right', 'equal']
          : ['left', 'right', 'equal']
    for (const batching of tried) {
      const model = make(batching)
      const rows = batching === 'equal' ? EQUAL : UNEQUAL
      if (await agrees(make('single'), model, rows, shape.vocabulary, TOLERANCE[decoder.pastType]))
        return { model, batching }
    }
    const model = make('single')
    if (tried.length === 0) await computeRow(model, UNEQUAL[0], 0, shape.vocabulary)
    return { model, batching: 'single' }
  } catch (thrown) {
    await session.release().catch(() => undefined)
    throw thrown
  }
}

/** Whether the logits of two tokens are those of the last one only; some exporters leave out the rest. */
async function givesLastOnly(
  session: Session,
  runtime: Runtime,
  decoder: ForeignDecoder,
  shape: ForeignShape,
): Promise<boolean> {
  if (decoder.keeps !== undefined) return false
  const model = new ForeignModel(
    {
      run: async (feeds, wanted) => {
        const outputs = await session.run(feeds, wanted)
        given = onHost(outputs, 'logits').shape[1]
        return outputs
      },
      release: async () => undefined,
    },
    runtime.backend,
    decoder,
    shape,
    { batching: 'single', slots: 1, lastOnly: true },
  )
  let given: number | undefined
  const slot = model.open()
  await model.step([{ slot, tokens: [0, 1], logitsAt: [1] }], undefined, false)
  model.close(slot)
  return given === 1
}

/** Any tokens will do; a row's are not those of another. */
const tokensOf = (row: number, from: number, count: number, vocabulary: number): number[] =>
  Array.from({ length: count }, (_, i) => (3 + 7 * (from + i) + 31 * row) % vocabulary)

/** Logits behind each of a row's steps, alone. */
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

/** Whether rows together give what each gives alone. A graph that refuses to compute them together (one of fixed size) does not. */
async function agrees(
  single: ForeignModel,
  together: ForeignModel,
  rows: readonly (readonly number[])[],
  vocabulary: number,
  tolerance: number,
): Promise<boolean> {
  const alone: Float32Array[][] = []
  for (const [row, counts] of rows.entries()) alone.push(await computeRow(single, counts, row, vocabulary))
  const slots = rows.map(() => together.open())
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
      const logits = await together.step(steps, undefined, true)
      if (
        !rows.every((_, row) =>
          isNear(
            logits.subarray(row * vocabulary, (row + 1) * vocabulary),
            alone[row]?.[step] ?? new Float32Array(0),
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
    for (const slot of slots) together.close(slot)
  }
}

function isNear(a: Float32Array, b: Float32Array, tolerance: number): boolean {
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return (
    a.length === b.length &&
    a.every((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) <= tolerance * largest)
  )
}
