// Knows: the register tiles of integer products, written out for each kind of weights and each way to multiply.
// A tile is one group of weights (eight rows, two vectors) by 1 to 4 rows of activations: 16 vector registers hold its sums, and each
// activation that is loaded serves both vectors. Loops over tiles are written once per kind.
// Must not know: how the text is compiled (compile.ts).
import {
  activationLayout,
  BLOCK,
  blockBytes,
  EXACT,
  FLOAT_CODE,
  GROUP_ROWS,
  PACKED,
  PACKED_NAMES,
  SCALE_FIELDS,
  scaleBytes,
  TILE_ROWS,
  type Dot,
  type PackedKind,
} from '../layouts.ts'

const HALVES = [0, 1] as const
const list = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const lines = (...parts: readonly (string | readonly string[])[]): string => parts.flat().join('\n')

/** A vector of weights as an operand of products: how it is made of the loaded vector `p`, and the activation it meets. */
interface Operand {
  /** Index of the loaded vector in the block. */
  readonly vector: number
  /** Expression in `p`. */
  readonly from: (p: string) => string
  /** Bytes from the start of a row's activations. */
  readonly at: number
  /** In which sum it is collected; `pairs` collects upper and lower nibbles of bytes separately. */
  readonly into: 'low' | 'high'
}

/** The operands of a block in the order of their vectors. */
function listOperands({ bits }: PackedKind, dot: Dot): Operand[] {
  const masked = (p: string): string => `v128.and(${p}, nibbles)`
  const upper = (p: string): string => masked(`i16x8.shr_u(${p}, 4)`)
  if (bits === 4)
    return list(4).flatMap((vector): Operand[] =>
      dot === 'plain'
        ? [
            { vector, from: (p) => `v128.and(${p}, nibble)`, at: 16 * vector, into: 'low' },
            {
              vector,
              from: (p) => `v128.and(i16x8.shr_u(${p}, 8), nibble)`,
              at: 16 * vector + 4,
              into: 'low',
            },
            {
              vector,
              from: (p) => `v128.and(i16x8.shr_u(${p}, 4), nibble)`,
              at: 16 * vector + 8,
              into: 'low',
            },
            { vector, from: (p) => `i16x8.shr_u(${p}, 12)`, at: 16 * vector + 12, into: 'low' },
          ]
        : [
            { vector, from: masked, at: 8 * vector, into: 'low' },
            { vector, from: upper, at: 8 * vector + 4, into: 'low' },
          ],
    )
  return list(8).flatMap((vector): Operand[] =>
    dot === 'plain'
      ? [
          { vector, from: (p) => `v128.and(${p}, byte)`, at: 8 * vector, into: 'low' },
          { vector, from: (p) => `i16x8.shr_u(${p}, 8)`, at: 8 * vector + 4, into: 'low' },
        ]
      : dot === 'pairs'
        ? [
            { vector, from: upper, at: 4 * vector, into: 'high' },
            { vector, from: masked, at: 4 * vector, into: 'low' },
          ]
        : [{ vector, from: (p) => p, at: 4 * vector, into: 'low' }],
  )
}

/**
 * The tile of `rows` rows. Sums of integers begin at MAGIC, so that they are read as floats; those of bytes also without their offset.
 * A tile of one row has two sums per vector, because one product would otherwise wait for the one before.
 */
