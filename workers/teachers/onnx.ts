// Knows: a teacher from a folder of ONNX files: how it is described, and how its graph is opened.
// Must not know: where the files came from (locate-model.ts), how rows are batched (foreign-batching.ts).
import type { ChatFormat } from '../../src/domain/chat-format.ts'
import type { SizedCard } from '../../src/domain/model-card.ts'
import { EngineError } from '../../src/engine/errors.ts'
import { openForeignModel, type OpenedForeign } from '../../src/engine/generation/foreign-batching.ts'
import { Generator } from '../../src/engine/generation/generator.ts'
import { openRuntime } from '../../src/engine/runtime/open.ts'
import { fieldOf } from '../../src/engine/tokenizers/files/unknown-json.ts'
import { tokenizerFromFolder, type TextTokenizer } from '../../src/engine/tokenizers/tokenizer.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { ModelBundle } from './bundle.ts'
import { setBestBatchSize } from './batch-size.ts'
import { describeChat } from './chat-notes.ts'
import { EngineTeacher } from './engine-teacher.ts'
import { fingerprintOf } from './fingerprint.ts'
import { FolderFiles } from './forms/folder-files.ts'
import { chooseGraph, countWeights, readGraphs, type OnnxGraph } from './onnx-graphs.ts'
import { capabilitiesOf, noteMachine, type EngineOptions } from './open-engine-teacher.ts'

/** Batch size, if the graph supports batching. */
const BATCH_SIZE = 8
/** Context length of models that do not state theirs. */
const DEFAULT_CONTEXT = 2048
const MAX_CONTEXT = 2 ** 24
/** Bytes read at a time; the person can stop in between. */
const CHUNK = 16 * 2 ** 20
/** Bytes of the graph's file in the fingerprint. */
const HEADER_BYTES = 65_536

interface Folder {
  readonly graphs: readonly [OnnxGraph, ...OnnxGraph[]]
  readonly tokenizer: TextTokenizer
  readonly config: unknown
  readonly contextLength: number
}

/** Describes the graph that would run on the processor, or the smallest; throws `ModelRefused` with the reason if none can be used. */
export async function inspectOnnx(bundle: ModelBundle): Promise<SizedCard> {
  const folder = await readFolder(bundle)
  const fitting = folder.graphs.toSorted((a, b) => a.memoryBytes.wasm - b.memoryBytes.wasm)
  let graph = fitting[0] ?? folder.graphs[0]
  try {
    graph = chooseGraph(folder.graphs, 'wasm', { hasHalves: true, name: bundle.name }).graph
  } catch (thrown) {
    // It may fit on a graphics card: the model card shows its size.
    if (!(thrown instanceof RetortError)) throw thrown
  }
  return describe(bundle, folder, graph)
}

