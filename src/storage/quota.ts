// Knows: how much this browser stores for us, and what a full disk sounds like.
import { RetortError } from '../protocol/errors.ts'

export interface StorageEstimate {
  readonly quotaBytes: number
  readonly usedBytes: number
  /** The browser will not clear it on its own. */
  readonly persisted: boolean
}

/**
 * What the browser tells of its room; undefined where it does not. An upper bound: Chromium tells 10 GiB more than is used
 * (or what the disk has, if that is less) whatever it will really give, so that pages cannot know a person by their disk.
 */
export async function estimateStorage(): Promise<StorageEstimate | undefined> {
  const manager = globalThis.navigator?.storage
  if (manager?.estimate === undefined) return undefined
  const { quota, usage } = await manager.estimate()
  if (quota === undefined || usage === undefined) return undefined
  return { quotaBytes: quota, usedBytes: usage, persisted: (await manager.persisted?.()) ?? false }
}

/** Asks the browser to keep what is stored even when space gets short; it may ask the person or refuse. */
export const askToPersist = async (): Promise<boolean> =>
  (await globalThis.navigator?.storage?.persist?.()) ?? false

/** True for the errors with which browsers refuse to store more: IndexedDB's and the file system's. */
export const isQuotaError = (thrown: unknown): boolean =>
  thrown instanceof DOMException &&
  (thrown.name === 'QuotaExceededError' || (thrown.name === 'AbortError' && /quota/i.test(thrown.message)))

/** Does work that stores; a full disk becomes `StorageFull`. `what` begins the sentence, as in “The seeds”. */
export async function guardQuota<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (!isQuotaError(thrown)) throw thrown
    throw new RetortError(
      'StorageFull',
      `${what} could not be stored: this browser’s space for the page is full. All that was stored before is safe. Delete a model or a project, or free disk space, and try again.`,
      { cause: thrown },
    )
  }
}
