// Knows: Q6_K as integers: d · scale · (q − 32) with a scale for every 16, stored as q + 96 with the offset of 128. The product of d and
// an 8-bit scale has at most 19 significant bits, so floats lose nothing.
import { readHalf } from '../../weights/quants/quant.ts'
import type { IntegerReader } from './integer-rows.ts'

export const q6_k: IntegerReader = {
  name: 'Q6_K',
  kind: 'q8h',
  readRow(bytes, from, columns, { q, d }) {
    for (let k = 0, p = from; k < columns; k += 256, p += 210) {
      const scale = readHalf(bytes, p + 208)
      for (let s = 0; s < 16; s++) d[k / 16 + s] = scale * (((bytes[p + 192 + s] as number) << 24) >> 24)
      // Four runs of 32 elements come from each half of the block: the low bytes' low and high halves, with the upper
      // bits at 0, 2, 4, 6.
      for (let run = 0; run < 8; run++) {
        const half = run >> 2
        const quarter = run & 3
        const low = p + 64 * half + 32 * (quarter & 1)
        const high = p + 128 + 32 * half
        for (let j = 0; j < 32; j++)
          q[k + 128 * half + 32 * quarter + j] =
            ((((bytes[low + j] as number) >> ((quarter >> 1) * 4)) & 15) |
              ((((bytes[high + j] as number) >> (quarter * 2)) & 3) << 4)) +
            96
      }
    }
  },
}
