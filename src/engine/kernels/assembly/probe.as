// How this engine multiplies bytes with the relaxed dot, whose results for unsigned bytes of 128 and more are its own choice.

/** Four products of 100 and 200: 80000 as unsigned bytes, -22400 as signed ones (200 is -56), 65534 if pairs saturate in 16 bits. */
export function probe(): i32 {
  return i32x4.extract_lane(
    i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(100), i8x16.splat(<i8>200), i32x4.splat(0)),
    0,
  );
}
