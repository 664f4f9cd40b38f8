// Knows: how numbers are laid out in the kernels' memory: activations rounded to 8 bits, packed weights, the records of a program. The
// generator of the kernels and the packers both read them here.
// Must not know: files, graphs, threads.

/** Elements that share a scale, along K. */
export const BLOCK = 32
/** Rows of activations in a tile. */
export const TILE_ROWS = 4
/** Rows of weights in a group; a group is two halves of four rows, because a vector holds four rows. */
export const GROUP_ROWS = 8
export const HALF_ROWS = 4
/** Positions of a page of the KV cache. */
export const PAGE_POSITIONS = 16

/**
 * How a module multiplies integers; the bits of the results are the same.
 * `unsigned`: relaxed dot of signed by unsigned bytes (x86 with VNNI). `signed`: of signed bytes (ARM with dot product).
 * `pairs`: relaxed products of pairs in 16 bits (x86 without VNNI). `plain`: 16-bit products, without relaxed instructions.
 */
export const DOTS = ['unsigned', 'signed', 'pairs', 'plain'] as const
export type Dot = (typeof DOTS)[number]

/**
 * One tile of four rows of activations, for each block of 32:
 * - four times 32 integers, 8 bits each; `plain`: 16 bits, in each four the order 0 2 1 3;
 * - at `scales`, six vectors with a number for each row: d · 2^112, d · sum · 2^112, START − 8 · sum, START − 8 · sum of the first
 *   half (both integers), d, d · sum.
 */
export interface ActivationLayout {
  readonly rowBytes: number
  readonly scales: number
  readonly bytes: number
}
export const activationLayout = (dot: Dot): ActivationLayout => {
  const rowBytes = dot === 'plain' ? 2 * BLOCK : BLOCK
  return { rowBytes, scales: TILE_ROWS * rowBytes, bytes: TILE_ROWS * rowBytes + 6 * 16 }
}
/** Offsets of the six vectors from `scales`. */
export const SCALE_FIELDS = { halfD: 0, halfSum: 16, start: 32, startOfHalf: 48, d: 64, sum: 80 } as const

/** 0x4B400000 are the bits of 1.5 · 2^23: an integer added to them is read as a float without a conversion. */
export const MAGIC = 0x4b40_0000
/** MAGIC / 16: shifted left by four, START − 8 · sum is MAGIC − 128 · sum, which removes the offset of bytes. */
export const START = MAGIC / 16
/** A half-precision number whose bits are shifted into a float is 2^-112 of its value; activations carry the factor. */
export const HALF_FACTOR = 2 ** 112

/**
 * A kind of packed weights, w = d · (q − offset) + m. A half of a group (four rows) has for each block of 32:
 * the scales of its rows (d, then m or the second d), then the integers, in which a vector holds four elements of each of four rows.
 * Four bits: low nibbles are elements 8 j … 8 j + 3, high ones the next four.
 * Eight bits: the integer plus 128, or as it is for `signed`.
 */
export interface PackedKind {
  readonly code: number
  readonly bits: 4 | 8
  /** `half`: two half-precision numbers (d, m) per row. `float`: floats. */
  readonly scales: 'half' | 'float'
  /** Numbers per row and block: 1 (d), 2 (d and m, or d of each half of the block). */
  readonly hasMinimum: boolean
  /** d belongs to 16 elements instead of 32. */
  readonly halves: boolean
}

export const PACKED = {
  /** Q4_0, Q4_1. */
  q4: { code: 1, bits: 4, scales: 'half', hasMinimum: true, halves: false },
  /** Q4_K: its scales are products that need more than half precision. */
  q4f: { code: 2, bits: 4, scales: 'float', hasMinimum: true, halves: false },
  /** Q8_0, Q5_0, and floats rounded to 8 bits. */
  q8: { code: 3, bits: 8, scales: 'float', hasMinimum: false, halves: false },
  /** Q5_1, Q5_K. */
  q8m: { code: 4, bits: 8, scales: 'float', hasMinimum: true, halves: false },
  /** Q6_K. */
  q8h: { code: 5, bits: 8, scales: 'float', hasMinimum: false, halves: true },
} as const satisfies Readonly<Record<string, PackedKind>>
export type PackedName = keyof typeof PACKED
export const PACKED_NAMES = Object.keys(PACKED) as readonly PackedName[]

/** Code of plain floats, [K][8] for each group. */
export const FLOAT_CODE = 0
/** Added to a kind's code: activations are floats, and each group of weights is unpacked to floats. */
export const EXACT = 32
/** Bytes of a group of weights as floats. */
export const unpackedBytes = (K: number): number => roundUp(K, BLOCK) * GROUP_ROWS * 4

/** Bytes of the scales, and of a whole block, of half a group. */
export const scaleBytes = ({ scales, hasMinimum, halves }: PackedKind): number =>
  HALF_ROWS * (scales === 'half' ? 2 : 4) * (hasMinimum || halves ? 2 : 1)
export const blockBytes = (kind: PackedKind): number => scaleBytes(kind) + (HALF_ROWS * BLOCK * kind.bits) / 8

export const roundUp = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple

/** Bytes of a packed matrix of N rows of K, both rounded up. */
export const packedBytes = (kind: PackedKind, K: number, N: number): number =>
  (roundUp(N, GROUP_ROWS) / HALF_ROWS) * (roundUp(K, BLOCK) / BLOCK) * blockBytes(kind)
/** Bytes of a matrix of floats; K and N are rounded up as for packed ones. */
export const floatBytes = (K: number, N: number): number => roundUp(N, GROUP_ROWS) * roundUp(K, BLOCK) * 4
/** Bytes of `rows` rows of activations of K. */
export const activationBytes = (dot: Dot, rows: number, K: number): number =>
  Math.ceil(rows / TILE_ROWS) * (roundUp(K, BLOCK) / BLOCK) * activationLayout(dot).bytes

/** An operation of a program: 32 words, then its counters in a cache line of their own. */
export const RECORD = {
  words: 32,
  bytes: 192,
  /** Chunks that were taken, chunks that are complete, threads that sleep until all are. */
  taken: 128,
  complete: 132,
  sleepers: 136,
} as const

/** Codes of the operations (assembly/program.as). */
export const OPS = { norm: 1, product: 2, rotate: 3, attend: 4, round: 5, gate: 6 } as const

/** What threads share in addition to a program, each word in a cache line of its own (assembly/threads.as). */
export const CONTROL = {
  /** Number of the last program. */
  sequence: 0,
  /** Number of the program that may be entered; 0 if there is none. */
  open: 64,
  /** Helpers inside a program. */
  inside: 128,
  /** Threads that sleep until `sequence` or `inside` changes. */
  sleepers: 192,
  /** Helpers of this number and above return; 0: none does. */
  quit: 256,
  program: 320,
  operations: 324,
  /** Helpers that serve. */
  ready: 384,
  /** Helpers of this number and above take no part in the next program; 0: all do. */
  limit: 448,
  bytes: 512,
} as const
