// Knows: the teacher's contract, served by one model at a time. A thin shell: the work is in teachers/.
import type { CompletionRequest, ScoreRequest } from '../src/domain/model.ts'
import type { Progress } from '../src/engine/generation/generator.ts'
import { RetortError } from '../src/protocol/errors.ts'
import { serveSelf } from '../src/protocol/serve-self.ts'
import type { GenerationEvent, GenerationSummary, TeacherContract } from '../src/protocol/teacher.ts'
import { openDatabase, type Database } from '../src/storage/database.ts'
import { withNamedFaults } from './faults.ts'
import { readGgufCard } from './teachers/gguf-card.ts'
import { GgufTeacher } from './teachers/gguf.ts'
import { lendTeacher } from './teachers/lend.ts'
import { traceDataset } from './teachers/trace.ts'
import { traceClasses } from './teachers/trace-classes.ts'
import { downloadToStore, fetchWhole, peekModel } from './teachers/locate-model.ts'

let teacher: GgufTeacher | undefined
let loading: AbortController | undefined
let database: Promise<Database> | undefined
/** Opened when first needed; a failed opening is tried again. */
const openOnce = (): Promise<Database> => {
  database ??= openDatabase()
  database.catch(() => (database = undefined))
  return database
}

const requireTeacher = (): GgufTeacher => {
  if (teacher === undefined) throw new RetortError('NotLoaded', 'No teacher is loaded. Choose a model on the Teacher screen and load it.')
  return teacher
}

async function unload(): Promise<void> {
  const old = teacher
  teacher = undefined
  await old?.release()
}

const summarise = ({ promptTokens, sharedTokens, newTokens, ms }: Progress): GenerationSummary => ({ promptTokens, sharedTokens, newTokens, ms })
const tell = (emit: (event: GenerationEvent) => void) => ({ promptTokens, newTokens, ms }: Progress) => emit({ kind: 'progress', promptTokens, newTokens, ms })

serveSelf<TeacherContract>({
  inspect: async ({ source }, { signal }) => (await readGgufCard(await peekModel(source, signal))).card,

  load: ({ source, backend, keep, contextLength }, { signal, emit }) =>
    withNamedFaults(async () => {
      // A second wish to load takes the place of the first.
      loading?.abort()
      const own = new AbortController()
      loading = own
      const either = AbortSignal.any([signal, own.signal])
      // A file that cannot be used is refused before the model that is loaded goes and before anything is downloaded.
      await readGgufCard(await peekModel(source, either))
      const whole = await fetchWhole(source, keep, { signal: either, onProgress: emit })
      await unload()
      const opened = await GgufTeacher.open(whole, { backend, contextLength, signal: either, onProgress: emit })
      teacher = opened
      return opened.description
    }),

  unload: async () => {
    await unload()
    return null
  },

  describe: async () => teacher?.description ?? null,

  complete: ({ requests, partials }: { requests: readonly CompletionRequest[]; partials: boolean }, { signal, emit }) =>
    withNamedFaults(async () =>
      summarise(
        await requireTeacher().complete(requests, {
          signal,
          onResult: (result) => emit({ kind: 'completion', result }),
          onProgress: tell(emit),
          ...(partials ? { onPartial: (id: string, text: string) => emit({ kind: 'partial', id, text }) } : {}),
        }),
      ),
    ),

  score: ({ requests }: { requests: readonly ScoreRequest[] }, { signal, emit }) =>
    withNamedFaults(async () => summarise(await requireTeacher().score(requests, { signal, onResult: (result) => emit({ kind: 'score', result }), onProgress: tell(emit) }))),

  trace: (request, call) => withNamedFaults(async () => traceDataset(requireTeacher(), request, call, await openOnce())),

  lend: (request, call) =>
    withNamedFaults(async () => {
      const held = teacher
      if (held === undefined) throw new RetortError('NotLoaded', `This student learns from the teacher “${request.teacher.name}” while it is trained, and no teacher is loaded. Load it on the Teacher screen, then go on from the last checkpoint.`)
      return lendTeacher(held, () => teacher === held, request, call, await openOnce())
    }),
  traceClasses: (request, call) => withNamedFaults(async () => traceClasses(requireTeacher(), request, call, await openOnce())),

  countTokens: async ({ texts }) => requireTeacher().countTokens(texts),

  download: async ({ url }, { signal, emit }) => {
    // The header is read first: what cannot be used is not downloaded.
    await readGgufCard(await peekModel({ kind: 'url', url }, signal))
    return (await readGgufCard(await downloadToStore(url, { signal, onProgress: emit }))).card
  },
})
