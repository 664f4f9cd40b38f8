// Knows: the word for each status of a stored run that is not running here.
import type { RunStatus } from '../../domain/run.ts'

const NAMES: Readonly<Record<RunStatus, string>> = {
  running: 'interrupted',
  paused: 'paused',
  stopped: 'stopped',
  finished: 'finished',
  failed: 'failed',
}

export const nameRunStatus = (status: RunStatus): string => NAMES[status]
