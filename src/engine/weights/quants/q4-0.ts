// Knows: Q4_0, blocks of 32: a half scale d and 16 bytes; value = (q − 8) · d. Source: ggml's dequantize_row_q4_0.
import { pairNibbles, readHalf } from './quant.ts'
import type { Quant } from './quant.ts'

export const q4_0: Quant = {
  name: 'Q4_0',
  elements: 32,
  blockBytes: 18,
  readRow(bytes, from, columns, out, at) {
    for (let k = 0, p = from; k < columns; k += 32, p += 18) {
      const d = readHalf(bytes, p)
      const to = at + k
      for (let j = 0; j < 16; j++) {
        const q = bytes[p + 2 + j] as number
        out[to + j] = ((q & 15) - 8) * d
        out[to + j + 16] = ((q >> 4) - 8) * d
      }
    }
  },
  readFourBits(bytes, from, columns, b, scales, minima, block) {
    for (let i = 0, p = from; i < columns / 32; i++, p += 18) {
      const d = readHalf(bytes, p)
      scales[block + i] = d
      minima[block + i] = -8 * d
      pairNibbles(bytes, p + 2, b, (block + i) * 16)
    }
  },
}
