// Knows: the graphs in a folder of ONNX files: what each is made of, which files hold its weights, and which of several is taken where.
// Must not know: tokenizers, sessions.
import type { Backend, WeightForm } from '../../src/domain/model.ts'
import { describeForeignDecoder, type ForeignDecoder } from '../../src/engine/weights/onnx-decoder.ts'
import { readOnnxHeader, type OnnxConstant, type OnnxHeader } from '../../src/engine/weights/onnx-header.ts'
import { quote } from '../../src/engine/weights/quote.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { ModelBundle } from './bundle.ts'
import { WASM_LIMIT } from './weight-form.ts'

export interface OnnxGraph {
  /** Place in the folder. */
  readonly path: string
  readonly source: ByteSource
  readonly header: OnnxHeader
  readonly decoder: ForeignDecoder
  /** Files beside the graph, by the names that it knows them by. */
  readonly data: ReadonlyMap<string, ByteSource>
  /** Of the graph and those files. */
  readonly bytes: number
  /** Such as `F32`, `F16`, `Q4`, `Q4F16`, `INT8`. */
  readonly quantisation: string
  readonly isPacked: boolean
  readonly memoryBytes: { readonly wasm: number; readonly webgpu: number }
}

/** Parts of models that are several graphs. */
const PART = /encoder|vision|image|audio|speech|embed_tokens|embed_images|decoder_with_past|talker/i
const isGraph = (path: string): boolean => /\.onnx$/i.test(path)

/**
 * Bytes in memory for each byte of files, the file itself and the runtime's copies. On wasm weights inside of the graph's file are copied
 * once more while it is read (SmolLM2-135M: a heap of 3.2 times its 539 MB), and half precision is widened. On WebGPU: the file, the card.
 */
const WASM_COPIES = { inside: 4.2, beside: 2.6, widened: 1.7 } as const
const WEBGPU_COPIES = 2

/** Every decoder among the files; throws `ModelRefused` where there is none, or one of several parts of a model. */
export async function readGraphs({
  name,
  files,
}: ModelBundle): Promise<readonly [OnnxGraph, ...OnnxGraph[]]> {
  const refuse = (sentence: string): RetortError => new RetortError('ModelRefused', `“${name}”: ${sentence}`)
  const paths = [...files.keys()].filter(isGraph)
  const part = paths.find((path) => PART.test(path.slice(path.lastIndexOf('/') + 1)))
  if (part !== undefined)
    throw refuse(
      `it is a model of several graphs (${quote(part)} is one of them), such as those with an encoder or those that see and hear. Models of one graph that continues text are run: choose one of them.`,
    )
  if (paths.length > 32) throw refuse(`it holds ${paths.length} graphs. Choose the folder of one model.`)
  const graphs: OnnxGraph[] = []
  let why: string | undefined
  for (const path of paths) {
    const source = files.get(path)
    const read = source && (await readGraph(path, source, files))
    if (read === undefined) continue
    if (typeof read === 'string') why ??= `${paths.length > 1 ? `${quote(path)}: ` : ''}${read}`
    else graphs.push(read)
  }
  const [first, ...others] = graphs
  if (first === undefined)
    throw refuse(why ?? 'it holds no graph (no .onnx file). Choose the whole folder of the model.')
  return [first, ...others]
}

