// Knows: how a model's measured batch size is forgotten, set by hand, and doubted after a run that was much faster or slower.
// Must not know: how it is measured (the teacher's worker does that when the model is loaded).
import type { MeasuredBatch } from '../../domain/measured-batch.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { deleteBatchSize, listBatchSizes, putBatchSize } from '../../storage/batches.ts'
import type { Machines } from '../machines.ts'
import { doubtThreads } from '../machine/measure-threads.ts'

type Loaded = Pick<TeacherDescription, 'card' | 'backend' | 'batch'>

/** Factors between a run's speed and the measured one beyond which the measurement is doubted. */
const TOO_SLOW = 0.5
const TOO_FAST = 1.5
/** Fewer tokens or milliseconds of decoding say little about the speed. */
const MIN_TOKENS = 1000
const MIN_MS = 5000

/** The loaded model's measurements on the device that it runs on. Devices are named by their backend first. */
async function findMeasured(db: Machines['db'], { card, backend }: Loaded): Promise<MeasuredBatch[]> {
  const measured = await listBatchSizes(db, card.fingerprint)
  return measured.filter(({ device }) => device.startsWith(`${backend},`))
}

/** Forgets the loaded model's measurement: the next load measures again. */
export async function forgetBatchSize({ db }: Pick<Machines, 'db'>, teacher: Loaded): Promise<void> {
  for (const measured of await findMeasured(db, teacher)) await deleteBatchSize(db, measured)
}

/** Sets the loaded model's batch size from its next load on. False if it was never measured here, as with a model server. */
export async function setBatchSize(
  { db, now }: Pick<Machines, 'db' | 'now'>,
  teacher: Loaded,
  batch: number,
): Promise<boolean> {
  const found = await findMeasured(db, teacher)
  for (const measured of found)
    await putBatchSize(db, { ...measured, batch, byHand: true, measuredAt: now() })
  return found.length > 0
}

/**
 * Forgets a measurement that a run contradicts: its completions were generated at less than half or more than one and a half times
 * the measured speed, as when the machine was busy at either time. True if it did. A batch size set by hand stays.
 */
export async function doubtBatchSize(
  { db }: Pick<Machines, 'db'>,
  teacher: Loaded,
  { tokens, ms }: { readonly tokens: number; readonly ms: number },
): Promise<boolean> {
  if (tokens < MIN_TOKENS || ms < MIN_MS) return false
  const real = (1000 * tokens) / ms
  let doubted = false
  for (const measured of await findMeasured(db, teacher)) {
    const rate = measured.rates.find(({ rows }) => rows === teacher.batch)?.tokensPerSecond
    if (measured.byHand || rate === undefined || (real >= TOO_SLOW * rate && real <= TOO_FAST * rate))
      continue
    await deleteBatchSize(db, measured)
    doubted = true
  }
  return doubted
}

/** After a run. Doubts the batch size; and, if the processor was much faster or slower than measured, the number of threads too. */
export async function doubtSpeed(
  machines: Pick<Machines, 'db'>,
  teacher: Loaded,
  completed: { readonly tokens: number; readonly ms: number },
): Promise<void> {
  const doubted = await doubtBatchSize(machines, teacher, completed)
  if (doubted && teacher.backend === 'wasm') await doubtThreads(machines.db)
}
