// Knows: how a model is loaded for a role, and remembered by its project.
import type { ChatFormat } from '../../domain/chat-format.ts'
import type { ProjectId } from '../../domain/id.ts'
import type { Backend } from '../../domain/machine.ts'
import type { ModelSource } from '../../domain/model-source.ts'
import type { Role } from '../../domain/role.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import type { WeightForm } from '../../domain/weight-form.ts'
import { SilenceTimer } from '../../domain/time-limit.ts'
import type { LoadProgress } from '../../protocol/teacher.ts'
import { CANCEL_PATIENCE, type CallOptions } from '../../protocol/contract.ts'
import { isAbort, RetortError } from '../../protocol/errors.ts'
import type { Machines } from '../machines.ts'
import { pageSeeds } from '../../storage/seeds.ts'
import { rememberModel } from './remember-model.ts'
import { followCall } from '../stream-progress.ts'

export interface LoadTeacher {
  /** The project that remembers it for the role; absent: none does. */
  readonly projectId?: ProjectId
  /** Default: the teacher. */
  readonly role?: Role
  readonly source: ModelSource
  readonly backend: Backend
  /** Store a copy in this browser. */
  readonly keep: boolean
  /** Requested context length in tokens. */
  readonly contextLength: number
  /** Format of the weights in memory; absent: the fastest that fits. */
  readonly weights?: WeightForm
  /** In place of the model's own chat template. */
  readonly chatFormat?: ChatFormat
  /** Size of the model's file, if known. */
  readonly fileBytes?: number
}

/** Seeds of the project, and characters of each, on which the cost of rounding is measured. */
const [MAX_SAMPLES, SAMPLE_LENGTH] = [4, 500]

/** None if they cannot be read: a measurement is no reason not to load a model. */
async function readSamples(db: Machines['db'], projectId: ProjectId): Promise<readonly string[]> {
  try {
    const seeds = await pageSeeds(db, projectId, { from: 0, limit: MAX_SAMPLES })
    return seeds.map(({ text }) => text.slice(0, SAMPLE_LENGTH))
  } catch {
    return []
  }
}

type LoadCall = Required<Pick<CallOptions<LoadProgress>, 'signal' | 'onEvent'>>

/** Milliseconds that building a model may take without a word, whatever its size, and per byte: far longer than on the slowest machine. */
const MIN_SILENCE = 90_000
const SILENCE_PER_BYTE = 1 / 500
/** Bytes of the largest models that run in a browser: of one whose size is unknown. */
const LARGEST = 2e9

/** Milliseconds after which a model that is being built, or computes for the first time, is given up. */
export const buildLimit = (fileBytes = LARGEST): number => MIN_SILENCE + fileBytes * SILENCE_PER_BYTE

/** Milliseconds without a byte while a file is read from disk or copied: a drive that is gone never responds. */
export const READ_LIMIT = 120_000

/** Undefined for downloads, whose requests have limits of their own. */
function silenceLimit(phase: LoadProgress['phase'], fileBytes: number | undefined): number | undefined {
  if (phase === 'building' || phase === 'warming') return buildLimit(fileBytes)
  return phase === 'reading' || phase === 'keeping' ? READ_LIMIT : undefined
}

function sayStalled(phase: LoadProgress['phase'] | undefined, limit: number): string {
  const minutes = Math.round(limit / 60_000)
  return phase === 'reading' || phase === 'keeping'
    ? `The model’s file could not be read: nothing came for ${minutes} minutes, twice. Stored data is safe. If the file is on a network or external drive, check that the drive is connected; then choose the file again.`
    : `The model was not ready after ${minutes} minutes, twice. Its worker was stopped, and stored data is safe. Load it again, or choose a smaller model.`
}

/**
 * Loads the model and unloads an earlier one; `notStored` of the description says why a copy is not stored. A model that is not ready long
 * after its file was read, or whose file does not respond, is loaded once more in another worker: the runtime's threads may wait for each other, which nothing in the worker
 * can notice. Throws `ModelRefused`, `OutOfMemory`, `DownloadFailed`, and `StartFailed` if it is not ready the second time either, with
 * sentences.
 */
export async function* loadTeacher(
  machines: Pick<Machines, 'teacher' | 'db' | 'now'>,
  { projectId, role = 'teacher', source, keep, fileBytes, ...options }: LoadTeacher,
  signal?: AbortSignal,
): AsyncGenerator<LoadProgress, TeacherDescription> {
  let phase: LoadProgress['phase'] | undefined
  const samples = projectId === undefined ? [] : await readSamples(machines.db, projectId)
  const load = async (stall: AbortController, call: LoadCall): Promise<TeacherDescription> => {
    let timer: SilenceTimer | undefined
    return machines.teacher
      .load(
        { source, keep, ...options, ...(samples.length === 0 ? {} : { samples }) },
        {
          signal: AbortSignal.any([call.signal, stall.signal]),
          patience: CANCEL_PATIENCE,
          onEvent: (progress) => {
            call.onEvent(progress)
            phase = progress.phase
            timer?.end()
            const limit = silenceLimit(phase, fileBytes)
            timer = limit === undefined ? undefined : new SilenceTimer(limit, () => stall.abort())
          },
        },
      )
      .finally(() => timer?.end())
  }
  const description = yield* followCall<LoadProgress, TeacherDescription>(signal, async (call) => {
    for (let tries = 1; ; tries++) {
      const stall = new AbortController()
      try {
        return await load(stall, call)
      } catch (thrown) {
        if (!isAbort(thrown) || !stall.signal.aborted || call.signal.aborted) throw thrown
        if (tries === 2)
          throw new RetortError(
            'StartFailed',
            sayStalled(phase, silenceLimit(phase ?? 'building', fileBytes) ?? buildLimit(fileBytes)),
          )
      }
    }
  })
  if (projectId === undefined) return description
  if ((keep && description.notStored === undefined) || source.kind === 'stored' || source.kind === 'built-in')
    await rememberModel(machines, { projectId, role, name: description.card.fileName })
  return description
}
