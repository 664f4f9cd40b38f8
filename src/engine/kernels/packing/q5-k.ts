// Knows: Q5_K as integers: as Q4_K with a fifth bit, stored as q + 128 with the offset of 128.
import { readHalf, readScaleAndMinimum } from '../../weights/quants/quant.ts'
import type { IntegerReader } from './integer-rows.ts'

export const q5_k: IntegerReader = {
  name: 'Q5_K',
  kind: 'q8m',
  readRow(bytes, from, columns, { q, d, m }) {
    for (let k = 0, p = from; k < columns; k += 256, p += 176) {
      const [scale, minimum] = [readHalf(bytes, p), readHalf(bytes, p + 2)]
      for (let s = 0; s < 8; s++) {
        const packed = readScaleAndMinimum(bytes, p + 4, s)
        d[k / 32 + s] = scale * (packed & 63)
        m[k / 32 + s] = -minimum * (packed >> 6)
        const quants = p + 48 + 32 * (s >> 1)
        const shift = (s & 1) * 4
        for (let j = 0; j < 32; j++) {
          const fifth = ((bytes[p + 16 + j] as number) >> s) & 1
          q[k + 32 * s + j] = ((((bytes[quants + j] as number) >> shift) & 15) | (fifth << 4)) + 128
        }
      }
    }
  },
}
