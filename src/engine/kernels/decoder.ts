// Knows: the decoder as programs of kernels, from the one description of its shape: the same computation as models/decoder.ts and
// models/cached-attention.ts build as a graph, for rows of tokens of any sequences.
// Must not know: which rows belong together (generation/kernel-cache.ts), files, threads.
import { ropeTables, type DecoderShape } from '../models/shape.ts'
import { activationBytes, PAGE_POSITIONS, roundUp } from './layouts.ts'
import type { KernelMatrix } from './matrix.ts'
import { MAX_HEAD_ROWS, MAX_ROWS } from './memory.ts'
import type { Kernels } from './module.ts'
import { PagePool } from './pages.ts'
import { Program, rowBytes, type Rows } from './program.ts'
import type { Team } from './team.ts'
import type { KernelLayer, KernelWeights } from './weights.ts'

/** Query heads whose scores a thread has at the same time (build/attention-tiles.ts). */
const SCORE_LINES = 4
/** Operations of a layer, with up to three parts of a matrix each for qkv and two for gateUp. */
const PER_LAYER = 16

/** New tokens, one row for each; a sequence's tokens are in order. */
export interface TokenRow {
  readonly token: number
  readonly position: number
  /** Address of the table of its sequence's pages. */
  readonly table: number
}

export class KernelDecoder {
  readonly shape: DecoderShape
  readonly pages: PagePool
  readonly contextLength: number
  /** Whether activations stay floats where weights are integers: slower, with the numbers of the dequantised weights. */
  exact = false
  readonly #kernels: Kernels
  readonly #weights: KernelWeights
  readonly #team: Team
  readonly #program: Program
  readonly #buffers: ReturnType<typeof allocateBuffers>
  readonly #ropes: readonly (Rope | undefined)[]

  constructor(kernels: Kernels, weights: KernelWeights, team: Team, contextLength: number) {
    const { shape } = weights
    this.shape = shape
    this.contextLength = contextLength
    this.#kernels = kernels
    this.#weights = weights
    this.#team = team
    this.pages = new PagePool(kernels.heap, shape)
    const columns = Math.max(shape.width, shape.heads * shape.headWidth, shape.feedForward)
    this.#program = new Program(kernels.heap, shape.layers * PER_LAYER + 8, team.threads, columns)
    this.#buffers = allocateBuffers(kernels, shape, contextLength, team.threads)
    this.#ropes = storeRopes(kernels, shape, contextLength)
  }

  /** A table for the pages of a sequence. */
  makeTable(): number {
    return this.#kernels.heap.allocate(Math.ceil(this.contextLength / PAGE_POSITIONS) * 4)
  }

  /** Writes the addresses of a sequence's pages to its table. */
  fillTable(table: number, pages: readonly number[]): void {
    const { integers } = this.#kernels.heap
    pages.forEach((page, i) => (integers[table / 4 + i] = page))
  }

  /** Computes up to MAX_ROWS rows: their keys and values are in their pages afterwards. Throws EngineError. */
  run(rows: readonly TokenRow[]): void {
    const { floats, integers } = this.#kernels.heap
    const { x, positions, tables } = this.#buffers
    const { width, embeddingScale } = this.shape
    rows.forEach(({ token, position, table }, m) => {
      const at = (x.address + m * x.bytes) / 4
      this.#weights.embedRow(token, floats, at)
      if (embeddingScale !== undefined)
        for (let i = at; i < at + width; i++) floats[i] = (floats[i] as number) * embeddingScale
      integers[positions / 4 + m] = position
      integers[tables / 4 + m] = table
    })
    this.#program.clear()
    this.#weights.layers.forEach((layer, i) => this.#addLayer(layer, i, rows.length))
    this.#team.lead(this.#program.address, this.#program.operations)
  }

  /**
   * The logits of up to MAX_HEAD_ROWS rows of the last run, each row once: writes them to `logits[at …]`, [rows, vocabulary], and hidden
   * states after the final norm to `hidden` [rows, width], if it is given.
   */
  readLogits(
    rows: readonly number[],
    logits: Float32Array,
    at: number,
    hidden?: Float32Array,
    hiddenAt = 0,
  ): void {
    const { heap } = this.#kernels
    const { x, t, y, index, logits: out } = this.#buffers
    const { vocabulary, width, normEpsilon } = this.shape
    const last = this.#weights.layers.at(-1)
    const { head } = this.#weights
    const target = this.#roundedFor(head)
    rows.forEach((row, i) => (heap.integers[index / 4 + i] = row))
    const program = this.#program
    program.clear()
    program.norm({
      x,
      t,
      post: last?.norms.postFeedForward ?? 0,
      weight: this.#weights.finalNorm,
      y,
      rows: rows.length,
      width,
      epsilon: normEpsilon,
      rounded: target,
      index,
    })
    program.product(head, y, target, out, rows.length)
    this.#team.lead(program.address, program.operations)
    const { floats } = heap
    rows.forEach((_, i) => {
      const from = (out.address + i * out.bytes) / 4
      logits.set(floats.subarray(from, from + vocabulary), at + i * vocabulary)
      const state = (y.address + i * y.bytes) / 4
      hidden?.set(floats.subarray(state, state + width), hiddenAt + i * width)
    })
  }

