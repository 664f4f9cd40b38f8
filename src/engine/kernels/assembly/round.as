// Activations rounded to 8 bits in blocks of 32, as layouts.ts describes: q = round(x · 127 / max|x|), d = max|x| / 127.
import { FIELD_D, FIELD_HALF_D, FIELD_HALF_SUM, FIELD_START, FIELD_START_OF_HALF, FIELD_SUM, HALF_FACTOR, START, TILE_BYTES, TILE_ROW, TILE_SCALES, WIDE } from './constants'

@inline function across(t: v128): v128 {
  t = i32x4.add(t, v128.shuffle<i32>(t, t, 2, 3, 0, 1));
  return i32x4.add(t, v128.shuffle<i32>(t, t, 1, 0, 3, 2));
}

/** Two vectors of integers as one of 16 bits in the order 0 2 1 3. */
@inline function wide(a: v128, b: v128): v128 {
  const t = i16x8.narrow_i32x4_s(a, b);
  return v128.shuffle<i16>(t, t, 0, 2, 1, 3, 4, 6, 5, 7);
}

/** Rounds row `row` of K = 32 · blocks numbers at x into its tile of `a`. */
export function roundRow(x: usize, a: usize, row: i32, blocks: i32): void {
  const sign = i32x4.splat(0x7fffffff), magic = f32x4.splat(12582912.0), bits = i32x4.splat(0x4B400000);
  const tile = a + <usize>(row >> 2) * <usize>blocks * <usize>TILE_BYTES;
  let A = tile + <usize>(row & 3) * <usize>TILE_ROW, S = tile + <usize>TILE_SCALES + <usize>(row & 3) * 4;
  for (let b = 0; b < blocks; b++) {
    let v0 = v128.load(x), v1 = v128.load(x, 16), v2 = v128.load(x, 32), v3 = v128.load(x, 48);
    let v4 = v128.load(x, 64), v5 = v128.load(x, 80), v6 = v128.load(x, 96), v7 = v128.load(x, 112);
    let m = f32x4.max(
      f32x4.max(f32x4.max(v128.and(v0, sign), v128.and(v1, sign)), f32x4.max(v128.and(v2, sign), v128.and(v3, sign))),
      f32x4.max(f32x4.max(v128.and(v4, sign), v128.and(v5, sign)), f32x4.max(v128.and(v6, sign), v128.and(v7, sign))),
    );
    m = f32x4.max(m, v128.shuffle<f32>(m, m, 2, 3, 0, 1));
    m = f32x4.max(m, v128.shuffle<f32>(m, m, 1, 0, 3, 2));
    // NaN in x is NaN in d, and so in every product.
    const largest = f32x4.extract_lane(m, 0), d = largest * <f32>(1.0 / 127.0);
    const inverse = f32x4.splat(largest > 0 ? <f32>127.0 / largest : 0);
    v0 = i32x4.sub(f32x4.add(f32x4.mul(v0, inverse), magic), bits);
    v1 = i32x4.sub(f32x4.add(f32x4.mul(v1, inverse), magic), bits);
    v2 = i32x4.sub(f32x4.add(f32x4.mul(v2, inverse), magic), bits);
    v3 = i32x4.sub(f32x4.add(f32x4.mul(v3, inverse), magic), bits);
    v4 = i32x4.sub(f32x4.add(f32x4.mul(v4, inverse), magic), bits);
    v5 = i32x4.sub(f32x4.add(f32x4.mul(v5, inverse), magic), bits);
    v6 = i32x4.sub(f32x4.add(f32x4.mul(v6, inverse), magic), bits);
    v7 = i32x4.sub(f32x4.add(f32x4.mul(v7, inverse), magic), bits);
    const half = i32x4.extract_lane(across(i32x4.add(i32x4.add(v0, v1), i32x4.add(v2, v3))), 0);
    const sum = half + i32x4.extract_lane(across(i32x4.add(i32x4.add(v4, v5), i32x4.add(v6, v7))), 0);
    if (WIDE) {
      v128.store(A, wide(v0, v1));
      v128.store(A, wide(v2, v3), 16);
      v128.store(A, wide(v4, v5), 32);
      v128.store(A, wide(v6, v7), 48);
    } else {
      v128.store(A, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(v0, v1), i16x8.narrow_i32x4_s(v2, v3)));
      v128.store(A, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(v4, v5), i16x8.narrow_i32x4_s(v6, v7)), 16);
    }
    store<f32>(S, d * HALF_FACTOR, FIELD_HALF_D);
    store<f32>(S, d * HALF_FACTOR * <f32>sum, FIELD_HALF_SUM);
    store<i32>(S, START - 8 * sum, FIELD_START);
    store<i32>(S, START - 8 * half, FIELD_START_OF_HALF);
    store<f32>(S, d, FIELD_D);
    store<f32>(S, d * <f32>sum, FIELD_SUM);
    x += 128;
    A += <usize>TILE_BYTES;
    S += <usize>TILE_BYTES;
  }
}