/** A graph, or the sentence that says why it is none. */
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
    const file = data.get(external.location) ?? files.get(placeBeside(path, external.location) ?? '')
    if (file === undefined)
      return `its weights lie in ${quote(external.location)}, which is not among the files. Choose the whole folder of the model, that file included.`
    const end = external.offset + (external.length ?? 0)
    if (end > file.size)
      return `${quote(name)} reaches to byte ${end.toLocaleString('en')} of ${quote(external.location)}, which has ${file.size.toLocaleString('en')}. It was probably cut while it was downloaded or copied: get it again.`
    data.set(external.location, file)
  }
  const bytes = source.size + [...new Set(data.values())].reduce((sum, { size }) => sum + size, 0)
  const half =
    header.constants.filter(({ type }) => type === 10).length >
    header.constants.filter(({ type }) => type === 1).length
  const bits = Math.min(...header.packed.map((one) => one.bits))
  const isPacked = header.packed.length > 0 || decoder.roundsByBatch
  const quantisation =
    header.packed.length > 0
      ? `Q${bits}${half || decoder.pastType === 'f16' ? 'F16' : ''}`
      : decoder.roundsByBatch
        ? 'INT8'
        : half || decoder.pastType === 'f16'
          ? 'F16'
          : 'F32'
  const wasm =
    (WASM_COPIES.inside * source.size + WASM_COPIES.beside * (bytes - source.size)) *
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

/** The place in the folder of a file that a graph names; undefined for names that lead out of it. */
function placeBeside(graph: string, location: string): string | undefined {
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

/** Weights of a graph, those that packed bits stand for, and how many tensors have which type. Tables of positions are none. */
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
    if (table === undefined || seen.has(table.name)) continue // one matrix may serve twice
    seen.add(table.name)
    // Four-bit numbers of ONNX's own are counted one by one in a shape; bytes hold 8 / bits of them.
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

/** Floats up to this size go to a graphics card as they are. */
const LARGE_FLOATS = 2 * 2 ** 30

/** Where a graph stands among its like on a backend, the best first; undefined where it cannot be run there. */
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
  return half ? 1 : bytes <= LARGE_FLOATS ? 0 : 4
}

export interface ChosenGraph {
  readonly graph: OnnxGraph
  /** Why it, in a sentence for the person. */
  readonly note: string
}

/**
 * The graph to run: floats where they fit, since what packs them in such folders rounds them; half precision on graphics cards that have it.
 * What was wanted (floats or packed) goes before. Throws `ModelRefused` where none can be run.
 */
export function chooseGraph(
  graphs: readonly [OnnxGraph, ...OnnxGraph[]],
  backend: Backend,
  {
    hasHalves,
    wanted,
    name,
  }: { readonly hasHalves: boolean; readonly wanted?: WeightForm; readonly name: string },
): ChosenGraph {
  const ranked = graphs
    .flatMap((graph) => {
      const place = rank(graph, backend, hasHalves)
      return place === undefined
        ? []
        : [
            {
              graph,
              place: wanted !== undefined && graph.isPacked !== (wanted === 'nb4s') ? place + 100 : place,
            },
          ]
    })
    .toSorted((a, b) => a.place - b.place)
  const [best] = ranked
  if (best === undefined) throw new RetortError('ModelRefused', whyNone(graphs, backend, name))
  const { graph } = best
  const file = graph.path.slice(graph.path.lastIndexOf('/') + 1)
  if (graphs.length === 1)
    return { graph, note: `The graph is computed as its maker wrote it (${graph.quantisation}).` }
  const why =
    wanted !== undefined && best.place < 100
      ? 'as you chose'
      : graph.isPacked
        ? 'floats would not fit'
        : backend === 'wasm'
          ? 'its floats are the fastest on the processor, and they fit'
          : 'its weights are not rounded to few bits, and they fit'
  return {
    graph,
    note: `Of the ${graphs.length} graphs in the folder ${file} is run (${graph.quantisation}): ${why}.`,
  }
}

function whyNone(
  [first, ...others]: readonly [OnnxGraph, ...OnnxGraph[]],
  backend: Backend,
  name: string,
): string {
  if (backend === 'webgpu')
    return `“${name}” computes in half precision, and this graphics card has none (shader-f16). Choose wasm, or a folder with a graph of 32-bit floats or of 4 bits (model_q4.onnx).`
  const least = Math.min(first.memoryBytes.wasm, ...others.map(({ memoryBytes }) => memoryBytes.wasm))
  return `“${name}” needs about ${(least / 2 ** 30).toFixed(1)} GiB, and wasm has 4. Choose a smaller model, a graph of fewer bits, or WebGPU.`
}
