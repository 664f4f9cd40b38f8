// Knows: what memory processes have and had at most, as Linux tells it, and which processes draw a browser's pages.
import { existsSync, readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'

/** Bytes in memory now, and the most there ever were; of the largest of some processes. */
export interface ProcessMemory {
  readonly resting: number
  readonly peak: number
}

export const canTellMemory = existsSync('/proc/self/status')

/** The process among these that had the most memory; NaN where the machine does not tell. */
export function memoryOf(processes: readonly number[]): ProcessMemory {
  const all = processes.flatMap((pid): ProcessMemory[] => {
    if (!existsSync(`/proc/${pid}/status`)) return []
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const read = (name: string): number =>
      1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN)
    return [{ resting: read('VmRSS'), peak: read('VmHWM') }]
  })
  return all.toSorted((a, b) => b.peak - a.peak)[0] ?? { resting: Number.NaN, peak: Number.NaN }
}

/** Ids of the processes that draw the pages of a browser; those without a page, which are small, among them. */
export async function renderersOf(browser: Browser): Promise<readonly number[]> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
}
