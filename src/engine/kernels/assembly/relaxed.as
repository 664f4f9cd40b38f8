// What relaxed instructions do on a processor that has them, in plain ones: for tests where the engine has none.

/** Sums of four neighbouring products of 16-bit numbers. */
@inline function quads(a0: v128, b0: v128, a1: v128, b1: v128): v128 {
  const low = i32x4.dot_i16x8_s(a0, b0), high = i32x4.dot_i16x8_s(a1, b1);
  return i32x4.add(v128.shuffle<i32>(low, high, 0, 2, 4, 6), v128.shuffle<i32>(low, high, 1, 3, 5, 7));
}

/** Signed by unsigned bytes, as with VNNI. */
export function dotUnsigned(a: v128, b: v128, sum: v128): v128 {
  return i32x4.add(sum, quads(i16x8.extend_low_i8x16_s(a), i16x8.extend_low_i8x16_u(b), i16x8.extend_high_i8x16_s(a), i16x8.extend_high_i8x16_u(b)));
}

/** Signed by signed bytes, as with ARM's dot product. */
export function dotSigned(a: v128, b: v128, sum: v128): v128 {
  return i32x4.add(sum, quads(i16x8.extend_low_i8x16_s(a), i16x8.extend_low_i8x16_s(b), i16x8.extend_high_i8x16_s(a), i16x8.extend_high_i8x16_s(b)));
}

/** Sums of two neighbouring products, signed by unsigned bytes, saturated to 16 bits, as pmaddubsw. */
export function dotPairs(a: v128, b: v128): v128 {
  return i16x8.narrow_i32x4_s(
    i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(a), i16x8.extend_low_i8x16_u(b)),
    i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(a), i16x8.extend_high_i8x16_u(b)),
  );
}
