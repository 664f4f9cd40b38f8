// Knows: how much this browser stores for the page, and which errors mean a full disk.
import { RetortError } from '../protocol/errors.ts'

export interface StorageEstimate {
  readonly quotaBytes: number
  readonly usedBytes: number
  /** The browser will not clear the storage on its own. */
  readonly persisted: boolean
}

/**
 * The browser's own estimate; undefined if it gives none. An upper bound: Chromium reports 10 GiB more than is used (or the free disk
 * space, if that is less) whatever it really grants, so that pages cannot fingerprint people by their disk.
 */
export async function estimateStorage(): Promise<StorageEstimate | undefined> {
  const manager = globalThis.navigator?.storage
  if (manager?.estimate === undefined) return undefined
  const { quota, usage } = await manager.estimate()
  if (quota === undefined || usage === undefined) return undefined
  return { quotaBytes: quota, usedBytes: usage, persisted: (await manager.persisted?.()) ?? false }
}

/**
 * Requests that the browser does not clear the page's storage on its own; true if it agrees. Chromium and Safari decide by themselves,
 * Firefox shows the person a question.
 */
export async function requestPersistence(): Promise<boolean> {
  try {
    return (await globalThis.navigator?.storage?.persist?.()) ?? false
  } catch {
    return false // refused, as in some private windows
  }
}

/** Whether the browser decides about `requestPersistence` without a question to the person. */
export const decidesQuietly = (): boolean => !/Firefox/.test(globalThis.navigator?.userAgent ?? 'Firefox')

/** True for the errors by which browsers refuse to store more, of IndexedDB and of the file system. */
export const isQuotaError = (thrown: unknown): boolean =>
  thrown instanceof DOMException &&
  (thrown.name === 'QuotaExceededError' || (thrown.name === 'AbortError' && /quota/i.test(thrown.message)))

/** Does work that stores; a full disk becomes `StorageFull`. `what` is the subject of the sentence, as in “The seeds”. */
export async function guardQuota<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (!isQuotaError(thrown)) throw thrown
    throw new RetortError(
      'StorageFull',
      `${what} could not be stored: this browser’s space for the page is full. Everything stored before is safe. Delete a model or a project, or free disk space, and try again.`,
      { cause: thrown },
    )
  }
}
