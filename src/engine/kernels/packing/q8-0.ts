// Knows: Q8_0 as integers: signed bytes, stored plus 128.
import { readHalf } from '../../weights/quants/quant.ts'
import type { IntegerReader } from './integer-rows.ts'

export const q8_0: IntegerReader = {
  name: 'Q8_0',
  kind: 'q8',
  readRow(bytes, from, columns, { q, d }) {
    for (let k = 0, p = from; k < columns; k += 32, p += 34) {
      d[k / 32] = readHalf(bytes, p)
      for (let j = 0; j < 32; j++) q[k + j] = (bytes[p + 2 + j] as number) ^ 128
    }
  },
}
