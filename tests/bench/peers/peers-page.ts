// Knows: how training programs are compared: each in a worker of its own, in alternating rounds, with the same student; a program that
// computes a different loss is not compared.
import { initialWeights, countOf, listParameters } from '../../../src/engine/training/parameters.ts'
import type { DecoderShape } from '../../../src/engine/models/shape.ts'
import { makeRng } from '../../../src/domain/rng.ts'
import { medianOf, type Measured, type PartResult, type Ratio } from '../measure.ts'
import { LENGTH, makeTokenRows, ROWS, SHAPES } from '../sizes.ts'
import type { WorkerRequest, TrainingJob, WorkerResponse, Round } from './trainee.ts'

const WORKERS = {
  ours: () => new Worker(new URL('./ours-worker.ts', import.meta.url), { type: 'module' }),
  'jax-js': () => new Worker(new URL('./jax-worker.ts', import.meta.url), { type: 'module' }),
  tfjs: () => new Worker(new URL('./tfjs-worker.ts', import.meta.url), { type: 'module' }),
  'tfjs, rearranged products': () =>
    new Worker(new URL('./tfjs-worker.ts', import.meta.url), { type: 'module' }),
} as const
type Name = keyof typeof WORKERS
const NAMES = Object.keys(WORKERS) as Name[] // the keys of the object above

/** Warm-up steps whose losses are compared: the first checks the forward pass, the others the gradients and AdamW. */
const CHECKED_STEPS = 3
const MAX_LOSS_GAP = 1e-2
const ROUNDS = 3
/** A round ends after this many steps, or after the first step that ends later than this time. */
const STEPS = 6
const ROUND_MS = 5000
/** A program that does not respond within this time counts as failed. */
const TIMEOUT_MS = 240_000

/** The worker's response, or an error if it fails or takes too long. */
const send = (worker: Worker, request: WorkerRequest): Promise<WorkerResponse> =>
  new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve({ error: `no response within ${TIMEOUT_MS / 1000} s` }),
      TIMEOUT_MS,
    )
    const settle = (response: WorkerResponse): void => {
      clearTimeout(timer)
      resolve(response)
    }
    worker.addEventListener('message', ({ data }: MessageEvent<WorkerResponse>) => settle(data), {
      once: true,
    })
    worker.addEventListener(
      'error',
      ({ message }) => settle({ error: message || 'the worker did not start' }),
      { once: true },
    )
    worker.postMessage(request)
  })

interface Runner {
  readonly name: Name
  readonly worker: Worker
  readonly times: number[]
  losses: readonly number[]
  error: string | undefined
}

async function runRound(runner: Runner, request: WorkerRequest): Promise<Round> {
  const response = runner.error === undefined ? await send(runner.worker, request) : { error: runner.error }
  if ('round' in response) return response.round
  runner.error = 'error' in response ? response.error : 'it sent the response to another request'
  return { losses: [], times: [] }
}

/** One size: all start with the same weights and batch, have their losses checked, and run alternating rounds. */
async function measureSize(shape: DecoderShape): Promise<PartResult> {
  const rng = makeRng('peers')
  const weights = initialWeights(listParameters(shape), () => rng.normal())
  const rows = makeTokenRows(ROWS, shape.vocabulary).map(({ tokens }) => tokens)
  const ids = Int32Array.from(rows.flatMap((tokens) => [...tokens.subarray(0, LENGTH)]))
  const targets = Int32Array.from(rows.flatMap((tokens) => [...tokens.subarray(1)]))
  const job: TrainingJob = { shape, weights, rows: ROWS, length: LENGTH, ids, targets }
  const runners: Runner[] = []
  for (const name of NAMES) {
    const runner: Runner = { name, worker: WORKERS[name](), times: [], losses: [], error: undefined }
    runners.push(runner)
    await runRound(runner, { open: job, arranged: name === 'tfjs, rearranged products' })
    runner.losses = (await runRound(runner, { steps: CHECKED_STEPS, forMs: Infinity })).losses
  }
  const [ours] = runners as [Runner, ...Runner[]]
  const gapOf = ({ losses }: Runner): number =>
    losses.length === CHECKED_STEPS
      ? Math.max(...losses.map((loss, i) => Math.abs(loss - (ours.losses[i] ?? Number.NaN))))
      : Number.NaN
  for (const runner of runners)
    if (runner.error === undefined && !(gapOf(runner) <= MAX_LOSS_GAP))
      runner.error = `it computes something different: losses ${runner.losses.map((loss) => loss.toFixed(4)).join(', ')} and ours are ${ours.losses.map((loss) => loss.toFixed(4)).join(', ')}`
  const ceilings: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const response = await send(ours.worker, { ceiling: true })
    if ('gflops' in response) ceilings.push(response.gflops)
    for (const runner of runners)
      runner.times.push(...(await runRound(runner, { steps: STEPS, forMs: ROUND_MS })).times)
  }
  for (const { worker } of runners) worker.terminate()
  return report(shape, runners, medianOf(ceilings), gapOf)
}

function report(
  shape: DecoderShape,
  runners: readonly Runner[],
  ceiling: number,
  gapOf: (runner: Runner) => number,
): PartResult {
  const parameters = countOf(listParameters(shape))
  const millions = (parameters / 1e6).toFixed(1)
  const perSecond = ({ times }: Runner): number => (ROWS * LENGTH * 1000) / medianOf(times)
  const measured: Measured[] = [
    {
      what: `the runtime’s own matrix product, measured with ${millions} M`,
      value: ceiling,
      unit: 'GFLOP/s',
      how: `1024 × 1024, f32, 2 threads, median of ${ROUNDS} rounds`,
    },
  ]
  const ratios: Ratio[] = []
  const [ours] = runners as [Runner, ...Runner[]]
  for (const runner of runners) {
    const what = `${runner.name}, training ${millions} M`
    if (runner.error !== undefined) {
      measured.push({
        what,
        value: Number.NaN,
        unit: 'tokens/s',
        how: `failed: ${runner.error.split('\n')[0] ?? ''}`,
      })
      continue
    }
    measured.push({
      what,
      value: perSecond(runner),
      unit: 'tokens/s',
      how: `${runner.times.length} steps in ${ROUNDS} rounds; ${runner === ours ? `losses ${ours.losses.map((loss) => loss.toFixed(3)).join(', ')}` : `losses within ${gapOf(runner).toExponential(0)} of ours`}`,
    })
    if (runner !== ours)
      ratios.push({
        what: `ours relative to ${runner.name} at ${millions} M, tokens/s`,
        ratio: perSecond(ours) / perSecond(runner),
      })
  }
  ratios.push({
    what: `ours at ${millions} M, share of the runtime’s own matrix product`,
    ratio: (6 * parameters * perSecond(ours)) / (ceiling * 1e9),
  })
  return { measured, ratios }
}

async function measurePeers(): Promise<PartResult> {
  const results: PartResult[] = []
  for (const shape of SHAPES) results.push(await measureSize(shape))
  return {
    measured: results.flatMap(({ measured }) => measured),
    ratios: results.flatMap(({ ratios }) => ratios),
  }
}

measurePeers().then(
  (result) => (globalThis.benchResult = result),
  (thrown: unknown) =>
    (globalThis.benchResult = {
      error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    }),
)
