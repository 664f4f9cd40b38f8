// Knows: Q5_0, blocks of 32: half scale d, 32 fifth bits, 16 bytes; value = (q − 16) · d. Source: ggml's
// dequantize_row_q5_0.
import { readHalf } from './quant.ts'
import type { Quant } from './quant.ts'

export const q5_0: Quant = {
  name: 'Q5_0',
  elements: 32,
  blockBytes: 22,
  readRow(bytes, from, columns, out, at) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let k = 0, p = from; k < columns; k += 32, p += 22) {
      const d = readHalf(bytes, p)
      const fifth = view.getUint32(p + 2, true)
      const to = at + k
      for (let j = 0; j < 16; j++) {
        const q = bytes[p + 6 + j] as number
        out[to + j] = (((q & 15) | (((fifth >>> j) & 1) << 4)) - 16) * d
        out[to + j + 16] = (((q >> 4) | (((fifth >>> (j + 16)) & 1) << 4)) - 16) * d
      }
    }
  },
}
