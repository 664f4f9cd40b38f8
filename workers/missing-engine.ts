// Knows: how much of the page its service worker has not stored yet, for a sentence about an engine that cannot be fetched.
import type { EngineError } from '../src/engine/errors.ts'
import { fieldOf } from '../src/engine/tokenizers/files/unknown-json.ts'
import { RetortError } from '../src/protocol/errors.ts'
import { STATUS_PATH } from './hosting/status-path.ts'

/** The build puts this file into a folder of the page's folder. */
const statusAddress = (): string => {
  const here = import.meta.url
  return new URL(`../${STATUS_PATH}`, here).href
}

/** The error with the megabytes that are still to come, as far as they are known. */
export async function nameMissingEngine(
  cause: EngineError,
  fetchStatus: () => Promise<unknown> = async () => (await fetch(statusAddress())).json(),
): Promise<RetortError> {
  const status = await fetchStatus().catch(() => undefined)
  const stored = fieldOf(status, 'stored')
  const total = fieldOf(status, 'total')
  if (typeof stored !== 'number' || typeof total !== 'number' || stored >= total)
    return new RetortError('EngineMissing', cause.message, { cause })
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
  return new RetortError(
    'EngineMissing',
    `The engine is not stored in this browser yet: ${megabytes(total - stored)} of the page’s ${megabytes(total)} MB are still to come, and its host cannot be reached. Connect to the network and try again; the first screen shows when everything is stored.`,
    { cause },
  )
}
