// Knows: Q4_0 as integers: (q − 8) · d = d · q + m with m = −8 d, which is exact.
import { readHalf } from '../../weights/quants/quant.ts'
import type { IntegerReader } from './integer-rows.ts'
import { readNibbles } from './nibbles.ts'

export const q4_0: IntegerReader = {
  name: 'Q4_0',
  kind: 'q4',
  readRow(bytes, from, columns, { q, d, m }) {
    for (let k = 0, p = from; k < columns; k += 32, p += 18) {
      const scale = readHalf(bytes, p)
      d[k / 32] = scale
      m[k / 32] = -8 * scale
      readNibbles(bytes, p + 2, q, k)
    }
  },
}
