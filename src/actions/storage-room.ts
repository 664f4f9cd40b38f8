// Knows: whether so many bytes fit in what the browser leaves to the page, and the sentence where they do not.
import { estimateStorage } from '../storage/quota.ts'

export interface StorageRoom {
  /** Bytes left to the page; undefined where the browser does not tell. */
  readonly leftBytes?: number
  /** What to do, where the bytes do not fit. */
  readonly warning?: string
}

/** Weighs bytes that a run will take against what is left. */
export async function weighStorage(bytes: number): Promise<StorageRoom> {
  const storage = await estimateStorage()
  if (!storage) return {}
  const leftBytes = Math.max(0, storage.quotaBytes - storage.usedBytes)
  const inMegabytes = (count: number): string => `${Math.ceil(count / 1e6).toLocaleString('en')} MB`
  return bytes <= leftBytes
    ? { leftBytes }
    : {
        leftBytes,
        warning: `The run will take about ${inMegabytes(bytes)}, and this browser leaves ${inMegabytes(leftBytes)} to the page. Delete a model or a project, or ask for fewer rows.`,
      }
}
