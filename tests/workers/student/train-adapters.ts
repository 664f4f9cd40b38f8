// Knows: students that are adapters on an imported model, trained in Node for tests; and a small model to import, which can write.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { refOf } from '../../../src/domain/model.ts'
import type { AdaptedModel, LoraTrainSettings } from '../../../src/domain/student.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import type { TrainEvent, TrainOutcome } from '../../../src/protocol/student.ts'
import { exportStudent } from '../../../workers/student/export.ts'
import { train } from '../../../workers/student/train.ts'
import { readGgufCard } from '../../../workers/teachers/gguf-card.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'
import { trainSmall } from './train-small.ts'

const { vocabulary: _, labelSmoothing: __, ...common } = SETTINGS
export const LORA: LoraTrainSettings = {
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

/** Rows that ask what `makeRows` asks and want it said the other way round, in pieces that the small model has written: its embedding, which is its head, stays as it is. */
export const makeOtherRows = (taught: number, heldOut: number): DatasetRow[] =>
  makeRows(taught, heldOut).map((row) => ({
    ...row,
    completion: row.completion.replace(/^The (\w+) is (\w+)\.$/, 'The $2 is $2.'),
  }))

/** A model of 50,000 parameters that has learned to say which colour a thing has. */
export async function makeSmallModel(): Promise<Uint8Array> {
  const { value } = await exportStudent({ ...IDS, format: 'gguf' }, await trainSmall(120))
  return value.files[0]?.bytes ?? new Uint8Array()
}

export const readBox = (): Uint8Array =>
  new Uint8Array(
    readFileSync(fileURLToPath(new URL('../../../public/teacher/corner-shop.gguf', import.meta.url))),
  )

/** As the page finds a kept model. */
export async function keep(stores: MemoryStores, name: string, bytes: Uint8Array): Promise<AdaptedModel> {
  stores.models.set(name, bytes)
  return {
    source: { kind: 'stored', name },
    model: refOf((await readGgufCard(sourceFromBytes(name, bytes))).card),
  }
}

/** Rows in the words of the teacher in the box. */
export const makeShopRows = (): DatasetRow[] =>
  makeRows(16, 4).map((row) => ({
    ...row,
    completion: `Thank you for your order. Answer: ${/is (\w+)\./.exec(row.prompt)?.[1] === 'red' ? 12 : 7}`,
  }))

export const makeStores = (rows: DatasetRow[] = makeOtherRows(24, 6)): MemoryStores => makeMemoryStores(rows)

/** Trains, or goes on; `stopAfter` aborts after that step. */
export async function adapt(
  stores: MemoryStores,
  adapts: AdaptedModel | undefined,
  changes: Partial<LoraTrainSettings> = {},
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
    { ...IDS, settings: { ...LORA, ...changes }, backend: 'wasm', ...(adapts ? { adapts } : {}) },
    { signal: controller.signal, emit },
    { stores, openRuntime: openTestRuntime, now: () => (clock += 150) },
  )
  return { outcome, events }
}
