// Knows: how a loaded teacher is lent to the student's worker: it computes soft targets along the student's own completions, in the
// vocabulary that both share.
// Must not know: how the student uses them.
import { nameChatFormat, findChatFormat } from '../../src/domain/chat-format.ts'
import type { SoftTargetInput, SoftTargetOutput } from '../../src/engine/generation/generator.ts'
import { messagesOf } from '../../src/engine/tokenizers/templates/student-template.ts'
import { readSoftTargetFile } from '../../src/engine/training/soft-target-file.ts'
import { portOf, serve } from '../../src/protocol/channel.ts'
import { Transferred, type Call } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type {
  StudentCompletion,
  LentTeacherContract,
  CompletionSoftTargets,
} from '../../src/protocol/lent-teacher.ts'
import type { LendRequest } from '../../src/protocol/teacher.ts'
import type { Database } from '../../src/storage/database.ts'
import { listDatasetRows } from '../../src/storage/datasets.ts'
import { softTargetFiles } from '../../src/storage/files.ts'
import { withNamedErrors } from '../named-errors.ts'
import { shareVocabulary, type SharedVocabulary, type SoftTargetTeacher } from './soft-targets.ts'

/** Computes a loaded teacher's soft targets along a student's completions. */
export type SoftTargetComputer = (
  completions: readonly StudentCompletion[],
  signal: AbortSignal,
) => Promise<CompletionSoftTargets[]>

export interface SoftTargetOptions {
  readonly topK: number
  readonly temperature: number
}

/**
 * Works on token ids: the student's tokens need not be those that the teacher would make of the same text. A completion ends at its first
 * token that the teacher does not have as text; nothing after it is computed.
 */
export function makeSoftTargetComputer(
  teacher: Pick<SoftTargetTeacher, 'tokenizer' | 'computeSoftTargets'>,
  shared: SharedVocabulary,
  { topK: requestedTopK, temperature }: SoftTargetOptions,
): SoftTargetComputer {
  const { tokenizer } = teacher
  const { teacherIds, studentIds } = shared
  const topK = Math.min(requestedTopK, teacherIds.length)
  const teacherIdOf = new Map(
    [...studentIds].flatMap((studentId, i): [number, number][] =>
      shared.endIndex === i ? [] : [[studentId, teacherIds[i] ?? 0]],
    ),
  )
  return async (completions, signal) => {
    const requests = completions.map(({ tokens, ...conversation }, i): SoftTargetInput => {
      const teacherTokens = [...tokens].map((id) => teacherIdOf.get(id))
      const unknownAt = teacherTokens.indexOf(undefined)
      // The last token is only predicted, so it is not an input.
      const inputs = teacherTokens.slice(0, unknownAt < 0 ? tokens.length - 1 : unknownAt)
      return {
        id: String(i),
        prompt: tokenizer.encodeChat(messagesOf(conversation), { closeReasoning: true }),
        completion: inputs.flatMap((id) => id ?? []),
      }
    })
    const results = new Map<string, SoftTargetOutput>()
    await teacher.computeSoftTargets(
      requests.filter((_, i) => (completions[i]?.tokens.length ?? 0) > 0),
      { topK, temperature, allowedIds: teacherIds },
      { signal, onResult: (result) => void results.set(result.id, result) },
    )
    return requests.map(({ id }) => {
      const output = results.get(id)
      return {
        topK,
        ids: Uint16Array.from(output?.indices ?? [], (index) => studentIds[index] ?? 0),
        probabilities: output?.probabilities ?? new Float32Array(0),
      }
    })
  }
}

/**
 * Serves the teacher on the request's port until the call is aborted. `isLoaded` returns whether this model is still loaded. If the graphics
 * card is lost meanwhile, the call ends with DeviceLost: this worker cannot get another one.
 */
export async function lendTeacher(
  teacher: SoftTargetTeacher,
  isLoaded: () => boolean,
  request: LendRequest,
  { signal, emit }: Call<{ readonly kind: 'ready' }>,
  db: Database,
): Promise<null> {
  const { port } = request
  const { card } = teacher.description
  const lost = new AbortController()
  const stop = await openLending(teacher, request, db).then(
    (compute) =>
      serve<LentTeacherContract>(
        {
          computeSoftTargets: ({ completions }, call) =>
            withNamedErrors(async () => {
              if (!isLoaded())
                throw new RetortError(
                  'NotLoaded',
                  `The teacher that this student learns from, “${card.name}”, was unloaded. Load it again on the Teacher screen, then resume from the last checkpoint.`,
                )
              const targets = await compute(completions, call.signal)
              return new Transferred(
                targets,
                targets.flatMap(({ ids, probabilities }) => [ids.buffer, probabilities.buffer]),
              )
            }).catch((thrown: unknown) => {
              if (thrown instanceof RetortError && thrown.name === 'DeviceLost') lost.abort(thrown)
              throw thrown
            }),
        },
        portOf(port),
      ),
    (thrown) => {
      port.close()
      throw thrown
    },
  )
  emit({ kind: 'ready' })
  try {
    await untilAborted(AbortSignal.any([signal, lost.signal]))
    lost.signal.throwIfAborted()
  } finally {
    stop()
    port.close()
  }
  return null
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) =>
    signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
  )

/** Throws ModelRefused if the loaded model is not the one whose probabilities are stored, or if the shared vocabulary has changed. */
async function openLending(
  teacher: SoftTargetTeacher,
  { projectId, datasetId, softTargets, teacher: borrowed, topK, temperature }: LendRequest,
  db: Database,
): Promise<SoftTargetComputer> {
  const { card, chatFormat } = teacher.description
  if (card.fingerprint !== borrowed.fingerprint) {
    const other =
      card.name === borrowed.name ? 'another file of that name is loaded' : `“${card.name}” is loaded`
    throw new RetortError(
      'ModelRefused',
      `This student learns from the teacher “${borrowed.name}”, but ${other}. Load “${borrowed.name}” from the same file on the Teacher screen, then resume from the last checkpoint.`,
    )
  }
  const bytes = await softTargetFiles.read(projectId, softTargets)
  const stored = bytes && readSoftTargetFile(bytes)
  if (!stored?.ok)
    throw new RetortError(
      'ModelMissing',
      stored
        ? stored.sentence
        : 'The teacher’s token probabilities for this student are not stored here any more. Train a new student.',
    )
  const earlier = stored.file.header.chatFormat
  if (earlier !== chatFormat)
    throw new RetortError(
      'ModelRefused',
      `This student’s soft targets were computed with ${nameOfFormat(earlier)}, but “${card.name}” is loaded with ${nameOfFormat(chatFormat)}. Choose ${nameOfFormat(earlier)} on the Teacher screen, then resume from the last checkpoint.`,
    )
  const shared = shareVocabulary(teacher.tokenizer, await listDatasetRows(db, projectId, datasetId, 'train'))
  if (shared.files.json !== stored.file.header.tokenizer.json)
    throw new RetortError(
      'ModelRefused',
      'The vocabulary that this student shares with its teacher cannot be rebuilt from the stored rows. Train a new student.',
    )
  return makeSoftTargetComputer(teacher, shared, { topK, temperature })
}

const nameOfFormat = (name: string | undefined): string => {
  const format = name === undefined ? undefined : findChatFormat(name)
  return format === undefined ? 'its own chat template' : `the chat template of ${nameChatFormat(format)}`
}
