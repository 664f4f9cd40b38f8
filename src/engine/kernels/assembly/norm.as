// RMS norms of rows, with what is added to the residual before. Sums have one order, so a row's result depends on nothing else.
import { sumOf } from './simd'

/** 1 / root mean square of `count` numbers at x; padding up to `bytes` (a multiple of 32) is zero. */
@inline function inverseRms(x: usize, bytes: usize, count: i32, epsilon: f32): f32 {
  let s = f32x4.splat(0), t = s;
  for (let i: usize = 0; i < bytes; i += 32) {
    const a = v128.load(x + i), b = v128.load(x + i, 16);
    s = f32x4.add(s, f32x4.mul(a, a));
    t = f32x4.add(t, f32x4.mul(b, b));
  }
  return <f32>1.0 / sqrt<f32>(sumOf(f32x4.add(s, t)) / <f32>count + epsilon);
}

/** y = x / rms(x) · weight */
export function normRow(x: usize, weight: usize, y: usize, bytes: usize, count: i32, epsilon: f32): void {
  const k = f32x4.splat(inverseRms(x, bytes, count, epsilon));
  for (let i: usize = 0; i < bytes; i += 16)
    v128.store(y + i, f32x4.mul(f32x4.mul(v128.load(x + i), k), v128.load(weight + i)));
}

/** x += t */
export function addRow(x: usize, t: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(x + i, f32x4.add(v128.load(x + i), v128.load(t + i)));
}

/** x += t / rms(t) · weight */
export function addNormedRow(x: usize, t: usize, weight: usize, bytes: usize, count: i32, epsilon: f32): void {
  const k = f32x4.splat(inverseRms(t, bytes, count, epsilon));
  for (let i: usize = 0; i < bytes; i += 16)
    v128.store(x + i, f32x4.add(v128.load(x + i), f32x4.mul(f32x4.mul(v128.load(t + i), k), v128.load(weight + i))));
}
