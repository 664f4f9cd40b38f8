// Knows: students with adapters on an imported model, trained in Node for tests; and a small model to import, which generates text.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { refOf } from '../../../src/domain/model-card.ts'
import type { SettingValues } from '../../../src/domain/settings.ts'
import type { BaseModel, TrainSettings } from '../../../src/domain/student.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import type { TrainEvent, TrainOutcome } from '../../../src/protocol/student.ts'
import { exportStudent } from '../../../workers/student/export.ts'
import { train } from '../../../workers/student/train.ts'
import { readGgufCard } from '../../../workers/teachers/gguf-card.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'
import { trainSmall } from './train-small.ts'

const { vocabulary: _, labelSmoothing: __, ...common } = SETTINGS
export const LORA: TrainSettings = {
  ...common,
  loss: 'lora',
  rank: 4,
  alpha: 8,
  projections: 'all',
  learningRate: 0.01,
  weightDecay: 0,
  steps: 12,
  evaluateEvery: 6,
}

/** The prompts of `makeRows` with another answer, in tokens that the small model has generated: its embedding, which is its head, stays frozen. */
export const makeOtherRows = (training: number, heldOut: number): DatasetRow[] =>
  makeRows(training, heldOut).map((row) => ({
    ...row,
    completion: row.completion.replace(/^The (\w+) is (\w+)\.$/, 'The $2 is $2.'),
  }))

/** A model of 50,000 parameters that has learned to say which colour a thing has. */
export async function makeSmallModel(): Promise<Uint8Array> {
  const { value } = await exportStudent({ ...IDS, format: 'gguf' }, await trainSmall(120))
  return value.files[0]?.bytes ?? new Uint8Array()
}

export const readBuiltInTeacher = (): Uint8Array =>
  new Uint8Array(
    readFileSync(fileURLToPath(new URL('../../../public/teacher/corner-shop.gguf', import.meta.url))),
  )

/** Stores a model as the page does. */
export async function keep(stores: MemoryStores, name: string, bytes: Uint8Array): Promise<BaseModel> {
  stores.models.set(name, bytes)
  return {
    source: { kind: 'stored', name },
    model: refOf((await readGgufCard(sourceFromBytes(name, bytes))).card),
  }
}

/** Rows in the vocabulary of the built-in teacher. */
export const makeShopRows = (): DatasetRow[] =>
  makeRows(16, 4).map((row) => ({
    ...row,
    completion: `Thank you for your order. Answer: ${/is (\w+)\./.exec(row.prompt)?.[1] === 'red' ? 12 : 7}`,
  }))

export const makeStores = (rows: DatasetRow[] = makeOtherRows(24, 6)): MemoryStores => makeMemoryStores(rows)

/** Trains or resumes; `stopAfter` aborts after that step. */
export async function adapt(
  stores: MemoryStores,
  baseModel: BaseModel | undefined,
  changes: SettingValues = {},
  stopAfter = Infinity,
): Promise<{ outcome: TrainOutcome; events: TrainEvent[] }> {
  const controller = new AbortController()
  const events: TrainEvent[] = []
  const emit = (event: TrainEvent): void => {
    events.push(event)
    if (event.kind === 'step' && event.point.step >= stopAfter) controller.abort()
  }
  let clock = 0
  const outcome = await train(
    { ...IDS, settings: { ...LORA, ...changes }, backend: 'wasm', ...(baseModel ? { baseModel } : {}) },
    { signal: controller.signal, emit },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150) },
  )
  return { outcome, events }
}
