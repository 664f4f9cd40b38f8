// Knows: how fast the same training graphs are on onnxruntime-node, next to PyTorch on the same processor, alternately in one run. Both
// must be installed by hand.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { loadNative } from '../../src/command-line/load-native.ts'
import { makeRng } from '../../src/domain/rng.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import { openNativeRuntime } from '../../src/engine/runtime/native.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { makeBatch } from '../../src/engine/training/packing.ts'
import { countOf, listParameters, initialWeights } from '../../src/engine/training/parameters.ts'
import { initialState, Trainer } from '../../src/engine/training/trainer.ts'
import { medianOf, timeOf, type Measured, type PartResult, type Ratio } from './measure.ts'
import { measureProducts } from './products.ts'
import { LENGTH, makeTokenRows, ROWS, SHAPES } from './sizes.ts'

const THREADS = 2
/** Steps per round, including two of warm-up; and alternating rounds of each program. */
const STEPS = 14
const ROUNDS = 3

const SCRIPT = fileURLToPath(new URL('./peers/torch_step.py', import.meta.url))
const python = process.env['RETORT_PYTHON'] ?? 'python3'

/** Milliseconds of steps in PyTorch; undefined if it is not installed. */
async function stepInTorch(
  shape: DecoderShape,
): Promise<{ version: string; times: number[]; products: number } | undefined> {
  try {
    const { stdout } = await promisify(execFile)(python, [
      SCRIPT,
      JSON.stringify(shape),
      String(ROWS),
      String(LENGTH),
      String(STEPS),
      String(THREADS),
    ])
    return JSON.parse(stdout) as { version: string; times: number[]; products: number } // printed by our own script
  } catch {
    return undefined
  }
}

async function stepNatively(runtime: Runtime, shape: DecoderShape): Promise<number[]> {
  const rng = makeRng('native')
  const trainer = new Trainer(
    runtime,
    { shape, weightDecay: 0.1, maxGradientNorm: 1 },
    initialState(initialWeights(listParameters(shape), () => rng.normal())),
  )
  const batch = makeBatch(
    makeTokenRows(ROWS, shape.vocabulary).map((row) => [row]),
    ROWS,
    LENGTH,
  )
  const times: number[] = []
  for (let step = 0; step < STEPS; step += 1) times.push(await timeOf(() => trainer.train(batch, 1e-4)))
  await trainer.release()
  return times.slice(2)
}

/** Undefined, after printing why, if onnxruntime-node is not installed. */
export async function measureNative(): Promise<PartResult | undefined> {
  let runtime: Runtime
  try {
    runtime = openNativeRuntime(loadNative(), THREADS)
  } catch (thrown) {
    console.log(`native: not measured. ${thrown instanceof Error ? thrown.message : String(thrown)}`)
    return undefined
  }
  const measured: Measured[] = []
  const ratios: Ratio[] = []
  for (const shape of SHAPES) {
    const millions = (countOf(listParameters(shape)) / 1e6).toFixed(1)
    const [ours, theirs]: [number[], number[]] = [[], []]
    const [ourProducts, theirProducts]: [number[], number[]] = [[], []]
    let version = ''
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push(...(await stepNatively(runtime, shape)))
      ourProducts.push(await measureProducts(runtime, shape, ROWS * LENGTH))
      const torch = await stepInTorch(shape)
      if (torch) theirProducts.push(torch.products)
      theirs.push(...(torch?.times ?? []))
      version = torch?.version ?? version
    }
    const perSecond = (times: readonly number[]): number => (ROWS * LENGTH * 1000) / medianOf(times)
    const how = `batch ${ROWS} × ${LENGTH} tokens, ${THREADS} threads, ${ROUNDS} rounds of ${STEPS - 2} steps`
    measured.push({
      what: `onnxruntime-node, ${millions} M parameters`,
      value: perSecond(ours),
      unit: 'tokens/s',
      how,
    })
    if (theirs.length === 0) continue
    measured.push({
      what: `PyTorch ${version} eager, ${millions} M parameters`,
      value: perSecond(theirs),
      unit: 'tokens/s',
      how,
    })
    ratios.push({
      what: `matrix products of a step at ${millions} M, PyTorch’s time relative to the runtime’s`,
      ratio: medianOf(theirProducts) / medianOf(ourProducts),
    })
    ratios.push({
      what: `our graphs, native, relative to PyTorch eager at ${millions} M, tokens/s`,
      ratio: perSecond(ours) / perSecond(theirs),
    })
  }
  if (ratios.length === 0)
    console.log(
      `native: PyTorch is not measured, because ${python} does not have it. Name another Python in RETORT_PYTHON.`,
    )
  return { measured, ratios }
}
