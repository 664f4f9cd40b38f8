// Knows: how the best number of threads is found: measured once per machine, one worker per number, and stored.
// Must not know: how a worker is started.
import { bestThreads, type MeasuredThreads, type ThreadRate } from '../domain/measured-threads.ts'
import type { ThreadsContract } from '../protocol/threads.ts'
import type { SupervisedWorker } from '../protocol/supervised-worker.ts'
import type { Database } from '../storage/database.ts'
import { getThreads, putThreads } from '../storage/threads.ts'
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

/** The stored measurement, or undefined. Never throws. */
export const findMeasuredThreads = ({
  db,
  cores,
}: Pick<ThreadsMachine, 'db' | 'cores'>): Promise<MeasuredThreads | undefined> =>
  getThreads(db, deviceOf(cores)).catch(() => undefined)

/**
 * Measures 1, 2, 4 … threads until more of them are slower or do not start, and stores the result. Half a second for each number. After a
 * start that failed nothing is stored, because the cause may pass: threads are measured again next time.
 */
export async function measureThreads({ db, open, cores, now }: ThreadsMachine): Promise<MeasuredThreads> {
  const max = Math.max(1, Math.min(MAX_THREADS, cores))
  const numbers = [...new Set([1, 2, 4, 8, max])].filter((n) => n <= max).toSorted((a, b) => a - b)
  const rates: ThreadRate[] = []
  let failed = false
  for (const threads of numbers) {
    const worker = open()
    try {
      const rate = await worker.remote.measure({ threads })
      // Fewer than requested: the browser or its memory allows no more.
      if (rate.threads !== threads) break
      rates.push(rate)
      if (bestThreads(rates) !== threads) break
    } catch {
      failed = true
      break // what does not start is not used
    } finally {
      worker.terminate()
    }
  }
  const measured: MeasuredThreads = {
    device: deviceOf(cores),
    threads: bestThreads(rates),
    rates,
    measuredAt: now(),
  }
  if (!failed) await putThreads(db, measured).catch(() => undefined)
  return measured
}
