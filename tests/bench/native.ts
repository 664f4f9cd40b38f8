// Knows: how fast the same training graphs are on onnxruntime-node, beside PyTorch on the same processor, one after the other in one
// run. Both are there only where a person has installed them.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { loadNative } from '../../src/command-line/load-native.ts'
import { makeRng } from '../../src/domain/rng.ts'
import type { DecoderShape } from '../../src/engine/models/shape.ts'
import { openNativeRuntime } from '../../src/engine/runtime/native.ts'
import type { Runtime } from '../../src/engine/runtime/types.ts'
import { makeBatch } from '../../src/engine/training/packing.ts'
import { countOf, listParameters, makeFirstWeights } from '../../src/engine/training/parameters.ts'
import { beginState, Trainer } from '../../src/engine/training/trainer.ts'
import { medianOf, timeOf, type Measured, type PartAnswer, type Ratio } from './measure.ts'
import { measureProducts } from './products.ts'
import { LENGTH, makeTokenRows, ROWS, SHAPES } from './sizes.ts'

const THREADS = 2
/** Steps of a turn, the first two of which are not counted; and turns that each of the two has, alternately. */
const STEPS = 14
const TURNS = 3

const SCRIPT = fileURLToPath(new URL('./peers/torch_step.py', import.meta.url))
const python = process.env['RETORT_PYTHON'] ?? 'python3'

/** Milliseconds of steps in PyTorch; undefined where it is not there. */
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
    { shape, weightDecay: 0.1, clip: 1 },
    beginState(makeFirstWeights(listParameters(shape), () => rng.normal())),
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

/** Undefined, with a line that says why, where onnxruntime-node is not installed. */
export async function measureNative(): Promise<PartAnswer | undefined> {
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
    for (let turn = 0; turn < TURNS; turn += 1) {
      ours.push(...(await stepNatively(runtime, shape)))
      ourProducts.push(await measureProducts(runtime, shape, ROWS * LENGTH))
      const answer = await stepInTorch(shape)
      if (answer) theirProducts.push(answer.products)
      theirs.push(...(answer?.times ?? []))
      version = answer?.version ?? version
    }
    const perSecond = (times: readonly number[]): number => (ROWS * LENGTH * 1000) / medianOf(times)
    const how = `${ROWS} rows of ${LENGTH}, ${THREADS} threads, ${TURNS} turns of ${STEPS - 2} steps`
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
      what: `the products of a step alone at ${millions} M, PyTorch’s milliseconds to the runtime’s`,
      ratio: medianOf(theirProducts) / medianOf(ourProducts),
    })
    ratios.push({
      what: `our graphs natively against PyTorch eager at ${millions} M, tokens a second`,
      ratio: perSecond(ours) / perSecond(theirs),
    })
  }
  if (ratios.length === 0)
    console.log(
      `native: PyTorch is not measured beside it, because ${python} has none. Name another Python in RETORT_PYTHON.`,
    )
  return { measured, ratios }
}