function writeTile(name: string, kind: PackedKind, dot: Dot, rows: number): string {
  const layout = activationLayout(dot)
  const half = blockBytes(kind)
  const firstVector = scaleBytes(kind)
  const splits = rows === 1 && dot !== 'pairs'
  const operands = listOperands(kind, dot)
  const spans = kind.halves
    ? [operands.filter(({ vector }) => vector < 4), operands.filter(({ vector }) => vector >= 4)]
    : [operands]
  const each = (write: (n: number, r: number) => string): string[] =>
    HALVES.flatMap((n) => list(rows).map((r) => write(n, r)))
  const activation = (r: number, at: number): string => `v128.load32_splat(a, ${r * layout.rowBytes + at})`
  const field = (r: number, offset: number): string =>
    `v128.load32_splat(a, ${layout.scales + offset + 4 * r})`

  /** What a sum of integers begins with. */
  const startOf = (r: number, span: number): string => {
    if (kind.bits === 4 || dot === 'signed') return 'magic'
    if (!kind.halves) return `i32x4.shl(${field(r, SCALE_FIELDS.start)}, 4)`
    const first = field(r, SCALE_FIELDS.startOfHalf)
    return span === 0
      ? `i32x4.shl(${first}, 4)`
      : `i32x4.add(i32x4.shl(i32x4.sub(${field(r, SCALE_FIELDS.start)}, ${first}), 4), magic)`
  }
  const [dField, sumField] =
    kind.scales === 'half' ? [SCALE_FIELDS.halfD, SCALE_FIELDS.halfSum] : [SCALE_FIELDS.d, SCALE_FIELDS.sum]

  const writeSpan = (span: readonly Operand[], index: number): string[] => {
    const begun = new Set<string>()
    let turn = 0
    const multiply = ({ at, into }: Operand): string[] => {
      const sum = (n: number, r: number): string =>
        dot === 'pairs' ? `${into}${n}_${r}` : `${splits && turn % 2 === 1 ? 'j' : 'i'}${n}_${r}`
      const out = list(rows).flatMap((r) => [
        `    x = ${activation(r, at)};`,
        ...HALVES.map((n) => {
          const s = sum(n, r)
          if (dot === 'pairs') {
            const product = `i16x8.relaxed_dot_i8x16_i7x16_s(x, q${n})`
            const first = !begun.has(s)
            begun.add(s)
            return `    ${s} = ${first ? product : `i16x8.add(${s}, ${product})`};`
          }
          return dot === 'plain'
            ? `    ${s} = i32x4.add(i32x4.dot_i16x8_s(x, q${n}), ${s});`
            : `    ${s} = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q${n}, ${s});`
        }),
      ])
      turn++
      return out
    }
    const out: string[] = []
    if (dot !== 'pairs') {
      out.push(...each((n, r) => `    i${n}_${r} = ${startOf(r, index)};`))
      if (splits) out.push(...each((n, r) => `    j${n}_${r} = zero;`))
    }
    let loaded = -1
    for (const operand of span) {
      if (operand.vector !== loaded) {
        loaded = operand.vector
        out.push(...HALVES.map((n) => `    p${n} = v128.load(w, ${n * half + firstVector + 16 * loaded});`))
      }
      out.push(...HALVES.map((n) => `    q${n} = ${operand.from(`p${n}`)};`), ...multiply(operand))
    }
    if (dot === 'pairs')
      out.push(
        ...each((n, r) => {
          const low = `i32x4.extadd_pairwise_i16x8_s(low${n}_${r})`
          return kind.bits === 4
            ? `    i${n}_${r} = i32x4.add(${low}, magic);`
            : `    i${n}_${r} = i32x4.add(i32x4.add(i32x4.shl(i32x4.extadd_pairwise_i16x8_s(high${n}_${r}), 4), ${low}), ${startOf(r, index)});`
        }),
      )
    if (splits) out.push(...each((n, r) => `    i${n}_${r} = i32x4.add(i${n}_${r}, j${n}_${r});`))
    // f += (d · d of the activations) · integer + m · sum of the activations
    out.push(
      ...HALVES.flatMap((n) => {
        const at = n * half
        if (kind.scales === 'half') {
          const half16 = (offset: number): string =>
            `v128.and(i32x4.shl(v128.load16x4_s(w, ${offset}), 13), half)`
          return [`    d${n} = ${half16(at)};`, `    m${n} = ${half16(at + 8)};`]
        }
        return [
          `    d${n} = v128.load(w, ${at + 16 * index});`,
          ...(kind.hasMinimum ? [`    m${n} = v128.load(w, ${at + 16});`] : []),
        ]
      }),
      ...each((n, r) => {
        const scaled = `f32x4.mul(f32x4.mul(d${n}, ${field(r, dField)}), f32x4.sub(i${n}_${r}, magic))`
        const delta = kind.hasMinimum
          ? `f32x4.add(${scaled}, f32x4.mul(m${n}, ${field(r, sumField)}))`
          : scaled
        return `    f${n}_${r} = f32x4.add(f${n}_${r}, ${delta});`
      }),
    )
    return out
  }
  const declare = (prefix: string): string =>
    `  let ${each((n, r) => `${prefix}${n}_${r} = zero`).join(', ')};`
  return lines(
    `function ${name}_${rows}(w: usize, a: usize, c: usize, blocks: i32, ldc: usize): void {`,
    `  const zero = i32x4.splat(0), magic = v128.load(MAGIC), nibbles = v128.load(NIBBLES), nibble = v128.load(NIBBLE), byte = v128.load(BYTE), half = v128.load(HALF);`,
    `  let x = zero, p0 = zero, p1 = zero, q0 = zero, q1 = zero, d0 = zero, d1 = zero, m0 = zero, m1 = zero;`,
    declare('f'),
    declare('i'),
    ...(splits ? [declare('j')] : []),
    ...(dot === 'pairs' ? [declare('low'), ...(kind.bits === 8 ? [declare('high')] : [])] : []),
    `  for (; blocks > 0; blocks--) {`,
    spans.flatMap(writeSpan),
    `    w += ${2 * half}; a += ${layout.bytes};`,
    `  }`,
    each((n, r) => `  v128.store(c + ${r} * ldc, f${n}_${r}, ${16 * n});`),
    `}`,
  )
}

