// Knows: a control for work that a signal aborts.
import { RunControl } from '../control.ts'

/** A control that is stopped when the signal aborts; `release` ends the connection. */
export function controlOf(signal: AbortSignal): {
  readonly control: RunControl
  readonly release: () => void
} {
  const control = new RunControl()
  const stop = (): void => control.stop()
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  return { control, release: () => signal.removeEventListener('abort', stop) }
}
