// Knows: Q4_K as integers: d · scale · q − dmin · minimum; both products have at most 17 significant bits, so floats lose nothing.
import { readHalf, readScaleAndMinimum } from '../../weights/quants/quant.ts'
import type { IntegerReader } from './integer-rows.ts'

export const q4_k: IntegerReader = {
  name: 'Q4_K',
  kind: 'q4f',
  readRow(bytes, from, columns, { q, d, m }) {
    for (let k = 0, p = from; k < columns; k += 256, p += 144) {
      const [scale, minimum] = [readHalf(bytes, p), readHalf(bytes, p + 2)]
      for (let s = 0; s < 8; s++) {
        const packed = readScaleAndMinimum(bytes, p + 4, s)
        d[k / 32 + s] = scale * (packed & 63)
        m[k / 32 + s] = -minimum * (packed >> 6)
        const quants = p + 16 + 32 * (s >> 1) // two sub-blocks share 32 bytes: low halves, then high halves
        const shift = (s & 1) * 4
        for (let j = 0; j < 32; j++) q[k + 32 * s + j] = ((bytes[quants + j] as number) >> shift) & 15
      }
    }
  },
}
