// Knows: how WebLLM's adapter is opened over the stand-in engine: the small files of a model, a model of the catalogue, a worker without a thread.
import { CHARACTER_OF_BYTE } from '../../../../src/engine/tokenizers/bpe/byte-alphabet.ts'
import type { LoadProgress } from '../../../../src/protocol/teacher.ts'
import type { WebLlmContract } from '../../../../src/protocol/web-llm.ts'
import { makeWebLlmOpener } from '../../../../workers/teachers/openers/web-llm.ts'
import type { OpenSourceOptions } from '../../../../workers/teachers/openers/opener.ts'
import { loadWebLlm } from '../../../../workers/teachers/web-llm/load.ts'
import { makeWebLlmService } from '../../../../workers/teachers/web-llm/serve.ts'
import { WebLlmEngineStandIn } from '../../../stand-ins/web-llm-engine.ts'
import { WorkerStandIn } from '../../../stand-ins/worker.ts'

export const MODEL = 'SmolLM2-135M-Instruct-q0f32-MLC'
const END = 256

/** One token per byte. */
const FILES: Readonly<Record<string, unknown>> = {
  'tokenizer.json': {
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(CHARACTER_OF_BYTE.map((character, id) => [character, id])),
      merges: [],
    },
    added_tokens: [{ id: END, content: '<|end|>', special: true }],
    normalizer: null,
    post_processor: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
    decoder: { type: 'ByteLevel' },
  },
  'mlc-chat-config.json': {
    model_type: 'llama',
    vocab_size: 260,
    context_window_size: 4096,
    conv_template: { stop_token_ids: [END], system_prefix_token_ids: [] },
  },
}

export interface Opened {
  readonly engines: WebLlmEngineStandIn[]
  readonly workers: WorkerStandIn<WebLlmContract>[]
  readonly progress: LoadProgress[]
}

/** Called with each new engine before it loads. */
export type Prepare = (engine: WebLlmEngineStandIn) => void

export const SCHEMA = JSON.stringify({
  type: 'object',
  properties: { good: { type: 'boolean' } },
  required: ['good'],
  additionalProperties: false,
})
const FORMS = { [SCHEMA]: ['{"good":true}', '{"good":false}'], 'root ::= "yes" | "no"': ['yes', 'no'] }

/** Loads as the worker does; `files` replace the model's small files. */
export const loadStandIn =
  (engines: WebLlmEngineStandIn[], prepare: Prepare = () => undefined, files = FILES): typeof loadWebLlm =>
  (request, call) =>
    loadWebLlm(request, call, {
      makeEngine: (config) => {
        const engine = new WebLlmEngineStandIn(config)
        engine.forms = FORMS
        prepare(engine)
        engines.push(engine)
        return engine
      },
      readFile: () => async (name) => {
        if (files[name] === undefined) throw new Error(`no ${name}`)
        return structuredClone(files[name])
      },
      deleteFile: async (file) => void engines.at(-1)?.log.push(`delete ${file}`),
    })

/** The teacher worker's opener, whose own worker is a stand-in with the real service and adapter. */
export function makeOpener(prepare?: Prepare, gpu = { available: true, shaderF16: false }) {
  const opened: Opened = { engines: [], workers: [], progress: [] }
  const opener = makeWebLlmOpener({
    startWorker: () => {
      const worker = new WorkerStandIn<WebLlmContract>(
        makeWebLlmService(loadStandIn(opened.engines, prepare)),
      )
      opened.workers.push(worker)
      return worker
    },
    inspectGpu: async () => gpu,
  })
  return { opener, opened }
}

export const openOptions = (change: Partial<OpenSourceOptions> = {}): OpenSourceOptions => ({
  backend: 'webgpu',
  contextLength: 256,
  keep: false,
  signal: new AbortController().signal,
  onProgress: () => undefined,
  unloadPrevious: async () => undefined,
  ...change,
})
