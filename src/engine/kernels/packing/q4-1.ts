// Knows: Q4_1 as integers: it is d · q + m already.
import { readHalf } from '../../weights/quants/quant.ts'
import type { IntegerReader } from './integer-rows.ts'
import { readNibbles } from './nibbles.ts'

export const q4_1: IntegerReader = {
  name: 'Q4_1',
  kind: 'q4',
  readRow(bytes, from, columns, { q, d, m }) {
    for (let k = 0, p = from; k < columns; k += 32, p += 20) {
      d[k / 32] = readHalf(bytes, p)
      m[k / 32] = readHalf(bytes, p + 2)
      readNibbles(bytes, p + 4, q, k)
    }
  },
}
