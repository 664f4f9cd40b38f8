// Knows: how WebLLM's engine is made and loads a model of its catalogue, and how the loaded model is described.
// Must not know: threads. This must be the only file that imports the package's code: six megabytes that nothing else needs.
import {
  deleteChatConfigInCache,
  deleteModelWasmInCache,
  MLCEngine,
  prebuiltAppConfig,
  type AppConfig,
  type MLCEngineConfig,
  type MLCEngineInterface,
} from '@mlc-ai/web-llm'
import { SAMPLING_NAMES } from '../../../src/domain/sampling.ts'
import type { TeacherDescription, Capabilities } from '../../../src/domain/teacher-description.ts'
import type { WebLlmModel } from '../../../src/domain/web-llm.ts'
import { MAX_LOG_PROBS } from '../../../src/engine/generation/requests.ts'
import { findWebLlmModel } from '../../../src/pipeline/web-llm/catalogue.ts'
import type { Call } from '../../../src/protocol/contract.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { LoadProgress } from '../../../src/protocol/teacher.ts'
import type { WebLlmLoad, WebLlmStore } from '../../../src/protocol/web-llm.ts'
import { fetchWatched } from '../../network/fetch-watched.ts'
import { cardOf } from './card.ts'
import { damagedFileOf, loadErrorOf, type DamagedFile } from './errors.ts'
import { LogitWatch } from './logit-watch.ts'
import { readModelFiles, type ModelFiles, type ReadModelFile } from './model-files.ts'
import { readProgress } from './progress.ts'
import { isReasoning, NO_SAMPLING } from './requests.ts'
import { WebLlmTeacher } from './web-llm-teacher.ts'

export interface LoadParts {
  readonly makeEngine: (config: MLCEngineConfig) => MLCEngineInterface
  readonly readFile: (model: WebLlmModel, store: WebLlmStore) => ReadModelFile
  /** Deletes one of a model's small files, which WebLLM would otherwise read again each time. */
  readonly deleteFile: (file: DamagedFile, model: string, config: AppConfig) => Promise<void>
}

/** A small file from WebLLM's cache, or from its address. */
const readCached: LoadParts['readFile'] =
  ({ address }, store) =>
  async (name) => {
    const url = `${address}/resolve/main/${name}`
    const cached = store === 'cache' ? await caches.match(url) : undefined
    const response = cached ?? (await fetchWatched(url))
    if (!response.ok) throw new Error(`${url} responded with ${response.status}`)
    return response.json()
  }

const REAL: LoadParts = {
  makeEngine: (config) => new MLCEngine(config),
  readFile: readCached,
  deleteFile: (file, model, config) =>
    file === 'program' ? deleteModelWasmInCache(model, config) : deleteChatConfigInCache(model, config),
}

/** Loads the model. Throws `ModelRefused`, `DownloadFailed`, `StorageFull`, `OutOfMemory`, `DeviceLost`; an AbortError when stopped, after which downloaded files stay stored. */
export async function loadWebLlm(
  { model: id, contextLength: requestedLength, store }: WebLlmLoad,
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
    logLevel: 'SILENT', // its errors are also thrown, and reported in our sentences
  })
  const stop = (): void => void engine.unload()
  signal.throwIfAborted()
  signal.addEventListener('abort', stop)
  try {
    emit({ phase: 'reading', done: 0, total: 0 })
    await engine.reload(id, {
      ...NO_SAMPLING,
      context_window_size: Math.min(requestedLength, model.contextLength),
    })
    signal.throwIfAborted()
    const files = await readModelFiles(readFile(model, store))
    signal.throwIfAborted()
    return new WebLlmTeacher({
      engine,
      model: id,
      watch,
      description: describe(model, requestedLength, files),
      endIds: files.endIds,
      start: files.start,
      ...(files.tokenizer === undefined ? {} : { tokenizer: files.tokenizer }),
    })
  } catch (thrown) {
    void engine.unload().catch(() => undefined)
    // WebLLM ends a stopped load with an error of whatever it was doing.
    signal.throwIfAborted()
    const damaged = damagedFileOf(thrown)
    if (damaged !== undefined) await deleteFile(damaged, id, appConfig).catch(() => undefined)
    throw loadErrorOf(thrown, id)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function describe(
  model: WebLlmModel,
  requestedLength: number,
  { architecture, vocabularySize, tokenizer, notes }: ModelFiles,
): TeacherDescription {
  const hasTokenizer = tokenizer !== undefined
  const capabilities: Capabilities = {
    chat: true,
    rawPrompts: true,
    scores: hasTokenizer,
    embeddings: false,
    softTargets: false,
    logProbs: hasTokenizer ? MAX_LOG_PROBS : 0,
    sampling: SAMPLING_NAMES,
    seeded: true,
    outputFormats: ['json-schema', 'grammar'],
  }
  return {
    card: {
      ...cardOf(model),
      ...(architecture === undefined ? {} : { architecture }),
      ...(vocabularySize === undefined ? {} : { vocabularySize }),
    },
    backend: 'webgpu',
    threads: 1,
    contextLength: Math.min(requestedLength, model.contextLength),
    batch: 1,
    capabilities,
    notes: [
      'WebLLM works on one row at a time. A repetition penalty applies to generated tokens, not to the prompt.',
      ...(isReasoning(model.id) ? ['Reasoning before the completion is turned off.'] : []),
      ...notes,
    ],
  }
}
