// Knows: the whole train step in the browser, with its options, against PyTorch's losses and norms from the same weights and batches.
import { makeBatch, type Batch } from '../../../src/engine/training/packing.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { makeDistillation } from '../../../src/engine/training/objectives/distillation.ts'
import { makeTexts } from '../../../src/engine/training/objectives/texts.ts'
import { initialState, Trainer, type TrainerOptions } from '../../../src/engine/training/trainer.ts'
import { openRuntime } from '../../../src/engine/runtime/open.ts'
import type { Runtime } from '../../../src/engine/runtime/types.ts'
import {
  DISTILLING,
  makeSmallRows,
  makeSmallWeights,
  makeTeacherRows,
  makeUniform,
  SMALL,
} from '../../../src/engine/checks/small.ts'
import oracle from '../../oracles/train-step.json'
import { checkAtMost, type Check } from './check.ts'

const SCHEDULE = { steps: 20, learningRate: 3e-3, warmUp: 0.1 }

/** Two checks a step, all 20 steps on wasm and 6 in the software WebGPU, which is about a hundred times slower. */
export async function runTrainingChecks(backend: 'wasm' | 'webgpu'): Promise<readonly Check[]> {
  const runtime = await openRuntime({ backend, forbidFallback: true })
  const trainer = new Trainer(
    runtime,
    { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1 },
    initialState(makeSmallWeights()),
  )
  const checks: Check[] = []
  const steps = backend === 'wasm' ? 20 : 6
  const from = performance.now()
  for (let step = 1; step <= steps; step += 1) {
    const { loss, norm } = await trainer.train(
      makeBatch(
        makeSmallRows(step).map((row) => [row]),
        3,
        12,
      ),
      learningRateAt(step, SCHEDULE),
    )
    checks.push(
      checkAtMost(
        `loss of step ${step}`,
        Math.abs(loss - (oracle.losses[step - 1] ?? Number.NaN)) / loss,
        1e-3,
      ),
    )
    checks.push(
      checkAtMost(
        `gradient norm of step ${step}`,
        Math.abs(norm - (oracle.norms[step - 1] ?? Number.NaN)) / norm,
        1e-2,
      ),
    )
  }
  const { weights } = await trainer.read()
  const wild = weights.reduce((count, weight) => count + (Number.isFinite(weight) ? 0 : 1), 0)
  checks.push({
    name: 'the weights come back as numbers',
    ok: wild === 0,
    detail: `${wild} of ${weights.length} are none`,
  })
  checks.push({
    name: 'the backend is the requested one',
    ok: runtime.backend === backend,
    detail: `${runtime.backend}, ${runtime.threads} threads, ${Math.round(performance.now() - from)} ms`,
  })
  await trainer.release()
  for (const variant of VARIANTS) checks.push(...(await followVariant(runtime, variant)))
  return checks
}

const DIVERGENCES_TRIED = ['forward-kl', 'reverse-kl', 'jensen-shannon'] as const

interface Variant {
  readonly name: string
  readonly options: Partial<TrainerOptions>
  readonly losses: readonly number[]
  readonly batchesOf?: (step: number) => Batch | readonly Batch[]
}

/** The options of a step, three steps each. */
const VARIANTS: readonly Variant[] = [
  { name: 'Muon', options: { optimizer: 'muon' }, losses: oracle.variants.muon.losses },
  {
    name: 'dropout and weight averaging',
    options: { dropout: 0.25, emaDecay: 0.9 },
    losses: oracle.variants.dropout.losses,
  },
  {
    name: 'label smoothing, with gradient accumulation',
    options: { objective: makeTexts({ smoothing: 0.1 }) },
    losses: oracle.variants.smoothing.losses,
    batchesOf: (step) => {
      const lines = makeSmallRows(step).map((row) => [row])
      const countedInStep = makeBatch(lines, 3, 12).counted
      return [lines.slice(0, 2), lines.slice(2)].map((part) => makeBatch(part, 2, 12, { countedInStep }))
    },
  },
  {
    name: 'packed rows',
    options: {},
    losses: oracle.losses,
    batchesOf: (step) => {
      const rows = makeSmallRows(step)
      return makeBatch([rows.slice(0, 2), rows.slice(2)], 2, 26, { packs: true })
    },
  },
  ...DIVERGENCES_TRIED.map((divergence): Variant => ({
    name: divergence,
    options: { objective: makeDistillation({ divergence, ...DISTILLING }) },
    losses: oracle.variants[divergence].losses,
    batchesOf: (step) =>
      makeBatch(
        makeTeacherRows(step).map((row) => [row]),
        3,
        12,
      ),
  })),
]

async function followVariant(
  runtime: Runtime,
  { name, options, losses, batchesOf }: Variant,
): Promise<Check[]> {
  const trainer = new Trainer(
    runtime,
    { shape: SMALL, weightDecay: 0.1, maxGradientNorm: 1, ...options },
    initialState(makeSmallWeights()),
  )
  const checks: Check[] = []
  for (let step = 1; step <= 3; step += 1) {
    const batches =
      batchesOf?.(step) ??
      makeBatch(
        makeSmallRows(step).map((row) => [row]),
        3,
        12,
      )
    const { loss } = await trainer.train(batches, learningRateAt(step, SCHEDULE), makeUniform(step))
    checks.push(
      checkAtMost(
        `${name}: loss of step ${step}`,
        Math.abs(loss - (losses[step - 1] ?? Number.NaN)) / loss,
        1e-3,
      ),
    )
  }
  await trainer.release()
  return checks
}