/** Opens the folder's graph that suits the backend. Throws `ModelRefused`, EngineError if the machine fails, AbortError when stopped. */
export async function openOnnx(
  bundle: ModelBundle,
  {
    backend,
    contextLength,
    weights: preferred,
    chatFormat,
    batchStore: store,
    signal,
    onProgress,
    threads,
    runtime: openedRuntime,
  }: EngineOptions,
): Promise<EngineTeacher> {
  const folder = await readFolder(bundle, chatFormat)
  const runtime =
    openedRuntime ?? (await openRuntime({ backend, ...(threads === undefined ? {} : { threads }) }))
  const { graph, note } = chooseGraph(folder.graphs, backend, {
    hasHalves: runtime.supportsFloat16 ?? false,
    ...(preferred === undefined ? {} : { preferred }),
    name: bundle.name,
  })
  const card = await describe(bundle, folder, graph, chatFormat)
  const model = await openGraph()
  const generator = Generator.over(model.model, folder.tokenizer)
  onProgress({ phase: 'warming', done: 0, total: 0 })
  const batchNote = await setBestBatchSize(generator, runtime, {
    card,
    form: 'graph',
    store,
    now: () => performance.now(),
  })
  if (signal.aborted) {
    await generator.release()
    signal.throwIfAborted()
  }
  const description: EngineTeacher['description'] = {
    card,
    backend,
    threads: runtime.threads,
    contextLength: generator.contextLength,
    batch: generator.batchSize,
    ...(chatFormat === undefined ? {} : { chatFormat }),
    capabilities: capabilitiesOf(card),
    notes: [
      note,
      ...(batchNote === undefined ? [] : [batchNote]),
      ...noteBatching(model, graph),
      ...noteMachine(runtime, card),
    ],
  }
  return new EngineTeacher(description, folder.tokenizer, generator)

  async function openGraph(): Promise<OpenedForeign> {
    const { decoder, source, data } = graph
    let done = 0
    const read = (file: ByteSource): Promise<Uint8Array> =>
      readWhole(file, signal, (bytes) =>
        onProgress({ phase: 'reading', done: (done += bytes), total: graph.bytes }),
      )
    const bytes = await read(source)
    const contents = new Map<ByteSource, Uint8Array | Blob>()
    // A blob goes to a graphics card piece by piece, without being in memory as a whole.
    for (const file of data.values())
      if (!contents.has(file))
        contents.set(file, backend === 'webgpu' && file.blob ? file.blob : await read(file))
    onProgress({ phase: 'building', done: 0, total: 0 })
    const external = [...data].map(([path, file]) => ({
      path,
      data: contents.get(file) ?? new Uint8Array(0),
    }))
    const outputs = ['logits', ...decoder.past.map(({ present }) => present)].map((name) => ({ name }))
    const shape = {
      vocabulary: card.vocabularySize,
      width: card.width,
      contextLength: Math.min(contextLength, card.contextLength),
    }
    try {
      return await openForeignModel(runtime, { bytes, external, outputs }, decoder, shape, BATCH_SIZE)
    } catch (thrown) {
      throw explainFailure(thrown, graph.path)
    }
  }
}

/** Reads small files and headers, and builds the tokenizer. */
async function readFolder(bundle: ModelBundle, chatFormat?: ChatFormat): Promise<Folder> {
  const refuse = (sentence: string): RetortError =>
    new RetortError('ModelRefused', `“${bundle.name}”: ${sentence}`)
  const files = new FolderFiles(bundle)
  const genai = await files.readJson('genai_config.json')
  const config =
    genai === undefined
      ? await files.requireJson('config.json')
      : ((await files.readJson('config.json')) ?? {})
  const kind = refuseKind(config)
  if (kind !== undefined) throw refuse(kind)
  const graphs = await readGraphs(bundle)
  const made = tokenizerFromFolder(
    {
      tokenizerJson: await files.requireJson('tokenizer.json'),
      tokenizerConfig: await files.readJson('tokenizer_config.json'),
      specialTokensMap: await files.readJson('special_tokens_map.json'),
      config,
      generationConfig: await files.readJson('generation_config.json'),
      chatTemplate:
        (await files.readText('chat_template.jinja')) ?? (await files.readJson('chat_template.json')),
    },
    chatFormat,
  )
  if (!made.ok) throw refuse(made.sentence)
  const contextLength =
    sizeOf(config, ['max_position_embeddings', 'n_positions', 'n_ctx', 'max_seq_len', 'seq_length']) ??
    sizeOf(fieldOf(genai, 'model'), ['context_length']) ??
    DEFAULT_CONTEXT
  return {
    graphs,
    tokenizer: made.tokenizer,
    config,
    contextLength: Math.min(contextLength, MAX_CONTEXT),
  }
}

function refuseKind(config: unknown): string | undefined {
  if (fieldOf(config, 'is_encoder_decoder') === true)
    return 'it has an encoder and a decoder (such as T5 or Whisper). Only decoder models are supported: choose one of them.'
  if (fieldOf(config, 'vision_config') !== undefined || fieldOf(config, 'audio_config') !== undefined)
    return 'it is a vision or audio model of several graphs. Only text models are supported: choose one of them.'
  return undefined
}

