// Knows: how a model is inspected before it is loaded.
import { refuse, accept, type Checked } from '../../domain/problem.ts'
import type { ModelCard } from '../../domain/model-card.ts'
import type { ModelSource } from '../../domain/model-source.ts'
import { SilenceTimer } from '../../domain/time-limit.ts'
import { CANCEL_PATIENCE } from '../../protocol/contract.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { Machines } from '../machines.ts'

/** Milliseconds in which the header of a file on this machine is read: a drive that is gone never responds. Requests have limits of their own. */
export const HEADER_LIMIT = 60_000
const isOnThisMachine = ({ kind }: ModelSource): boolean =>
  kind === 'file' || kind === 'files' || kind === 'stored' || kind === 'student'

/** The model's card, or the sentence why it cannot be used. Loads nothing. */
export async function inspectModel(
  { teacher }: Pick<Machines, 'teacher'>,
  { source }: { source: ModelSource },
  signal?: AbortSignal,
): Promise<Checked<ModelCard>> {
  const late = new AbortController()
  const timer = isOnThisMachine(source) ? new SilenceTimer(HEADER_LIMIT, () => late.abort()) : undefined
  const either = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
  try {
    return accept(await teacher.inspect({ source }, { signal: either, patience: CANCEL_PATIENCE }))
  } catch (thrown) {
    if (late.signal.aborted && signal?.aborted !== true)
      return refuse({
        sentence: `The model’s file did not respond for ${HEADER_LIMIT / 1000} seconds, so its header could not be read. If it is on a network or external drive, check that the drive is connected; then choose the file again.`,
      })
    if (thrown instanceof RetortError && (thrown.name === 'ModelRefused' || thrown.name === 'ModelMissing'))
      return refuse({ sentence: thrown.message })
    throw thrown
  } finally {
    timer?.end()
  }
}
