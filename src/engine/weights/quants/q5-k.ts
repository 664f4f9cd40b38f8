// Knows: Q5_K, blocks of 256 in eight sub-blocks of 32: as Q4_K, with a fifth bit in 32 bytes of their own (bit s of
// byte j belongs to element j of sub-block s). Source: ggml's dequantize_row_q5_K.
import { readHalf, readScaleAndMinimum } from './quant.ts'
import type { Quant } from './quant.ts'

export const q5_k: Quant = {
  name: 'Q5_K',
  elements: 256,
  blockBytes: 176,
  readRow(bytes, from, columns, out, at) {
    for (let k = 0, p = from; k < columns; k += 256, p += 176) {
      const d = readHalf(bytes, p)
      const dmin = readHalf(bytes, p + 2)
      for (let s = 0; s < 8; s++) {
        const packed = readScaleAndMinimum(bytes, p + 4, s)
        const scale = d * (packed & 63)
        const minimum = dmin * (packed >> 6)
        const quants = p + 48 + 32 * (s >> 1)
        const shift = (s & 1) * 4
        const to = at + k + 32 * s
        for (let j = 0; j < 32; j++) {
          const fifth = ((bytes[p + 16 + j] as number) >> s) & 1
          const q = (((bytes[quants + j] as number) >> shift) & 15) | (fifth << 4)
          out[to + j] = q * scale - minimum
        }
      }
    }
  },
}
