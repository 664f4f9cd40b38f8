// Knows: how programs that train are measured side by side: each in a worker of its own, turn by turn, the same student for all; and
// that a program which computes another loss is no peer.
import { makeFirstWeights, countOf, listParameters } from '../../../src/engine/training/parameters.ts'
import type { DecoderShape } from '../../../src/engine/models/shape.ts'
import { makeRng } from '../../../src/domain/rng.ts'
import { medianOf, type Measured, type PartAnswer, type Ratio } from '../measure.ts'
import { LENGTH, makeTokenRows, ROWS, SHAPES } from '../sizes.ts'
import type { Ask, Lesson, Told, Turn } from './trainee.ts'

const WORKERS = {
  ours: () => new Worker(new URL('./ours-worker.ts', import.meta.url), { type: 'module' }),
  'jax-js': () => new Worker(new URL('./jax-worker.ts', import.meta.url), { type: 'module' }),
  tfjs: () => new Worker(new URL('./tfjs-worker.ts', import.meta.url), { type: 'module' }),
  'tfjs, products arranged': () =>
    new Worker(new URL('./tfjs-worker.ts', import.meta.url), { type: 'module' }),
} as const
type Name = keyof typeof WORKERS
const NAMES = Object.keys(WORKERS) as Name[] // the keys of the object above

/** First steps, which warm up and whose losses are compared: the first proves the forward pass, the others the gradients and AdamW. */
const PROOF = 3
const LARGEST_GAP = 1e-2
const TURNS = 3
/** A turn ends after so many steps, or after the first that ends later than this. */
const STEPS = 6
const TURN_MS = 5000
/** What does not answer within this is said not to run. */
const PATIENCE_MS = 240_000

/** The worker's answer, or a sentence where it breaks or takes too long. */
const ask = (worker: Worker, question: Ask): Promise<Told> =>
  new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve({ broken: `no answer within ${PATIENCE_MS / 1000} s` }),
      PATIENCE_MS,
    )
    const settle = (told: Told): void => {
      clearTimeout(timer)
      resolve(told)
    }
    worker.addEventListener('message', ({ data }: MessageEvent<Told>) => settle(data), { once: true })
    worker.addEventListener(
      'error',
      ({ message }) => settle({ broken: message || 'the worker did not start' }),
      { once: true },
    )
    worker.postMessage(question)
  })

interface Runner {
  readonly name: Name
  readonly worker: Worker
  readonly times: number[]
  losses: readonly number[]
  fault: string | undefined
}

async function take(runner: Runner, question: Ask): Promise<Turn> {
  const told = runner.fault === undefined ? await ask(runner.worker, question) : { broken: runner.fault }
  if ('turn' in told) return told.turn
  runner.fault = 'broken' in told ? told.broken : 'it answered another question'
  return { losses: [], times: [] }
}

/** One size: all begin with the same weights and batch, prove their losses, and take turns. */
async function measureSize(shape: DecoderShape): Promise<PartAnswer> {
  const rng = makeRng('peers')
  const weights = makeFirstWeights(listParameters(shape), () => rng.normal())
  const rows = makeTokenRows(ROWS, shape.vocabulary).map(({ tokens }) => tokens)
  const ids = Int32Array.from(rows.flatMap((tokens) => [...tokens.subarray(0, LENGTH)]))
  const targets = Int32Array.from(rows.flatMap((tokens) => [...tokens.subarray(1)]))
  const lesson: Lesson = { shape, weights, rows: ROWS, length: LENGTH, ids, targets }
  const runners: Runner[] = []
  for (const name of NAMES) {
    const runner: Runner = { name, worker: WORKERS[name](), times: [], losses: [], fault: undefined }
    runners.push(runner)
    await take(runner, { open: lesson, arranged: name === 'tfjs, products arranged' })
    runner.losses = (await take(runner, { steps: PROOF, forMs: Infinity })).losses
  }
  const [ours] = runners as [Runner, ...Runner[]]
  const gapOf = ({ losses }: Runner): number =>
    losses.length === PROOF
      ? Math.max(...losses.map((loss, i) => Math.abs(loss - (ours.losses[i] ?? Number.NaN))))
      : Number.NaN
  for (const runner of runners)
    if (runner.fault === undefined && !(gapOf(runner) <= LARGEST_GAP))
      runner.fault = `it computes something else: losses ${runner.losses.map((loss) => loss.toFixed(4)).join(', ')} where ours are ${ours.losses.map((loss) => loss.toFixed(4)).join(', ')}`
  const ceilings: number[] = []
  for (let turn = 0; turn < TURNS; turn += 1) {
    const told = await ask(ours.worker, { ceiling: true })
    if ('gflops' in told) ceilings.push(told.gflops)
    for (const runner of runners)
      runner.times.push(...(await take(runner, { steps: STEPS, forMs: TURN_MS })).times)
  }
  for (const { worker } of runners) worker.terminate()
  return report(shape, runners, medianOf(ceilings), gapOf)
}

function report(
  shape: DecoderShape,
  runners: readonly Runner[],
  ceiling: number,
  gapOf: (runner: Runner) => number,
): PartAnswer {
  const parameters = countOf(listParameters(shape))
  const millions = (parameters / 1e6).toFixed(1)
  const perSecond = ({ times }: Runner): number => (ROWS * LENGTH * 1000) / medianOf(times)
  const measured: Measured[] = [
    {
      what: `the runtime’s own matrix product, beside ${millions} M`,
      value: ceiling,
      unit: 'GFLOP/s',
      how: `1024 × 1024, f32, 2 threads, the middle of ${TURNS} turns`,
    },
  ]
  const ratios: Ratio[] = []
  const [ours] = runners as [Runner, ...Runner[]]
  for (const runner of runners) {
    const what = `${runner.name}, training ${millions} M`
    if (runner.fault !== undefined) {
      measured.push({
        what,
        value: Number.NaN,
        unit: 'tokens/s',
        how: `does not run: ${runner.fault.split('\n')[0] ?? ''}`,
      })
      continue
    }
    measured.push({
      what,
      value: perSecond(runner),
      unit: 'tokens/s',
      how: `${runner.times.length} steps in ${TURNS} turns; ${runner === ours ? `losses ${ours.losses.map((loss) => loss.toFixed(3)).join(', ')}` : `losses at most ${gapOf(runner).toExponential(0)} from ours`}`,
    })
    if (runner !== ours)
      ratios.push({
        what: `ours against ${runner.name} at ${millions} M, tokens a second`,
        ratio: perSecond(ours) / perSecond(runner),
      })
  }
  ratios.push({
    what: `ours at ${millions} M, share of the runtime’s own matrix product`,
    ratio: (6 * parameters * perSecond(ours)) / (ceiling * 1e9),
  })
  return { measured, ratios }
}

async function measurePeers(): Promise<PartAnswer> {
  const answers: PartAnswer[] = []
  for (const shape of SHAPES) answers.push(await measureSize(shape))
  return {
    measured: answers.flatMap(({ measured }) => measured),
    ratios: answers.flatMap(({ ratios }) => ratios),
  }
}

measurePeers().then(
  (answer) => (globalThis.benchAnswer = answer),
  (thrown: unknown) =>
    (globalThis.benchAnswer = {
      broken: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    }),
)
