// Knows: Q5_1, blocks of 32: half scale d, half minimum m, 32 fifth bits, 16 bytes; value = q · d + m.
// Source: ggml's dequantize_row_q5_1.
import { readHalf } from './quant.ts'
import type { Quant } from './quant.ts'

export const q5_1: Quant = {
  name: 'Q5_1',
  elements: 32,
  blockBytes: 24,
  readRow(bytes, from, columns, out, at) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let k = 0, p = from; k < columns; k += 32, p += 24) {
      const d = readHalf(bytes, p)
      const m = readHalf(bytes, p + 2)
      const fifth = view.getUint32(p + 4, true)
      const to = at + k
      for (let j = 0; j < 16; j++) {
        const q = bytes[p + 8 + j] as number
        out[to + j] = ((q & 15) | (((fifth >>> j) & 1) << 4)) * d + m
        out[to + j + 16] = ((q >> 4) | (((fifth >>> (j + 16)) & 1) << 4)) * d + m
      }
    }
  },
}
