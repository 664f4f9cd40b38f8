// Knows: Q8_0, blocks of 32: a half scale d and 32 signed bytes; value = q · d. Source: ggml's dequantize_row_q8_0.
import { readHalf } from './quant.ts'
import type { Quant } from './quant.ts'

export const q8_0: Quant = {
  name: 'Q8_0',
  elements: 32,
  blockBytes: 34,
  readRow(bytes, from, columns, out, at) {
    for (let k = 0, p = from; k < columns; k += 32, p += 34) {
      const d = readHalf(bytes, p)
      for (let j = 0; j < 32; j++) out[at + k + j] = (((bytes[p + 2 + j] as number) << 24) >> 24) * d
    }
  },
}
