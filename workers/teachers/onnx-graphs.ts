// Knows: the graphs in a folder of ONNX files: their contents, the files of their weights, and which of several runs on which backend.
// Must not know: tokenizers, sessions.
import type { Backend } from '../../src/domain/machine.ts'
import type { WeightForm } from '../../src/domain/weight-form.ts'
import { describeForeignDecoder, type ForeignDecoder } from '../../src/engine/weights/onnx/onnx-decoder.ts'
import {
  readOnnxHeader,
  type OnnxConstant,
  type OnnxHeader,
} from '../../src/engine/weights/onnx/onnx-header.ts'
import { quote } from '../../src/engine/weights/quote.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { ModelBundle } from './bundle.ts'
import { WASM_LIMIT } from './weight-form.ts'

export interface OnnxGraph {
  /** Path in the folder. */
  readonly path: string
  readonly source: ByteSource
  readonly header: OnnxHeader
  readonly decoder: ForeignDecoder
  /** Files next to the graph, by the names that the graph uses. */
  readonly data: ReadonlyMap<string, ByteSource>
  /** Total of the graph and those files. */
  readonly bytes: number
  /** Such as `F32`, `F16`, `Q4`, `Q4F16`, `INT8`. */
  readonly quantisation: string
  readonly isPacked: boolean
  readonly memoryBytes: { readonly wasm: number; readonly webgpu: number }
}

/** File names of graphs that are one part of a model of several graphs. */
const PART = /encoder|vision|image|audio|speech|embed_tokens|embed_images|decoder_with_past|talker/i
const isGraph = (path: string): boolean => /\.onnx$/i.test(path)

/**
 * Bytes in memory for each byte of files: the file itself and the runtime's copies. On wasm, weights embedded in the graph's file are copied
 * once more while it is read (SmolLM2-135M: a heap of 3.2 times its 539 MB), and half precision is widened. On WebGPU: the file, the card.
 */
const WASM_COPIES = { embedded: 4.2, external: 2.6, widened: 1.7 } as const
const WEBGPU_COPIES = 2

/** Every decoder among the files; throws `ModelRefused` if there is none, or if a model consists of several graphs. */
export async function readGraphs({
  name,
  files,
}: ModelBundle): Promise<readonly [OnnxGraph, ...OnnxGraph[]]> {
  const refuse = (sentence: string): RetortError => new RetortError('ModelRefused', `“${name}”: ${sentence}`)
  const paths = [...files.keys()].filter(isGraph)
  const part = paths.find((path) => PART.test(path.slice(path.lastIndexOf('/') + 1)))
  if (part !== undefined)
    throw refuse(
      `it is a model of several graphs (${quote(part)} is one of them), such as encoder-decoder, vision or audio models. Only decoder models of one graph are supported: choose one of them.`,
    )
  if (paths.length > 32) throw refuse(`it has ${paths.length} graphs. Choose the folder of one model.`)
  const graphs: OnnxGraph[] = []
  let reason: string | undefined
  for (const path of paths) {
    const source = files.get(path)
    const read = source && (await readGraph(path, source, files))
    if (read === undefined) continue
    if (typeof read === 'string') reason ??= `${paths.length > 1 ? `${quote(path)}: ` : ''}${read}`
    else graphs.push(read)
  }
  const [first, ...others] = graphs
  if (first === undefined)
    throw refuse(reason ?? 'it has no graph (no .onnx file). Choose the whole folder of the model.')
  return [first, ...others]
}

/** A graph, or a sentence with the reason why it cannot be used. */
async function readGraph(
  path: string,
  source: ByteSource,
  files: ModelBundle['files'],
): Promise<OnnxGraph | string> {
  const read = await readOnnxHeader(source)
  if (read.kind === 'refused') return read.sentence
  const { header } = read
  const described = describeForeignDecoder(header)
  if (!described.ok) return described.sentence
  const { decoder } = described
  const data = new Map<string, ByteSource>()
  for (const { name, external } of header.constants) {
    if (external === undefined) continue
    const file = data.get(external.location) ?? files.get(resolvePath(path, external.location) ?? '')
    if (file === undefined)
      return `its weights are in ${quote(external.location)}, which is not among the files. Choose the whole folder of the model, including that file.`
    const end = external.offset + (external.length ?? 0)
    if (end > file.size)
      return `${quote(name)} reaches to byte ${end.toLocaleString('en')} of ${quote(external.location)}, which has ${file.size.toLocaleString('en')}. It was probably truncated during a download or copy: get it again.`
    data.set(external.location, file)
  }
  const bytes = source.size + [...new Set(data.values())].reduce((sum, { size }) => sum + size, 0)
  const half =
    header.constants.filter(({ type }) => type === 10).length >
    header.constants.filter(({ type }) => type === 1).length
  const bits = Math.min(...header.packed.map((one) => one.bits))
  const isPacked = header.packed.length > 0 || decoder.quantizesPerBatch
  const quantisation =
    header.packed.length > 0
      ? `Q${bits}${half || decoder.pastType === 'f16' ? 'F16' : ''}`
      : decoder.quantizesPerBatch
        ? 'INT8'
        : half || decoder.pastType === 'f16'
          ? 'F16'
          : 'F32'
  const wasm =
    (WASM_COPIES.embedded * source.size + WASM_COPIES.external * (bytes - source.size)) *
    (quantisation === 'F16' ? WASM_COPIES.widened : 1)
  return {
    path,
    source,
    header,
    decoder,
    data,
    bytes,
    quantisation,
    isPacked,
    memoryBytes: { wasm: Math.round(wasm), webgpu: bytes * WEBGPU_COPIES },
  }
}

