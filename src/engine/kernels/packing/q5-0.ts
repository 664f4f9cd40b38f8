// Knows: Q5_0 as integers: (q − 16) · d, stored as q + 112 with the offset of 128.
import { readHalf } from '../../weights/quants/quant.ts'
import type { IntegerReader } from './integer-rows.ts'
import { addFifthBits, readNibbles } from './nibbles.ts'

export const q5_0: IntegerReader = {
  name: 'Q5_0',
  kind: 'q8',
  readRow(bytes, from, columns, { q, d }) {
    for (let k = 0, p = from; k < columns; k += 32, p += 22) {
      d[k / 32] = readHalf(bytes, p)
      readNibbles(bytes, p + 6, q, k)
      addFifthBits(bytes, p + 2, q, k, 112)
    }
  },
}