  release(): Promise<void> {
    return this.#team.release()
  }

  #addLayer({ linears, norms, bias }: KernelLayer, i: number, rows: number): void {
    const program = this.#program
    const { x, t, y, qkv, attended, gateUp, h, positions, tables, scratch, scratchBytes } = this.#buffers
    const { shape } = this
    const { width, heads, kvHeads, headWidth, feedForward, normEpsilon: epsilon, local } = shape
    const before = this.#weights.layers[i - 1]
    const [forQkv, forOutput, forGateUp, forDown] = [
      this.#roundedFor(linears.qkv),
      this.#roundedFor(linears.output),
      this.#roundedFor(linears.gateUp),
      this.#roundedFor(linears.down),
    ]
    const common = { positions, tables, heads, kvHeads, headWidth, rows, offset: i * this.pages.layerBytes }

    program.norm({
      x,
      ...(before === undefined ? {} : { t, post: before.norms.postFeedForward }),
      weight: norms.attention,
      y,
      rows,
      width,
      epsilon,
      rounded: forQkv,
    })
    program.product(linears.qkv, y, forQkv, qkv, rows)
    const rope = this.#ropes[i]
    program.rotate({
      ...common,
      qkv,
      bias,
      queryNorm: norms.query,
      keyNorm: norms.key,
      cos: rope?.cos ?? 0,
      sin: rope?.sin ?? 0,
      epsilon,
      scale: shape.attentionScale ?? 1 / Math.sqrt(headWidth),
    })
    program.attend({
      ...common,
      qkv,
      out: attended,
      window: local?.layers[i] === true ? local.window : 0,
      scratch,
      scratchBytes,
    })
    if (forOutput !== undefined) program.round(attended, forOutput, rows)
    program.product(linears.output, attended, forOutput, t, rows)
    program.norm({
      x,
      t,
      post: norms.postAttention,
      weight: norms.feedForward,
      y,
      rows,
      width,
      epsilon,
      rounded: forGateUp,
    })
    program.product(linears.gateUp, y, forGateUp, gateUp, rows)
    program.gate(gateUp, feedForward, h, shape.activation === 'gelu', rows, forDown)
    program.product(linears.down, h, forDown, t, rows)
  }

  /** Where the activations of a product are rounded to; undefined if they stay floats. */
  #roundedFor({ parts }: KernelMatrix): number | undefined {
    return this.exact || parts.every(({ kind }) => kind === 'floats') ? undefined : this.#buffers.rounded
  }
}

interface Rope {
  readonly cos: number
  readonly sin: number
}

/** The tables of RoPE for each layer; undefined for those without. */
function storeRopes(
  { heap }: Kernels,
  shape: DecoderShape,
  contextLength: number,
): readonly (Rope | undefined)[] {
  const store = (of: Pick<DecoderShape, 'headWidth' | 'ropeTheta' | 'ropeFactors'>): Rope => {
    const { cos, sin } = ropeTables(of, contextLength)
    const [a, b] = [heap.allocate(cos.byteLength), heap.allocate(sin.byteLength)]
    heap.floats.set(cos, a / 4)
    heap.floats.set(sin, b / 4)
    return { cos: a, sin: b }
  }
  const { headWidth, local, noRope, layers } = shape
  const everywhere = store(shape)
  const inWindow =
    local?.ropeTheta === undefined ? everywhere : store({ headWidth, ropeTheta: local.ropeTheta })
  return Array.from({ length: layers }, (_, layer) =>
    noRope?.[layer] === true ? undefined : local?.layers[layer] === true ? inWindow : everywhere,
  )
}

/** Working memory of MAX_ROWS rows. Padding at the end of rows is zero from the start and is never written. */
function allocateBuffers(
  { heap, dot }: Kernels,
  shape: DecoderShape,
  contextLength: number,
  threads: number,
) {
  const { width, heads, kvHeads, headWidth, feedForward, vocabulary } = shape
  const rowsOf = (count: number, rows = MAX_ROWS): Rows => {
    const bytes = rowBytes(count)
    return { address: heap.allocate(rows * bytes), bytes }
  }
  // Scores begin and end with whole pages.
  const scratchBytes = roundUp(SCORE_LINES * (contextLength + 2 * PAGE_POSITIONS) * 4, 64)
  return {
    x: rowsOf(width),
    t: rowsOf(width),
    y: rowsOf(width),
    qkv: rowsOf((heads + 2 * kvHeads) * headWidth),
    attended: rowsOf(heads * headWidth),
    gateUp: rowsOf(2 * feedForward),
    h: rowsOf(feedForward),
    rounded: heap.allocate(activationBytes(dot, MAX_ROWS, Math.max(width, heads * headWidth, feedForward))),
    positions: heap.allocate(MAX_ROWS * 4),
    tables: heap.allocate(MAX_ROWS * 4),
    index: heap.allocate(MAX_HEAD_ROWS * 4),
    logits: rowsOf(vocabulary, MAX_HEAD_ROWS),
    scratch: heap.allocate(scratchBytes * threads),
    scratchBytes,
  }
}
