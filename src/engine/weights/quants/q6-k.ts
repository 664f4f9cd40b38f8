// Knows: Q6_K, blocks of 256 in sixteen sub-blocks of 16: 128 bytes of low halves, 64 bytes of upper pairs of bits, 16
// signed scales, a half d; value = d · scale · (q − 32). Source: ggml's dequantize_row_q6_K.
import { readHalf } from './quant.ts'
import type { Quant } from './quant.ts'

export const q6_k: Quant = {
  name: 'Q6_K',
  elements: 256,
  blockBytes: 210,
  readRow(bytes, from, columns, out, at) {
    for (let k = 0, p = from; k < columns; k += 256, p += 210) {
      const d = readHalf(bytes, p + 208)
      // Four runs of 32 elements come from each half of the block: the low bytes' low and high halves, with the upper
      // bits at 0, 2, 4, 6.
      for (let run = 0; run < 8; run++) {
        const half = run >> 2
        const quarter = run & 3
        const low = p + 64 * half + 32 * (quarter & 1)
        const high = p + 128 + 32 * half
        const lowShift = (quarter >> 1) * 4
        const highShift = quarter * 2
        const scales = p + 192 + 8 * half + 2 * quarter
        const to = at + k + 128 * half + 32 * quarter
        for (let j = 0; j < 32; j++) {
          const scale = ((bytes[scales + (j >> 4)] as number) << 24) >> 24
          const q =
            (((bytes[low + j] as number) >> lowShift) & 15) |
            ((((bytes[high + j] as number) >> highShift) & 3) << 4)
          out[to + j] = d * scale * (q - 32)
        }
      }
    }
  },
}
