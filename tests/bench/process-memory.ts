// Knows: current and peak memory of processes, as Linux reports it, and which processes render a browser's pages.
import { existsSync, readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'

/** Current and peak bytes in memory. */
export interface ProcessMemory {
  readonly resting: number
  readonly peak: number
}

export const canReadMemory = existsSync('/proc/self/status')

/** Memory of the process with the highest peak; NaN if the system does not report it. */
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

/** Ids of the processes that render a browser's pages; including those without a page, which are small. */
export async function renderersOf(browser: Browser): Promise<readonly number[]> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
}
