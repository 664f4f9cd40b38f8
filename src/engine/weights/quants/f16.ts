// Knows: tensors of IEEE half-precision floats, little-endian.
import { readHalf } from './quant.ts'
import type { Quant } from './quant.ts'

export const f16: Quant = {
  name: 'F16',
  elements: 1,
  blockBytes: 2,
  readRow(bytes, from, columns, out, at) {
    for (let i = 0; i < columns; i++) out[at + i] = readHalf(bytes, from + 2 * i)
  },
}
