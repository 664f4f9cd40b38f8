// The gate of the feed-forward layer: silu(gate) · up or gelu(gate) · up.
import { exp4 } from './simd'

/** x / (1 + exp(−x)) */
@inline function silu(x: v128): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1.0), exp4(f32x4.neg(x))));
}

/** GELU with the tanh approximation: x · sigmoid(2u), u = √(2/π) · (x + 0.044715 x³). */
@inline function gelu(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(x, x), x);
  const u = f32x4.mul(f32x4.add(x, f32x4.mul(cube, f32x4.splat(0.044715))), f32x4.splat(1.5957691216057308));
  return f32x4.div(x, f32x4.add(f32x4.splat(1.0), exp4(f32x4.neg(u))));
}

/** One row gate|up [2 · count] to h [count]; count is a multiple of 4. */
export function gateRow(gateUp: usize, count: i32, h: usize, isGelu: bool): void {
  const bytes = <usize>count * 4, up = gateUp + bytes;
  if (isGelu) for (let i: usize = 0; i < bytes; i += 16) v128.store(h + i, f32x4.mul(gelu(v128.load(gateUp + i)), v128.load(up + i)));
  else for (let i: usize = 0; i < bytes; i += 16) v128.store(h + i, f32x4.mul(silu(v128.load(gateUp + i)), v128.load(up + i)));
}
