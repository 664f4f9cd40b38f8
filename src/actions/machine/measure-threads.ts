// Knows: how the best number of threads is found: one worker per number; a certain result is stored until it is old or doubted.
// Must not know: how a worker is started.
import {
  chooseThreads,
  CLEAR_GAIN,
  isStillGood,
  type MeasuredThreads,
  type ThreadRate,
} from '../../domain/measured-threads.ts'
import type { ThreadsContract } from '../../protocol/threads.ts'
import type { SupervisedWorker } from '../../protocol/supervised-worker.ts'
import type { Database } from '../../storage/database.ts'
import { deleteThreads, getThreads, putThreads } from '../../storage/threads.ts'
import { MAX_THREADS } from './describe-machine.ts'

export interface ThreadsMachine {
  readonly db: Database
  /** Starts a worker for one measurement. */
  readonly open: () => Pick<SupervisedWorker<ThreadsContract>, 'remote' | 'terminate'>
  /** Cores as the browser reports them: an upper bound only, because some report more than there are. */
  readonly cores: number
  readonly now: () => number
}

const deviceOf = (cores: number): string => `${cores} cores`

/** The stored measurement if it is still good, or undefined. Never throws. */
export const findMeasuredThreads = async ({
  db,
  cores,
  now,
}: Pick<ThreadsMachine, 'db' | 'cores' | 'now'>): Promise<MeasuredThreads | undefined> => {
  const found = await getThreads(db, deviceOf(cores)).catch(() => undefined)
  return found !== undefined && isStillGood(found, now()) ? found : undefined
}

/** Forgets every stored measurement: the next start of the page measures again. */
export const doubtThreads = (db: Database): Promise<void> => deleteThreads(db)

/**
 * Measures 1, 2, 4 … threads until more of them are clearly slower or do not start. Half a second for each number. Fewer threads than there
 * are cores are chosen only where they are clearly faster, and a number that seems slower is measured twice, as another program may
 * have been busy. The result is stored if it is certain and every number started: else threads are measured again next time.
 */
export async function measureThreads(machine: ThreadsMachine): Promise<MeasuredThreads> {
  const { db, cores, now } = machine
  const max = Math.max(1, Math.min(MAX_THREADS, cores))
  const numbers = [...new Set([1, 2, 4, 8, max])].filter((n) => n <= max).toSorted((a, b) => a - b)
  const rates: ThreadRate[] = []
  let fastest = 0
  let failed = false
  for (const threads of numbers) {
    try {
      let runsPerSecond = await measureOnce(machine, threads)
      if (runsPerSecond !== undefined && runsPerSecond * CLEAR_GAIN <= fastest)
        runsPerSecond = Math.max(runsPerSecond, (await measureOnce(machine, threads)) ?? 0)
      if (runsPerSecond === undefined) break
      rates.push({ threads, runsPerSecond })
      if (runsPerSecond * CLEAR_GAIN <= fastest) break
      fastest = Math.max(fastest, runsPerSecond)
    } catch {
      failed = true
      break // what does not start is not used
    }
  }
  const { threads, certain } = chooseThreads(rates)
  const measured: MeasuredThreads = { device: deviceOf(cores), threads, rates, measuredAt: now() }
  if (certain && !failed) await putThreads(db, measured).catch(() => undefined)
  return measured
}

/** Runs per second in a worker of its own; undefined if the browser or its memory allows fewer threads. Throws if it does not start. */
async function measureOnce({ open }: ThreadsMachine, threads: number): Promise<number | undefined> {
  const worker = open()
  try {
    const rate = await worker.remote.measure({ threads })
    return rate.threads === threads ? rate.runsPerSecond : undefined
  } finally {
    worker.terminate()
  }
}
