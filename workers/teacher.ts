// Knows: the teacher's contract, served by one model at a time. A thin shell: teachers/ does the work.
import type { CompletionRequest, EmbedRequest, ScoreRequest } from '../src/domain/completion-request.ts'
import { isSized, type SizedCard } from '../src/domain/model-card.ts'
import type { GenerationProgress } from '../src/engine/generation/generator.ts'
import { RetortError } from '../src/protocol/errors.ts'
import { serveSelf } from '../src/protocol/serve-self.ts'
import type { GenerationEvent, GenerationSummary, TeacherContract } from '../src/protocol/teacher.ts'
import { getBatchSize, putBatchSize } from '../src/storage/batches.ts'
import { openDatabase, type Database } from '../src/storage/database.ts'
import { withNamedErrors } from './named-errors.ts'
import { useNetwork } from './network/fetch-beyond.ts'
import type { BatchStore } from './teachers/batch-size.ts'
import { browseHub } from './teachers/hub/hub-bundle.ts'
import { lendTeacher } from './teachers/lend.ts'
import { computeDatasetSoftTargets } from './teachers/soft-targets.ts'
import { computeClassSoftTargets } from './teachers/class-soft-targets.ts'
import { findServedModels } from './teachers/endpoint/inspect-server.ts'
import { fetchWhole, peekModel } from './teachers/locate-model.ts'
import { describe } from './teachers/openers/files.ts'
import { findOpener } from './teachers/sources.ts'
import type { Teacher, TokenTeacher } from './teachers/teacher.ts'
import { unlessAborted } from './teachers/unless-aborted.ts'
import { watchStartsFromPage } from './watch-starts.ts'

watchStartsFromPage()
let teacher: Teacher | undefined
let loading: AbortController | undefined
let database: Promise<Database> | undefined
/** Opened when first needed, and again after a failure. */
const openOnce = (): Promise<Database> => {
  database ??= openDatabase()
  database.catch(() => (database = undefined))
  return database
}

const batchStore: BatchStore = {
  find: async (fingerprint, device) =>
    getBatchSize(await openOnce(), fingerprint, device).catch(() => undefined), // then it is measured again
  put: async (measured) => putBatchSize(await openOnce(), measured),
}

const requireTeacher = (): Teacher => {
  if (teacher === undefined)
    throw new RetortError(
      'NotLoaded',
      'No teacher is loaded. Choose a model on the Teacher screen and load it.',
    )
  return teacher
}

/** The loaded teacher with access to its own tokens; throws `ModelRefused` if they are not known here. */
function requireTokenTeacher({
  description: { card },
  ownTokens,
}: Teacher): TokenTeacher & { readonly description: { readonly card: SizedCard } } {
  if (ownTokens === undefined || !isSized(card))
    throw new RetortError(
      'ModelRefused',
      `${card.name} does not return token probabilities of given texts. Load a model file, or train on the texts alone.`,
    )
  return {
    description: { card },
    tokenizer: ownTokens.tokenizer,
    computeSoftTargets: (...args) => ownTokens.computeSoftTargets(...args),
    scoreTokens: (...args) => ownTokens.scoreTokens(...args),
  }
}

/** Ends when the memory of the last unloaded model is free: the next one is loaded after that. */
let releasing: Promise<void> = Promise.resolve()

function unload(): Promise<void> {
  const old = teacher
  teacher = undefined
  if (old !== undefined) releasing = releasing.catch(() => undefined).then(() => old.release())
  return releasing
}

const summarize = ({ promptTokens, sharedTokens, newTokens, ms }: GenerationProgress): GenerationSummary => ({
  promptTokens,
  sharedTokens,
  newTokens,
  ms,
})
const reportProgress =
  (emit: (event: GenerationEvent) => void) =>
  ({ promptTokens, newTokens, ms }: GenerationProgress) =>
    emit({ kind: 'progress', promptTokens, newTokens, ms })

serveSelf<TeacherContract>({
  useNetwork: async ({ port }) => {
    useNetwork(port)
    return null
  },

  listServedModels: (source, { signal }) => unlessAborted(signal, findServedModels(source, signal)),

  inspect: ({ source }, { signal }) => unlessAborted(signal, findOpener(source).inspect(source, signal)),

  load: ({ source, ...options }, { signal, emit }) =>
    withNamedErrors(async () => {
      // A second request to load replaces the first.
      loading?.abort()
      const own = new AbortController()
      loading = own
      teacher = await findOpener(source).open(source, {
        ...options,
        batchStore,
        signal: AbortSignal.any([signal, own.signal]),
        onProgress: emit,
        unloadPrevious: unload,
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
    withNamedErrors(async () =>
      summarize(
        await requireTeacher().complete(requests, {
          signal,
          onResult: (result) => emit({ kind: 'completion', result }),
          onProgress: reportProgress(emit),
          ...(partials
            ? { onPartial: (id: string, text: string) => emit({ kind: 'partial', id, text }) }
            : {}),
        }),
      ),
    ),

  score: ({ requests }: { requests: readonly ScoreRequest[] }, { signal, emit }) =>
    withNamedErrors(async () =>
      summarize(
        await requireTeacher().score(requests, {
          signal,
          onResult: (result) => emit({ kind: 'score', result }),
          onProgress: reportProgress(emit),
        }),
      ),
    ),

  embed: ({ requests }: { requests: readonly EmbedRequest[] }, { signal, emit }) =>
    withNamedErrors(async () => {
      const { embed, description } = requireTeacher()
      if (embed === undefined)
        throw new RetortError(
          'ModelRefused',
          `${description.card.name} gives no embeddings. Load a sentence encoder, or another model whose files are read here, for the role that embeds.`,
        )
      return summarize(
        await embed(requests, {
          signal,
          onResult: (result) => emit({ kind: 'embedding', result }),
          onProgress: reportProgress(emit),
        }),
      )
    }),

  computeSoftTargets: (request, call) =>
    withNamedErrors(async () =>
      computeDatasetSoftTargets(requireTokenTeacher(requireTeacher()), request, call, await openOnce()),
    ),

  lend: (request, call) =>
    withNamedErrors(async () => {
      const lent = teacher
      if (lent === undefined)
        throw new RetortError(
          'NotLoaded',
          `This student needs the teacher “${request.teacher.name}” during training, and no teacher is loaded. Load it on the Teacher screen, then resume from the last checkpoint.`,
        )
      return lendTeacher(requireTokenTeacher(lent), () => teacher === lent, request, call, await openOnce())
    }),
  computeClassSoftTargets: (request, call) =>
    withNamedErrors(async () =>
      computeClassSoftTargets(requireTokenTeacher(requireTeacher()), request, call, await openOnce()),
    ),

  countTokens: ({ texts }) => requireTeacher().countTokens(texts),

  browse: ({ url }, { signal }) => unlessAborted(signal, browseHub(url, signal)),

  download: async ({ source }, { signal, emit }) => {
    // Reads the header first: a model that cannot be used is not downloaded.
    await describe(await peekModel(source, signal))
    return describe(await fetchWhole(source, true, { signal, onProgress: emit }))
  },
})