async function describe(
  bundle: ModelBundle,
  { tokenizer, config, contextLength }: Folder,
  graph: OnnxGraph,
  chatFormat?: ChatFormat,
): Promise<SizedCard> {
  const { decoder } = graph
  const { parameters, tensorTypes } = countWeights(graph)
  const vocabularySize = decoder.vocabulary ?? sizeOf(config, ['vocab_size']) ?? tokenizer.vocabularySize
  const architecture = fieldOf(config, 'model_type')
  const licence = fieldOf(config, 'license')
  const [weights] = [...graph.data.values()]
  return {
    name: bundle.name.replace(/\.onnx$/i, ''),
    form: 'onnx',
    fileName: bundle.name,
    fileBytes: graph.bytes,
    architecture: typeof architecture === 'string' && architecture.length <= 60 ? architecture : 'decoder',
    parameters,
    quantisation: graph.quantisation,
    tensorTypes,
    contextLength,
    vocabularySize,
    layers: decoder.layers,
    width: sizeOf(config, ['hidden_size', 'n_embd', 'd_model', 'dim']) ?? 0,
    ...(typeof licence === 'string' && licence !== '' && licence.length <= 200 ? { licence } : {}),
    memoryBytes: graph.memoryBytes,
    fingerprint: await fingerprintOf(
      [
        new TextEncoder().encode(JSON.stringify(config)),
        await graph.source.read(0, Math.min(graph.source.size, HEADER_BYTES)),
      ],
      weights ?? graph.source,
      0,
    ),
    hasChatTemplate: tokenizer.hasChatTemplate,
    ...describeChat(tokenizer, chatFormat),
  }
}

/** The first of the fields that contains a size. */
const sizeOf = (of: unknown, keys: readonly string[]): number | undefined =>
  keys
    .map((key) => fieldOf(of, key))
    .find((value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value > 0)

/** Reads a file in chunks into one array, without another copy. */
async function readWhole(
  file: ByteSource,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): Promise<Uint8Array> {
  const all = new Uint8Array(file.size)
  for (let at = 0; at < file.size; at += CHUNK) {
    signal.throwIfAborted()
    const piece = await file.read(at, Math.min(file.size, at + CHUNK))
    all.set(piece, at)
    onBytes(piece.length)
  }
  return all
}

function noteBatching({ batching }: OpenedForeign, { decoder }: OnnxGraph): string[] {
  if (decoder.quantizesPerBatch)
    return [
      'Its activations are rounded by the largest value in a forward pass (dynamic quantisation). Rows therefore run one at a time, and probabilities differ a little with how a text is split into forward passes. Graphs of floats or of 4 bits have neither limit.',
    ]
  if (batching === 'single')
    return [
      'Rows run one at a time: a test during loading showed that this graph computes different numbers in a batch. A GGUF file of the same model is several times faster.',
    ]
  if (batching === 'equal')
    return [
      'Only rows of equal length share a batch: a test during loading showed that this graph needs it. A GGUF file of the same model is faster.',
    ]
  return []
}

/** Turns the runtime's error about a graph that it cannot build or run into a refusal with the op's name. */
function explainFailure(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof EngineError) || thrown.kind !== 'broken') return thrown
  const text = thrown.cause instanceof Error ? thrown.cause.message : thrown.message
  const refuse = (sentence: string): RetortError =>
    new RetortError(
      'ModelRefused',
      `${path} cannot be run: ${sentence} Use the GGUF file of this model, or a graph that was exported for transformers.js.`,
      { cause: thrown },
    )
  const missing =
    /Could not find an implementation for ([\w.]+)\((\d+)\)/.exec(text) ??
    /No Op registered for ([\w.]+) with domain_version of (\d+)/.exec(text)
  if (missing !== null) return refuse(`its op ${missing[1]} (version ${missing[2]}) is not in the runtime.`)
  const unknown = /([\w.]+:[\w.]+)\(-?\d+\) is not a registered function\/op/.exec(text)
  if (unknown !== null) return refuse(`its op ${unknown[1]} is not in the runtime.`)
  const opset = /opset (\d+) is under development|version (\d+) of (?:domain|opset)/i.exec(text)
  if (opset !== null) return refuse(`its set of ops (${opset[1] ?? opset[2]}) is newer than the runtime.`)
  const node = /running (\w+) node\.[\s\S]*?Status Message: ([^\n]{1,200})/.exec(text)
  if (node !== null) return refuse(`its op ${node[1]} fails (${node[2]}).`)
  return thrown
}