/** The calls of tiles for rows [m, end) of one group. */
const writeRows = (call: (rows: number) => string): string[] => [
  `      for (; m + ${TILE_ROWS} <= end; m += ${TILE_ROWS}) ${call(TILE_ROWS)}`,
  `      if (end - m == 3) ${call(3)}`,
  `      else if (end - m == 2) ${call(2)}`,
  `      else if (end - m == 1) ${call(1)}`,
]

/** Bytes of activations that stay in a core's cache while all weights of a chunk pass. */
const CACHED = 512 * 1024

/** The loop over groups [n0, n1) and all rows. */
function writeLoop(name: string, kind: PackedKind, dot: Dot): string {
  const group = 2 * blockBytes(kind)
  const tile = activationLayout(dot).bytes
  return lines(
    `/** y[m][n] of groups [n0, n1) for M rows of activations; ldc: bytes of a row of y. */`,
    `export function multiply_${name}(w: usize, a: usize, c: usize, n0: i32, n1: i32, M: i32, blocks: i32, ldc: usize): void {`,
    `  const ldw = <usize>blocks * ${group}, lda = <usize>blocks * ${tile};`,
    `  const step = max(8, (${CACHED} / <i32>lda) * ${TILE_ROWS});`,
    `  for (let m0 = 0; m0 < M; m0 += step) {`,
    `    const end = min(M, m0 + step);`,
    `    for (let n = n0; n < n1; n++) {`,
    `      const W = w + <usize>n * ldw, C = c + <usize>n * ${4 * GROUP_ROWS};`,
    `      let m = m0;`,
    writeRows((rows) => `${name}_${rows}(W, a + <usize>(m >> 2) * lda, C + <usize>m * ldc, blocks, ldc);`),
    `    }`,
    `  }`,
    `}`,
  )
}

/**
 * A group of packed weights as floats, [K][8]: w = d · (q − offset) + m, rounded as the dequantiser of a file rounds. A vector holds four
 * elements of each of four rows, so that its bytes of one place are a column of them.
 */
function writeUnpack(name: string, kind: PackedKind, dot: Dot): string {
  const half = blockBytes(kind)
  const convert = (integers: string): string => `f32x4.convert_i32x4_s(${integers})`
  const column = (p: string, byte: number): string =>
    dot === 'signed'
      ? convert(`i32x4.shr_s(i32x4.shl(${p}, ${24 - 8 * byte}), 24)`)
      : convert(`i32x4.sub(v128.and(i32x4.shr_u(${p}, ${8 * byte}), byte), offset)`)
  const nibble = (p: string, at: number): string => convert(`v128.and(i32x4.shr_u(${p}, ${at}), nibble)`)
  const scaled = (n: number, vector: number, value: string): string => {
    const product = `f32x4.mul(${value}, ${kind.halves && vector >= 4 ? 'e' : 'd'}${n})`
    return kind.hasMinimum ? `f32x4.add(${product}, m${n})` : product
  }
  const readScales = (n: number): string[] => {
    const at = n * half
    if (kind.scales === 'half') {
      const half16 = (offset: number): string =>
        `f32x4.mul(v128.and(i32x4.shl(v128.load16x4_s(w, ${offset}), 13), half), factor)`
      return [`    d${n} = ${half16(at)};`, `    m${n} = ${half16(at + 8)};`]
    }
    return [
      `    d${n} = v128.load(w, ${at});`,
      ...(kind.halves ? [`    e${n} = v128.load(w, ${at + 16});`] : []),
      ...(kind.hasMinimum ? [`    m${n} = v128.load(w, ${at + 16});`] : []),
    ]
  }
  const perVector = kind.bits === 4 ? 8 : 4
  return lines(
    `function unpack_${name}(w: usize, to: usize, blocks: i32): void {`,
    `  const half = v128.load(HALF), factor = f32x4.splat(HALF_FACTOR), nibble = i32x4.splat(15), byte = i32x4.splat(255), offset = i32x4.splat(128);`,
    `  let p = half, d0 = half, d1 = half, e0 = half, e1 = half, m0 = half, m1 = half;`,
    `  for (; blocks > 0; blocks--) {`,
    HALVES.flatMap(readScales),
    list(BLOCK / perVector).flatMap((vector) =>
      HALVES.flatMap((n) => [
        `    p = v128.load(w, ${n * half + scaleBytes(kind) + 16 * vector});`,
        ...list(perVector).map((i) => {
          const value = kind.bits === 4 ? nibble('p', 8 * (i % 4) + (i < 4 ? 0 : 4)) : column('p', i)
          const at = (vector * perVector + i) * 4 * GROUP_ROWS + 16 * n
          return `    v128.store(to, ${scaled(n, vector, value)}, ${at});`
        }),
      ]),
    ),
    `    w += ${2 * half}; to += ${BLOCK * 4 * GROUP_ROWS};`,
    `  }`,
    `}`,
  )
}

