// Knows: Q5_1 as integers: d · q + m, stored as q + 128 with the offset of 128.
import { readHalf } from '../../weights/quants/quant.ts'
import type { IntegerReader } from './integer-rows.ts'
import { addFifthBits, readNibbles } from './nibbles.ts'

export const q5_1: IntegerReader = {
  name: 'Q5_1',
  kind: 'q8m',
  readRow(bytes, from, columns, { q, d, m }) {
    for (let k = 0, p = from; k < columns; k += 32, p += 24) {
      d[k / 32] = readHalf(bytes, p)
      m[k / 32] = readHalf(bytes, p + 2)
      readNibbles(bytes, p + 8, q, k)
      addFifthBits(bytes, p + 4, q, k, 128)
    }
  },
}