/** The path of a file that a graph names; undefined for names that lead out of the folder. */
function resolvePath(graph: string, location: string): string | undefined {
  const parts = location.replace(/^\.\//, '').split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..' || /[\\:]/.test(part)))
    return undefined
  return graph.slice(0, graph.lastIndexOf('/') + 1) + parts.join('/')
}

const NAMES: Readonly<Record<number, string>> = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  10: 'F16',
  16: 'BF16',
  21: 'U4',
  22: 'I4',
}
const isWeight = ({ type, shape }: OnnxConstant): boolean => type in NAMES && shape.length > 0

/** The number of a graph's weights, packed ones included, and of tensors by type. Position tables do not count. */
export function countWeights({ header }: OnnxGraph): {
  readonly parameters: number
  readonly tensorTypes: Readonly<Record<string, number>>
} {
  const elementsOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)
  const inPacks = new Set(header.packed.flatMap(({ constants }) => constants))
  const byName = new Map(header.constants.map((one) => [one.name, one]))
  const types = new Map<string, number>()
  let parameters = 0
  const seen = new Set<string>()
  for (const { bits, elements, constants } of header.packed) {
    const table = byName.get(constants[0] ?? '')
    if (table === undefined || seen.has(table.name)) continue // one matrix may be used twice
    seen.add(table.name)
    // ONNX's own four-bit types count single numbers in a shape; a byte holds 8 / bits of them.
    parameters += elements > 0 ? elements : elementsOf(table.shape) * (table.type === 2 ? 8 / bits : 1)
    types.set(`Q${bits}`, (types.get(`Q${bits}`) ?? 0) + 1)
  }
  for (const one of header.constants) {
    if (!isWeight(one) || inPacks.has(one.name) || header.tables.has(one.name)) continue
    parameters += elementsOf(one.shape)
    const type = NAMES[one.type] ?? ''
    types.set(type, (types.get(type) ?? 0) + 1)
  }
  return { parameters, tensorTypes: Object.fromEntries(types) }
}

/** Floats up to this size go to a graphics card unpacked. */
const MAX_FLOAT_BYTES = 2 * 2 ** 30

/** A graph's rank on a backend, the lowest is best; undefined if it cannot run there. */
function rank(
  { quantisation, isPacked, decoder, bytes, memoryBytes }: OnnxGraph,
  backend: Backend,
  hasHalves: boolean,
): number | undefined {
  const half = decoder.pastType === 'f16' || quantisation.endsWith('F16')
  if (backend === 'wasm')
    return memoryBytes.wasm > WASM_LIMIT
      ? undefined
      : (half ? 10 : 0) + (isPacked ? (quantisation === 'INT8' ? 2 : 1) : 0)
  if (half && !hasHalves) return undefined
  if (quantisation === 'INT8') return 9
  if (isPacked) return half ? 2 : 3
  return half ? 1 : bytes <= MAX_FLOAT_BYTES ? 0 : 4
}

export interface ChosenGraph {
  readonly graph: OnnxGraph
  /** The reason, in a sentence for the person. */
  readonly note: string
}

/**
 * The graph to run: floats if they fit, because packed graphs in such folders are rounded; half precision on graphics cards that have it.
 * The requested form (floats or packed) takes precedence. Throws `ModelRefused` if none can run.
 */
export function chooseGraph(
  graphs: readonly [OnnxGraph, ...OnnxGraph[]],
  backend: Backend,
  {
    hasHalves,
    preferred,
    name,
  }: { readonly hasHalves: boolean; readonly preferred?: WeightForm; readonly name: string },
): ChosenGraph {
  const ranked = graphs
    .flatMap((graph) => {
      const place = rank(graph, backend, hasHalves)
      return place === undefined
        ? []
        : [
            {
              graph,
              place:
                preferred !== undefined && graph.isPacked !== (preferred === 'nb4s') ? place + 100 : place,
            },
          ]
    })
    .toSorted((a, b) => a.place - b.place)
  const [best] = ranked
  if (best === undefined) throw new RetortError('ModelRefused', explainNone(graphs, backend, name))
  const { graph } = best
  const file = graph.path.slice(graph.path.lastIndexOf('/') + 1)
  if (graphs.length === 1)
    return { graph, note: `The graph runs as it was exported (${graph.quantisation}).` }
  const reason =
    preferred !== undefined && best.place < 100
      ? 'as you chose'
      : graph.isPacked
        ? 'floats do not fit'
        : backend === 'wasm'
          ? 'floats are the fastest on the processor, and they fit'
          : 'its weights are not rounded to few bits, and they fit'
  return {
    graph,
    note: `Of the ${graphs.length} graphs in the folder, ${file} runs (${graph.quantisation}): ${reason}.`,
  }
}

function explainNone(
  [first, ...others]: readonly [OnnxGraph, ...OnnxGraph[]],
  backend: Backend,
  name: string,
): string {
  if (backend === 'webgpu')
    return `“${name}” computes in half precision, which this graphics card does not support (shader-f16). Choose the processor, or a folder with a graph of 32-bit floats or of 4 bits (model_q4.onnx).`
  const smallest = Math.min(first.memoryBytes.wasm, ...others.map(({ memoryBytes }) => memoryBytes.wasm))
  return `“${name}” needs about ${(smallest / 2 ** 30).toFixed(1)} GiB, and WebAssembly has 4. Choose a smaller model, a graph with fewer bits, or the graphics card.`
}