/** The tile of floats: eight rows of weights, stored [K][8], by 1 to 4 rows. Sums run along K in order, whatever the tile. */
function writeFloatTile(rows: number): string {
  return lines(
    `function floats_${rows}(w: usize, x: usize, c: usize, K: i32, ldx: usize, ldc: usize): void {`,
    list(rows).map(
      (r) => `  let x${r} = x + ${r} * ldx; let a${r} = f32x4.splat(0), b${r} = f32x4.splat(0);`,
    ),
    `  for (let k = 0; k < K; k += 2) {`,
    [0, 1].flatMap((u) => [
      `    const w${u} = v128.load(w, ${32 * u}), z${u} = v128.load(w, ${32 * u + 16});`,
      ...list(rows).map(
        (r) =>
          `    const t${u}_${r} = v128.load32_splat(x${r}, ${4 * u}); a${r} = f32x4.add(a${r}, f32x4.mul(w${u}, t${u}_${r})); b${r} = f32x4.add(b${r}, f32x4.mul(z${u}, t${u}_${r}));`,
      ),
    ]),
    `    w += 64; ${list(rows)
      .map((r) => `x${r} += 8;`)
      .join(' ')}`,
    `  }`,
    list(rows).map((r) => `  v128.store(c + ${r} * ldc, a${r}); v128.store(c + ${r} * ldc, b${r}, 16);`),
    `}`,
  )
}

/** The loop over groups of floats; packed weights are unpacked to `scratch`, a group at a time, whose bits are those of stored floats. */
const writeFloatLoop = (): string =>
  lines(
    `function unpack(code: i32, w: usize, n: i32, to: usize, blocks: i32): void {`,
    ...PACKED_NAMES.map(
      (name) =>
        `  if (code == ${PACKED[name].code}) unpack_${name}(w + <usize>n * <usize>blocks * ${2 * blockBytes(PACKED[name])}, to, blocks);`,
    ),
    `}`,
    `/** The same with activations that are not rounded: K is even, ldx: bytes of a row of x. */`,
    `function multiply_floats(code: i32, w: usize, x: usize, c: usize, n0: i32, n1: i32, M: i32, K: i32, ldx: usize, ldc: usize, scratch: usize): void {`,
    `  const ldw = <usize>K * ${4 * GROUP_ROWS};`,
    `  const step = max(8, (${CACHED} / <i32>ldx) & ~3);`,
    `  for (let m0 = 0; m0 < M; m0 += step) {`,
    `    const end = min(M, m0 + step);`,
    `    for (let n = n0; n < n1; n++) {`,
    `      let W = w + <usize>n * ldw;`,
    `      const C = c + <usize>n * ${4 * GROUP_ROWS};`,
    `      if (code != ${FLOAT_CODE}) { unpack(code, w, n, scratch, K >> 5); W = scratch; }`,
    `      let m = m0;`,
    writeRows((rows) => `floats_${rows}(W, x + <usize>m * ldx, C + <usize>m * ldc, K, ldx, ldc);`),
    `    }`,
    `  }`,
    `}`,
  )

/** The text of products.as: every kind of weights for one way to multiply. */
export function writeProducts(dot: Dot): string {
  const tiles = list(TILE_ROWS).map((r) => r + 1)
  return lines(
    `import { BYTE, HALF, HALF_FACTOR, MAGIC, NIBBLE, NIBBLES } from './constants'`,
    ...PACKED_NAMES.flatMap((name) => [
      ...tiles.map((rows) => writeTile(name, PACKED[name], dot, rows)),
      writeLoop(name, PACKED[name], dot),
      writeUnpack(name, PACKED[name], dot),
    ]),
    ...tiles.map(writeFloatTile),
    writeFloatLoop(),
    `/** Groups [n0, n1) of a product with weights of a kind's code; with floats as activations if it has no kind or EXACT is added. */`,
    `export function multiply(code: i32, w: usize, a: usize, c: usize, n0: i32, n1: i32, M: i32, K: i32, ldx: usize, ldc: usize, scratch: usize): void {`,
    `  const blocks = K >> 5;`,
    ...PACKED_NAMES.map(
      (name) =>
        `  if (code == ${PACKED[name].code}) { multiply_${name}(w, a, c, n0, n1, M, blocks, ldc); return; }`,
    ),
    `  multiply_floats(code & ~${EXACT}, w, a, c, n0, n1, M, K, ldx, ldc, scratch);`,
    `}`,
    '',
  )
}
