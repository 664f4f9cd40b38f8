// Knows: how a list of operations is written for the kernels: the words of each record (assembly/program.as reads them).
// Must not know: which operations a model needs (decoder.ts).
import type { KernelHeap } from './heap.ts'
import { BLOCK, EXACT, GROUP_ROWS, OPS, RECORD, unpackedBytes } from './layouts.ts'
import type { KernelMatrix } from './matrix.ts'

/** Rows of floats: the address of the first, and bytes from row to row. */
export interface Rows {
  readonly address: number
  /** Bytes of a row; a multiple of 128, since rows are whole blocks. */
  readonly bytes: number
}

/** Chunks per thread: enough that a slow core takes fewer than a fast one. */
const CHUNKS_PER_THREAD = 4

export class Program {
  readonly address: number
  readonly #heap: KernelHeap
  readonly #capacity: number
  readonly #threads: number
  /** A group of weights as floats, for each thread. */
  readonly #unpacked: number
  readonly #unpackedBytes: number
  #count = 0

  /** `capacity`: most operations; `columns`: most columns of a matrix. */
  constructor(heap: KernelHeap, capacity: number, threads: number, columns: number) {
    this.#heap = heap
    this.#capacity = capacity
    this.#threads = threads
    this.address = heap.allocate(capacity * RECORD.bytes)
    this.#unpackedBytes = unpackedBytes(columns)
    this.#unpacked = heap.allocate(threads * this.#unpackedBytes)
  }

  get operations(): number {
    return this.#count
  }

  clear(): void {
    this.#count = 0
  }

  /**
   * y[r] = x[s] / rms(x[s]) · weight after x[s] += t[s], with s = index[r] or r. `t`: absent if nothing is added; `post`: gain of a norm
   * of t before. `rounded`: y is also rounded to there.
   */
  norm(args: {
    readonly x: Rows
    readonly t?: Rows | undefined
    readonly post?: number
    readonly weight: number
    readonly y: Rows
    readonly rows: number
    readonly width: number
    readonly epsilon: number
    readonly rounded?: number | undefined
    readonly index?: number
  }): void {
    const { x, t, post = 0, weight, y, rows, width, epsilon, rounded = 0, index = 0 } = args
    const per = this.#share(rows)
    const float = this.#add(OPS.norm, Math.ceil(rows / per), [
      x.address,
      t?.address ?? 0,
      post,
      weight,
      y.address,
      rows,
      width,
      x.bytes / 4,
      0,
      rounded,
      index,
      per,
    ])
    float(10, epsilon)
  }

  /**
   * y = x · matrix for `rows` rows; parts of integers take the rounded activations, or without them the floats, and parts of floats take
   * the floats.
   */
  product(matrix: KernelMatrix, x: Rows, rounded: number | undefined, y: Rows, rows: number): void {
    for (const { code, kind, address, firstRow, rows: own } of matrix.parts) {
      const groups = Math.ceil(own / GROUP_ROWS)
      const per = this.#share(groups)
      this.#add(OPS.product, Math.ceil(groups / per), [
        rounded === undefined ? code | EXACT : code,
        address,
        kind === 'floats' || rounded === undefined ? x.address : rounded,
        y.address + firstRow * 4,
        groups,
        per,
        rows,
        matrix.K,
        y.bytes,
        x.bytes,
        this.#unpacked,
        this.#unpackedBytes,
      ])
    }
  }

  /** Biases, norms and rotation of q|k|v by position, and keys and values into their pages. Addresses are 0 for what there is not. */
  rotate(args: {
    readonly qkv: Rows
    readonly positions: number
    readonly tables: number
    readonly bias: number
    readonly queryNorm: number
    readonly keyNorm: number
    readonly cos: number
    readonly sin: number
    readonly heads: number
    readonly kvHeads: number
    readonly headWidth: number
    readonly epsilon: number
    readonly scale: number
    readonly offset: number
    readonly rows: number
  }): void {
    const { qkv, positions, tables, bias, queryNorm, keyNorm, cos, sin, heads, kvHeads, headWidth } = args
    const float = this.#add(OPS.rotate, args.rows, [
      qkv.address,
      qkv.bytes,
      positions,
      tables,
      bias,
      queryNorm,
      keyNorm,
      cos,
      sin,
      heads,
      kvHeads,
      headWidth,
      0,
      0,
      args.offset,
    ])
    float(14, args.epsilon)
    float(15, args.scale)
  }

  /** Attention of every row over its pages; window 0: all positions. `scratch`: lines of scores, `scratchBytes` for each thread. */
  attend(args: {
    readonly qkv: Rows
    readonly positions: number
    readonly tables: number
    readonly out: Rows
    readonly heads: number
    readonly kvHeads: number
    readonly headWidth: number
    readonly offset: number
    readonly window: number
    readonly scratch: number
    readonly scratchBytes: number
    readonly rows: number
  }): void {
    const { qkv, positions, tables, out, heads, kvHeads, headWidth, offset, window, scratch, rows } = args
    this.#add(OPS.attend, rows * kvHeads, [
      qkv.address,
      qkv.bytes,
      positions,
      tables,
      out.address,
      out.bytes,
      heads,
      kvHeads,
      headWidth,
      offset,
      window,
      scratch,
      args.scratchBytes,
      rows,
    ])
  }

  /** Rounds rows. */
  round(x: Rows, rounded: number, rows: number): void {
    const per = this.#share(rows)
    this.#add(OPS.round, Math.ceil(rows / per), [x.address, x.bytes, rounded, rows, x.bytes / 4, per])
  }

  /** h = activation(gate) · up of rows gate|up; `rounded`: h is also rounded to there. */
  gate(gateUp: Rows, width: number, h: Rows, isGelu: boolean, rows: number, rounded = 0): void {
    const per = this.#share(rows)
    this.#add(OPS.gate, Math.ceil(rows / per), [
      gateUp.address,
      gateUp.bytes,
      width,
      h.address,
      h.bytes,
      isGelu ? 1 : 0,
      rows,
      rounded,
      per,
    ])
  }

  /** Items in a chunk. */
  #share(items: number): number {
    return this.#threads === 1 ? items : Math.ceil(items / (this.#threads * CHUNKS_PER_THREAD))
  }

  /** Adds a record: words from the third on; returns a function that sets a word to a float. */
  #add(code: number, chunks: number, args: readonly number[]): (word: number, value: number) => void {
    if (this.#count === this.#capacity) throw new RangeError('the program is full')
    const at = (this.address + this.#count++ * RECORD.bytes) / 4
    const { integers, floats } = this.#heap
    integers.fill(0, at, at + RECORD.bytes / 4)
    integers[at] = code
    integers[at + 1] = chunks
    args.forEach((arg, i) => (integers[at + 2 + i] = arg))
    return (word, value) => (floats[at + word] = value)
  }
}

/** Bytes of a row of `count` floats, in whole blocks. */
export const rowBytes = (count: number): number => Math.ceil(count / BLOCK) * BLOCK * 4
