// Queries, keys and values of a row before attention: biases, norms of heads, rotation by position; keys and values go to their page.
import { POSITIONS } from './attention-tiles'
import { addRow, normRow } from './norm'

/** Rotates element i with i + width/2; cos and sin of this position, [width/2] each. Source: Su et al. 2021. */
function rotateHead(p: usize, cos: usize, sin: usize, width: i32): void {
  const half = <usize>width * 2;
  for (let i: usize = 0; i < half; i += 16) {
    const a = v128.load(p + i), b = v128.load(p + half + i), c = v128.load(cos + i), s = v128.load(sin + i);
    v128.store(p + i, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
    v128.store(p + half + i, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
  }
}

function scaleHead(p: usize, width: i32, scale: f32): void {
  const k = f32x4.splat(scale);
  for (let i: usize = 0; i < <usize>width * 4; i += 16) v128.store(p + i, f32x4.mul(v128.load(p + i), k));
}

/** The keys of a page are [2][width][8] and its values [16][width], for one head after the other. */
@inline export function headBytes(width: i32): usize {
  return <usize>width * <usize>POSITIONS * 8;
}

/**
 * One row q|k|v [(heads + 2 kvHeads) · width]. bias, queryNorm, keyNorm, cos: 0 if there are none. `page`: the row's page of this
 * position, at this layer. `position` is the place in the tables of cos and sin.
 */
export function rotateRow(
  qkv: usize, bias: usize, queryNorm: usize, keyNorm: usize, cos: usize, sin: usize,
  heads: i32, kvHeads: i32, width: i32, epsilon: f32, scale: f32, position: i32, page: usize,
): void {
  const bytes = <usize>width * 4;
  if (bias) addRow(qkv, bias, <usize>(heads + 2 * kvHeads) * bytes);
  const table = <usize>position * bytes / 2;
  for (let h = 0; h < heads + kvHeads; h++) {
    const p = qkv + <usize>h * bytes, isQuery = h < heads, norm = isQuery ? queryNorm : keyNorm;
    if (norm) normRow(p, norm, p, bytes, width, epsilon);
    if (cos) rotateHead(p, cos + table, sin + table, width);
    if (isQuery) scaleHead(p, width, scale);
  }
  const slot = position % POSITIONS, size = headBytes(width);
  for (let g = 0; g < kvHeads; g++) {
    const k = qkv + <usize>(heads + g) * bytes, v = qkv + <usize>(heads + kvHeads + g) * bytes;
    const keys = page + <usize>g * size, values = keys + size / 2;
    const to = keys + <usize>(slot >> 3) * bytes * 8 + <usize>(slot & 7) * 4;
    for (let d = 0; d < width; d++) store<f32>(to + <usize>d * 32, load<f32>(k + <usize>d * 4));
    memory.copy(values + <usize>slot * bytes, v, bytes);
  }
}
