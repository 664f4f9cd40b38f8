// Knows: the register tiles of attention, written out for 1 to 4 query heads that share keys and values.
// Must not know: pages, masks (assembly/attention.as).
import { PAGE_POSITIONS } from '../layouts.ts'

export const MAX_HEADS = 4
const list = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const lines = (...parts: readonly (string | readonly string[])[]): string => parts.flat().join('\n')

/**
 * Scores of `heads` queries [heads][width] with the keys of a page, [2][width][8]: eight positions at a time are two vectors.
 * `out`: scores of the first head at this page's first position; `stride`: bytes from one head to the next.
 */
const writeScores = (heads: number): string =>
  lines(
    `export function scores_${heads}(q: usize, keys: usize, width: i32, out: usize, stride: usize): void {`,
    `  const bytes = <usize>width * 4;`,
    `  for (let half = 0; half < 2; half++) {`,
    `    let k = keys + <usize>half * bytes * 8;`,
    `    let p = q;`,
    list(heads).map((h) => `    let a${h} = f32x4.splat(0), b${h} = f32x4.splat(0);`),
    `    for (const end = q + bytes; p < end; p += 4, k += 32) {`,
    `      const k0 = v128.load(k), k1 = v128.load(k, 16);`,
    list(heads).map(
      (h) =>
        `      const x${h} = v128.load32_splat(p${h === 0 ? '' : ` + ${h} * bytes`}); a${h} = f32x4.add(a${h}, f32x4.mul(x${h}, k0)); b${h} = f32x4.add(b${h}, f32x4.mul(x${h}, k1));`,
    ),
    `    }`,
    `    const o = out + <usize>half * 32;`,
    list(heads).map(
      (h) => `    v128.store(o + ${h} * stride, a${h}); v128.store(o + ${h} * stride, b${h}, 16);`,
    ),
    `  }`,
    `}`,
  )

/** Adds the values [positions][width] of a page, weighted by `weights`, to `out` [heads][width]; positions [from, to). */
const writeMix = (heads: number): string =>
  lines(
    `export function mix_${heads}(weights: usize, stride: usize, values: usize, from: i32, to: i32, width: i32, out: usize): void {`,
    `  const bytes = <usize>width * 4;`,
    `  for (let column: usize = 0; column < bytes; column += 32) {`,
    `    let v = values + column + <usize>from * bytes, p = weights + <usize>from * 4;`,
    `    const o = out + column;`,
    list(heads).map(
      (h) => `    let a${h} = v128.load(o + ${h} * bytes), b${h} = v128.load(o + ${h} * bytes, 16);`,
    ),
    `    for (const end = weights + <usize>to * 4; p < end; p += 4, v += bytes) {`,
    `      const v0 = v128.load(v), v1 = v128.load(v, 16);`,
    list(heads).map(
      (h) =>
        `      const x${h} = v128.load32_splat(p + ${h} * stride); a${h} = f32x4.add(a${h}, f32x4.mul(x${h}, v0)); b${h} = f32x4.add(b${h}, f32x4.mul(x${h}, v1));`,
    ),
    `    }`,
    list(heads).map(
      (h) => `    v128.store(o + ${h} * bytes, a${h}); v128.store(o + ${h} * bytes, b${h}, 16);`,
    ),
    `  }`,
    `}`,
  )

/** The text of attention-tiles.as. */
export function writeAttentionTiles(): string {
  const counts = list(MAX_HEADS).map((h) => h + 1)
  const dispatch = (name: string, parameters: string, args: string): string =>
    lines(
      `export function ${name}(heads: i32, ${parameters}): void {`,
      counts.map((h) => `  ${h > 1 ? 'else ' : ''}if (heads == ${h}) ${name}_${h}(${args});`),
      `}`,
    )
  return lines(
    `@inline export const POSITIONS: i32 = ${PAGE_POSITIONS};`,
    `@inline export const MAX_HEADS: i32 = ${MAX_HEADS};`,
    ...counts.map(writeScores),
    ...counts.map(writeMix),
    dispatch(
      'scores',
      'q: usize, keys: usize, width: i32, out: usize, stride: usize',
      'q, keys, width, out, stride',
    ),
    dispatch(
      'mix',
      'weights: usize, stride: usize, values: usize, from: i32, to: i32, width: i32, out: usize',
      'weights, stride, values, from, to, width, out',
    ),
    '',
  )
}
