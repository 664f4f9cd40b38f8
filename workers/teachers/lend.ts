// Knows: how a loaded teacher is lent to the student's worker: it says of the student's own answers, token by token, what it would have
// written there, in the vocabulary that both share.
// Must not know: what the student makes of it.
import type { Traceable, Traced } from '../../src/engine/generation/generator.ts'
import { messagesOf } from '../../src/engine/tokenizers/student-template.ts'
import { readTraceFile } from '../../src/engine/training/trace-file.ts'
import { portOf, serve } from '../../src/protocol/channel.ts'
import { Transferred, type Call } from '../../src/protocol/contract.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { AnswerOfStudent, LentTeacherContract, TracedAnswer } from '../../src/protocol/lent-teacher.ts'
import type { LendRequest } from '../../src/protocol/teacher.ts'
import type { Database } from '../../src/storage/database.ts'
import { listDatasetRows } from '../../src/storage/datasets.ts'
import { traceFiles } from '../../src/storage/files.ts'
import { withNamedFaults } from '../faults.ts'
import { shareVocabulary, type Shared, type TracingTeacher } from './trace.ts'

/** What a loaded teacher says of a student's answers. */
export type AnswerTracer = (
  answers: readonly AnswerOfStudent[],
  signal: AbortSignal,
) => Promise<TracedAnswer[]>

export interface TracerOptions {
  readonly choices: number
  readonly temperature: number
}

/**
 * Traces answers by their ids: what a student writes need not be cut as the teacher would cut the same text. An answer ends at its first
 * token that is no text of the teacher's: behind that the teacher has nothing to say.
 */
export function makeAnswerTracer(
  teacher: Pick<TracingTeacher, 'tokenizer' | 'trace'>,
  shared: Shared,
  { choices: asked, temperature }: TracerOptions,
): AnswerTracer {
  const { tokenizer } = teacher
  const { among, studentIds } = shared
  const choices = Math.min(asked, among.length)
  const teacherIdOf = new Map(
    [...studentIds].flatMap((ours, i): [number, number][] =>
      shared.endPlace === i ? [] : [[ours, among[i] ?? 0]],
    ),
  )
  return async (answers, signal) => {
    const requests = answers.map(({ system, prompt, tokens }, i): Traceable => {
      const theirs = [...tokens].map((id) => teacherIdOf.get(id))
      const whole = theirs.indexOf(undefined)
      // The last token that counts is only predicted.
      const read = theirs.slice(0, whole < 0 ? tokens.length - 1 : whole)
      return {
        id: String(i),
        prompt: tokenizer.encode(
          tokenizer.renderChat(messagesOf({ system, prompt }), { addGenerationPrompt: true }),
        ),
        answer: read.flatMap((id) => id ?? []),
      }
    })
    const results = new Map<string, Traced>()
    await teacher.trace(
      requests.filter((_, i) => (answers[i]?.tokens.length ?? 0) > 0),
      { choices, temperature, among },
      { signal, onResult: (result) => void results.set(result.id, result) },
    )
    return requests.map(({ id }) => {
      const traced = results.get(id)
      return {
        choices,
        ids: Uint16Array.from(traced?.places ?? [], (place) => studentIds[place] ?? 0),
        probabilities: traced?.probabilities ?? new Float32Array(0),
      }
    })
  }
}

/**
 * Serves the teacher on the request's port until the call is aborted. `isHere` tells whether this model is loaded still. A graphics card that
 * is lost meanwhile ends the call with DeviceLost: this worker cannot have another one.
 */
export async function lendTeacher(
  teacher: TracingTeacher,
  isHere: () => boolean,
  request: LendRequest,
  { signal, emit }: Call<{ readonly kind: 'ready' }>,
  db: Database,
): Promise<null> {
  const { port } = request
  const { card } = teacher.description
  const lost = new AbortController()
  const stop = await openLending(teacher, request, db).then(
    (trace) =>
      serve<LentTeacherContract>(
        {
          trace: ({ answers }, call) =>
            withNamedFaults(async () => {
              if (!isHere())
                throw new RetortError(
                  'NotLoaded',
                  `The teacher that this student learns from, “${card.name}”, was unloaded. Load it again on the Teacher screen, then go on from the last checkpoint.`,
                )
              const traced = await trace(answers, call.signal)
              return new Transferred(
                traced,
                traced.flatMap(({ ids, probabilities }) => [ids.buffer, probabilities.buffer]),
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

/** Throws ModelRefused where another model is loaded than the one whose probabilities are stored, or its vocabulary is shared otherwise now. */
async function openLending(
  teacher: TracingTeacher,
  { projectId, datasetId, trace, teacher: wanted, choices, temperature }: LendRequest,
  db: Database,
): Promise<AnswerTracer> {
  const { card } = teacher.description
  if (card.fingerprint !== wanted.fingerprint) {
    const other =
      card.name === wanted.name ? `another file of that name is loaded` : `“${card.name}” is loaded`
    throw new RetortError(
      'ModelRefused',
      `This student learns from the teacher “${wanted.name}”, and ${other}. Load the one it began with on the Teacher screen, then go on from the last checkpoint.`,
    )
  }
  const bytes = await traceFiles.read(projectId, trace)
  const stored = bytes && readTraceFile(bytes)
  if (!stored?.ok)
    throw new RetortError(
      'ModelMissing',
      stored
        ? stored.sentence
        : 'The teacher’s probabilities that this student learns from are not stored here any more. Train a new student.',
    )
  const shared = shareVocabulary(teacher.tokenizer, await listDatasetRows(db, projectId, datasetId, 'train'))
  if (shared.files.json !== stored.file.header.tokenizer.json)
    throw new RetortError(
      'ModelRefused',
      'The vocabulary that this student shares with its teacher cannot be made again from the rows that are stored. Train a new student.',
    )
  return makeAnswerTracer(teacher, shared, { choices, temperature })
}
