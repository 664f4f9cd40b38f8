// Knows: whether bytes fit into the browser's storage, by the browser's own estimate.
import { RetortError } from '../../src/protocol/errors.ts'
import { estimateStorage } from '../../src/storage/quota.ts'

/** Throws `StorageFull` before anything is written if the browser's estimate is too small. */
export async function requireRoom(name: string, bytes: number): Promise<void> {
  const estimate = await estimateStorage()
  if (estimate === undefined || estimate.usedBytes + bytes <= estimate.quotaBytes) return
  const free = Math.max(0, estimate.quotaBytes - estimate.usedBytes)
  const mb = (n: number): string => `${Math.ceil(n / 1e6)} MB`
  throw new RetortError(
    'StorageFull',
    `“${name}” needs ${mb(bytes)}, and this browser has ${mb(free)} left for the page. Delete a model or a project to make room.`,
  )
}
