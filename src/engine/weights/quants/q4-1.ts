// Knows: Q4_1, blocks of 32: half scale d, half minimum m and 16 bytes; value = q · d + m. Source: ggml's
// dequantize_row_q4_1.
import { pairNibbles, readHalf } from './quant.ts'
import type { Quant } from './quant.ts'

export const q4_1: Quant = {
  name: 'Q4_1',
  elements: 32,
  blockBytes: 20,
  readRow(bytes, from, columns, out, at) {
    for (let k = 0, p = from; k < columns; k += 32, p += 20) {
      const d = readHalf(bytes, p)
      const m = readHalf(bytes, p + 2)
      const to = at + k
      for (let j = 0; j < 16; j++) {
        const q = bytes[p + 4 + j] as number
        out[to + j] = (q & 15) * d + m
        out[to + j + 16] = (q >> 4) * d + m
      }
    }
  },
  readFourBits(bytes, from, columns, b, scales, minima, block) {
    for (let i = 0, p = from; i < columns / 32; i++, p += 20) {
      scales[block + i] = readHalf(bytes, p)
      minima[block + i] = readHalf(bytes, p + 2)
      pairNibbles(bytes, p + 4, b, (block + i) * 16)
    }
  },
}
