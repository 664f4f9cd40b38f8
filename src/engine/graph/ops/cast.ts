// Knows: Cast between number types. To and from i64 it has no WebGPU kernel; to f16 it needs `shader-f16`.
import type { DType, Graph, Value } from '../graph.ts'
import { defineOp, intAttribute } from '../op.ts'

const CODES: Readonly<Record<DType, number>> = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9, f16: 10 }
const byCode = new Map(Object.entries(CODES).map(([dtype, code]) => [code, dtype as DType])) // keys of CODES are DTypes

export const castOp = defineOp({
  type: 'Cast',
  infer: (inference) => {
    const dtype = byCode.get(intAttribute(inference.attributes, 'to', 0))
    return [
      { dtype: dtype ?? inference.refuse('it needs a type to cast to.'), shape: inference.need(0).shape },
    ]
  },
  // d cast(x) = dx, cast back to the type of x
  gradient: (g, { inputs: [x] }, [dy]) =>
    x && dy && (x.dtype === 'f32' || x.dtype === 'f16') ? [cast(g, dy, x.dtype)] : [null],
})

/** The same numbers as another type */
export const cast = (g: Graph, x: Value, dtype: DType): Value =>
  x.dtype === dtype ? x : g.apply1(castOp, [x], { to: CODES[dtype] })
