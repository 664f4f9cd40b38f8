// Knows: whether a number of bytes fits in the storage left to the page, and the sentence if it does not.
import { estimateStorage } from '../../storage/quota.ts'

export interface StorageSpace {
  /** Bytes left to the page; undefined if the browser does not report it. */
  readonly leftBytes?: number
  /** What to do if the bytes do not fit. */
  readonly warning?: string
}

/** Compares the bytes that a run needs with the storage left. */
export async function checkStorageSpace(bytes: number): Promise<StorageSpace> {
  const storage = await estimateStorage()
  if (!storage) return {}
  const leftBytes = Math.max(0, storage.quotaBytes - storage.usedBytes)
  const inMegabytes = (count: number): string => `${Math.ceil(count / 1e6).toLocaleString('en')} MB`
  return bytes <= leftBytes
    ? { leftBytes }
    : {
        leftBytes,
        warning: `The run needs about ${inMegabytes(bytes)}, but this browser has only ${inMegabytes(leftBytes)} left for the page. Delete a model or a project, or generate fewer rows.`,
      }
}
