// Knows: the teacher's contract, served by one model at a time. A thin shell: the work is in teachers/.
import { isSized, type CompletionRequest, type ScoreRequest, type SizedCard } from '../src/domain/model.ts'
import type { Progress } from '../src/engine/generation/generator.ts'
import { RetortError } from '../src/protocol/errors.ts'
import { serveSelf } from '../src/protocol/serve-self.ts'
import type { GenerationEvent, GenerationSummary, TeacherContract } from '../src/protocol/teacher.ts'
import { getBatch, putBatch } from '../src/storage/batches.ts'
import { openDatabase, type Database } from '../src/storage/database.ts'
import { withNamedFaults } from './faults.ts'
import type { KnownBatches } from './teachers/best-batch.ts'
import { browseHub } from './teachers/hub/hub-bundle.ts'
import { lendTeacher } from './teachers/lend.ts'
import { traceDataset } from './teachers/trace.ts'
import { traceClasses } from './teachers/trace-classes.ts'
import { findServed } from './teachers/openers/endpoint.ts'
import { fetchWhole, peekModel } from './teachers/locate-model.ts'
import { describe } from './teachers/openers/files.ts'
import { findOpener } from './teachers/sources.ts'
import type { Teacher, TokenTeacher } from './teachers/teacher.ts'

let teacher: Teacher | undefined
let loading: AbortController | undefined
let database: Promise<Database> | undefined
/** Opened when first needed; a failed opening is tried again. */
const openOnce = (): Promise<Database> => {
  database ??= openDatabase()
  database.catch(() => (database = undefined))
  return database
}

const batches: KnownBatches = {
  find: async (fingerprint, device) => getBatch(await openOnce(), fingerprint, device).catch(() => undefined), // it is tried anew then
  keep: async (measured) => putBatch(await openOnce(), measured),
}

const requireTeacher = (): Teacher => {
  if (teacher === undefined)
    throw new RetortError(
      'NotLoaded',
      'No teacher is loaded. Choose a model on the Teacher screen and load it.',
    )
  return teacher
}

/** What tracing asks; throws `ModelRefused` where the loaded teacher's tokens are not known here. */
function tracing({
  description: { card },
  ownTokens,
}: Teacher): TokenTeacher & { readonly description: { readonly card: SizedCard } } {
  if (ownTokens === undefined || !isSized(card))
    throw new RetortError(
      'ModelRefused',
      `${card.name} tells no probabilities along given texts. Load a model file, or train on the texts alone.`,
    )
  return {
    description: { card },
    tokenizer: ownTokens.tokenizer,
    trace: (...asked) => ownTokens.trace(...asked),
    weigh: (...asked) => ownTokens.weigh(...asked),
  }
}

async function unload(): Promise<void> {
  const old = teacher
  teacher = undefined
  await old?.release()
}

const summarise = ({ promptTokens, sharedTokens, newTokens, ms }: Progress): GenerationSummary => ({
  promptTokens,
  sharedTokens,
  newTokens,
  ms,
})
const tell =
  (emit: (event: GenerationEvent) => void) =>
  ({ promptTokens, newTokens, ms }: Progress) =>
    emit({ kind: 'progress', promptTokens, newTokens, ms })

serveSelf<TeacherContract>({
  findServed: (source, { signal }) => findServed(source, signal),

  inspect: ({ source }, { signal }) => findOpener(source).inspect(source, signal),

  load: ({ source, ...options }, { signal, emit }) =>
    withNamedFaults(async () => {
      // A second wish to load takes the place of the first.
      loading?.abort()
      const own = new AbortController()
      loading = own
      teacher = await findOpener(source).open(source, {
        ...options,
        batches,
        signal: AbortSignal.any([signal, own.signal]),
        onProgress: emit,
        letGo: unload,
      })
      return teacher.description
    }),

  unload: async () => {
    await unload()
    return null
  },

  describe: async () => teacher?.description ?? null,

  complete: (
    { requests, partials }: { requests: readonly CompletionRequest[]; partials: boolean },
    { signal, emit },
  ) =>
    withNamedFaults(async () =>
      summarise(
        await requireTeacher().complete(requests, {
          signal,
          onResult: (result) => emit({ kind: 'completion', result }),
          onProgress: tell(emit),
          ...(partials
            ? { onPartial: (id: string, text: string) => emit({ kind: 'partial', id, text }) }
            : {}),
        }),
      ),
    ),

  score: ({ requests }: { requests: readonly ScoreRequest[] }, { signal, emit }) =>
    withNamedFaults(async () =>
      summarise(
        await requireTeacher().score(requests, {
          signal,
          onResult: (result) => emit({ kind: 'score', result }),
          onProgress: tell(emit),
        }),
      ),
    ),

  trace: (request, call) =>
    withNamedFaults(async () => traceDataset(tracing(requireTeacher()), request, call, await openOnce())),

  lend: (request, call) =>
    withNamedFaults(async () => {
      const held = teacher
      if (held === undefined)
        throw new RetortError(
          'NotLoaded',
          `This student learns from the teacher “${request.teacher.name}” while it is trained, and no teacher is loaded. Load it on the Teacher screen, then go on from the last checkpoint.`,
        )
      return lendTeacher(tracing(held), () => teacher === held, request, call, await openOnce())
    }),
  traceClasses: (request, call) =>
    withNamedFaults(async () => traceClasses(tracing(requireTeacher()), request, call, await openOnce())),

  countTokens: ({ texts }) => requireTeacher().countTokens(texts),

  browse: ({ url }, { signal }) => browseHub(url, signal),

  download: async ({ source }, { signal, emit }) => {
    // The header is read first: what cannot be used is not downloaded.
    await describe(await peekModel(source, signal))
    return describe(await fetchWhole(source, true, { signal, onProgress: emit }))
  },
})
