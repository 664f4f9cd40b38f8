// Attention of one row over the pages of its KV cache, for query heads that share keys and values.
import { MAX_HEADS, mix, POSITIONS, scores } from './attention-tiles'
import { headBytes } from './rotate'
import { exp4, maxOf, sumOf } from './simd'

/** Below every score: positions outside of the window. */
@inline const MASKED: f32 = -1e30;

/**
 * Queries [heads][width] of key-value head g at `position`; pages: addresses of the row's pages. Positions [first, position] are seen.
 * `scratch` holds MAX_HEADS lines of scores.
 */
export function attendRow(
  q: usize, pages: usize, offset: usize, g: i32, heads: i32, width: i32, first: i32, position: i32, out: usize, scratch: usize,
): void {
  const bytes = <usize>width * 4, size = headBytes(width), keysAt = offset + <usize>g * size, valuesAt = keysAt + size / 2;
  const from = first / POSITIONS, to = position / POSITIONS + 1, begin = from * POSITIONS, end = to * POSITIONS;
  const stride = <usize>(end - begin) * 4;
  for (let h = 0; h < heads; h += MAX_HEADS) {
    const count = min(MAX_HEADS, heads - h), Q = q + <usize>h * bytes, O = out + <usize>h * bytes;
    for (let page = from; page < to; page++)
      scores(count, Q, <usize>load<u32>(pages + <usize>page * 4) + keysAt, width, scratch + <usize>(page - from) * <usize>POSITIONS * 4, stride);
    for (let i = 0; i < count; i++) {
      const line = scratch + <usize>i * stride;
      for (let t = begin; t < first; t++) store<f32>(line + <usize>(t - begin) * 4, MASKED);
      for (let t = position + 1; t < end; t++) store<f32>(line + <usize>(t - begin) * 4, MASKED);
      let m = v128.load(line);
      for (let t: usize = 16; t < stride; t += 16) m = f32x4.max(m, v128.load(line + t));
      const largest = f32x4.splat(maxOf(m)), masked = f32x4.splat(MASKED);
      let sum = f32x4.splat(0);
      for (let t: usize = 0; t < stride; t += 16) {
        const x = v128.load(line + t), e = v128.and(exp4(f32x4.sub(x, largest)), f32x4.ne(x, masked));
        v128.store(line + t, e);
        sum = f32x4.add(sum, e);
      }
      const inverse = f32x4.splat(<f32>1.0 / sumOf(sum));
      for (let t: usize = 0; t < stride; t += 16) v128.store(line + t, f32x4.mul(v128.load(line + t), inverse));
    }
    memory.fill(O, 0, <usize>count * bytes);
    for (let page = from; page < to; page++) {
      const start = page * POSITIONS;
      mix(
        count, scratch + <usize>(page - from) * <usize>POSITIONS * 4, stride, <usize>load<u32>(pages + <usize>page * 4) + valuesAt,
        max(0, first - start), min(POSITIONS, position + 1 - start), width, O,
      );
    }
  }
}
