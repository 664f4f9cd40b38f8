// Knows: how WebLLM's engine is made and told to load a model of its catalogue, and what is known of the model then.
// Must not know: threads. It must be the only file that imports the package's code: six megabytes that nobody needs before.
import {
  deleteChatConfigInCache,
  deleteModelWasmInCache,
  MLCEngine,
  prebuiltAppConfig,
  type AppConfig,
  type MLCEngineConfig,
  type MLCEngineInterface,
} from '@mlc-ai/web-llm'
import { SAMPLING_NAMES, type TeacherDescription, type TeacherGives } from '../../../src/domain/model.ts'
import type { WebLlmModel } from '../../../src/domain/web-llm.ts'
import { MOST_LOG_PROBS } from '../../../src/engine/generation/requests.ts'
import { findWebLlmModel } from '../../../src/pipeline/web-llm/catalogue.ts'
import type { Call } from '../../../src/protocol/contract.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { LoadProgress } from '../../../src/protocol/teacher.ts'
import type { WebLlmLoad, WebLlmStore } from '../../../src/protocol/web-llm.ts'
import { cardOf } from './card.ts'
import { damagedFileOf, loadFaultOf, type DamagedFile } from './faults.ts'
import { LogitWatch } from './logit-watch.ts'
import { readModelFiles, type ModelFiles, type ReadModelFile } from './model-files.ts'
import { readProgress } from './progress.ts'
import { isThinking, NO_SAMPLING } from './requests.ts'
import { WebLlmTeacher } from './web-llm-teacher.ts'

export interface LoadParts {
  readonly makeEngine: (config: MLCEngineConfig) => MLCEngineInterface
  readonly readFile: (model: WebLlmModel, store: WebLlmStore) => ReadModelFile
  /** Deletes one of a model's small files, which WebLLM would read again for ever. */
  readonly deleteFile: (file: DamagedFile, model: string, config: AppConfig) => Promise<void>
}

/** A file that WebLLM has kept, else from its address; it is small beside the weights. */
const readKept: LoadParts['readFile'] =
  ({ address }, store) =>
  async (name) => {
    const url = `${address}/resolve/main/${name}`
    const kept = store === 'cache' ? await caches.match(url) : undefined
    const response = kept ?? (await fetch(url))
    if (!response.ok) throw new Error(`${url} answered ${response.status}`)
    return response.json()
  }

const REAL: LoadParts = {
  makeEngine: (config) => new MLCEngine(config),
  readFile: readKept,
  deleteFile: (file, model, config) =>
    file === 'program' ? deleteModelWasmInCache(model, config) : deleteChatConfigInCache(model, config),
}

/** Loads the model. Throws `ModelRefused`, `DownloadFailed`, `StorageFull`, `OutOfMemory`, `DeviceLost`; an AbortError when stopped, which keeps what came. */
export async function loadWebLlm(
  { model: id, contextLength: wanted, store }: WebLlmLoad,
  { signal, emit }: Call<LoadProgress>,
  { makeEngine, readFile, deleteFile }: LoadParts = REAL,
): Promise<WebLlmTeacher> {
  const model = findWebLlmModel(id)
  if (model === undefined)
    throw new RetortError(
      'ModelRefused',
      `WebLLM’s catalogue has no model “${id}”. Choose one from its list.`,
    )
  const watch = new LogitWatch()
  const appConfig = { ...prebuiltAppConfig, cacheBackend: store }
  const engine = makeEngine({
    appConfig,
    logitProcessorRegistry: new Map([[id, watch]]),
    initProgressCallback: (report) => emit(readProgress(report, model.downloadBytes ?? model.memoryBytes)),
    logLevel: 'SILENT', // its errors are thrown too, and told in our sentences
  })
  const stop = (): void => void engine.unload()
  signal.throwIfAborted()
  signal.addEventListener('abort', stop)
  try {
    emit({ phase: 'reading', done: 0, total: 0 })
    await engine.reload(id, { ...NO_SAMPLING, context_window_size: Math.min(wanted, model.contextLength) })
    signal.throwIfAborted()
    const files = await readModelFiles(readFile(model, store))
    signal.throwIfAborted()
    return new WebLlmTeacher({
      engine,
      model: id,
      watch,
      description: describe(model, wanted, files),
      endIds: files.endIds,
      start: files.start,
      ...(files.tokenizer === undefined ? {} : { tokenizer: files.tokenizer }),
    })
  } catch (thrown) {
    void engine.unload().catch(() => undefined)
    // WebLLM ends a stopped loading with whatever it was doing.
    signal.throwIfAborted()
    const damaged = damagedFileOf(thrown)
    if (damaged !== undefined) await deleteFile(damaged, id, appConfig).catch(() => undefined)
    throw loadFaultOf(thrown, id)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function describe(
  model: WebLlmModel,
  wanted: number,
  { architecture, vocabularySize, tokenizer, notes }: ModelFiles,
): TeacherDescription {
  const knows = tokenizer !== undefined
  const gives: TeacherGives = {
    chat: true,
    rawPrompts: true,
    scores: knows,
    traces: false,
    logProbs: knows ? MOST_LOG_PROBS : 0,
    sampling: SAMPLING_NAMES,
    seeded: true,
    formats: ['json-schema', 'grammar'],
  }
  return {
    card: {
      ...cardOf(model),
      ...(architecture === undefined ? {} : { architecture }),
      ...(vocabularySize === undefined ? {} : { vocabularySize }),
    },
    backend: 'webgpu',
    threads: 1,
    contextLength: Math.min(wanted, model.contextLength),
    batch: 1,
    gives,
    notes: [
      'WebLLM works on one row at a time. A repetition penalty counts what is written, not the prompt.',
      ...(isThinking(model.id) ? ['It is told not to think aloud before it answers.'] : []),
      ...notes,
    ],
  }
}
