// Knows: how long the browser's storage may take to respond before what waits for it fails with a sentence. Browsers have left pages waiting
// forever: a storage process that hangs, a disk that is gone, a file that another program holds.
// Must not know: what is stored.
import { endWithin } from '../domain/time-limit.ts'
import { RetortError } from '../protocol/errors.ts'

/** Milliseconds for a database to open, if it is not being upgraded. */
export const OPEN_LIMIT = 60_000
/** Milliseconds for one read or one transaction, which may wait for another: copying a large project takes a minute. */
export const DATABASE_LIMIT = 300_000
/** Milliseconds for one call of the file system, and bytes per millisecond of a very slow disk. */
export const FILE_LIMIT = 60_000
const SLOWEST_BYTES_PER_MS = 500

const minutes = (ms: number): string =>
  ms < 120_000 ? `${Math.round(ms / 1000)} seconds` : `${ms / 60_000} minutes`

const silent = (limit: number): RetortError =>
  new RetortError(
    'StorageFailed',
    `The browser’s storage did not respond for ${minutes(limit)}. Everything stored before is safe. Close other tabs of this page and reload it; if that changes nothing, restart the browser.`,
  )

/** Does one read or one transaction; throws `StorageFailed` if it does not end in time, after `onLate`, which may end it. */
export const databaseInTime = <T>(
  work: () => Promise<T>,
  onLate: () => void = () => undefined,
  limit = DATABASE_LIMIT,
): Promise<T> =>
  endWithin(
    {
      limit,
      late: () => {
        onLate()
        return silent(limit)
      },
    },
    work,
  )

/**
 * Does one call of the file system that reads or writes `bytes`; throws `StorageFailed` if it does not end in time. `onLateResult` releases
 * what it opens after that.
 */
export function fileInTime<T>(
  work: () => Promise<T>,
  { bytes = 0, onLateResult }: { bytes?: number; onLateResult?: (value: T) => unknown } = {},
): Promise<T> {
  const limit = FILE_LIMIT + bytes / SLOWEST_BYTES_PER_MS
  return endWithin(
    { limit, late: () => silent(FILE_LIMIT), ...(onLateResult === undefined ? {} : { onLateResult }) },
    work,
  )
}
