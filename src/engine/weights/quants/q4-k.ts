// Knows: Q4_K, blocks of 256 in eight sub-blocks of 32: halves d and dmin, 12 bytes of 6-bit scales and minima, 128
// bytes; value = d · scale · q − dmin · minimum. Source: ggml's dequantize_row_q4_K.
import { readHalf, readScaleAndMinimum } from './quant.ts'
import type { Quant } from './quant.ts'

export const q4_k: Quant = {
  name: 'Q4_K',
  elements: 256,
  blockBytes: 144,
  readRow(bytes, from, columns, out, at) {
    for (let k = 0, p = from; k < columns; k += 256, p += 144) {
      const d = readHalf(bytes, p)
      const dmin = readHalf(bytes, p + 2)
      for (let s = 0; s < 8; s++) {
        const packed = readScaleAndMinimum(bytes, p + 4, s)
        const scale = d * (packed & 63)
        const minimum = dmin * (packed >> 6)
        const quants = p + 16 + 32 * (s >> 1) // two sub-blocks share 32 bytes: low halves, then high halves
        const shift = (s & 1) * 4
        const to = at + k + 32 * s
        for (let j = 0; j < 32; j++)
          out[to + j] = (((bytes[quants + j] as number) >> shift) & 15) * scale - minimum
      }
    }
  },
  // d · scale has at most 17 significant bits, so keeping the product as a 32-bit float loses nothing.
  readFourBits(bytes, from, columns, b, scales, minima, block) {
    for (let i = 0, p = from; i < columns / 32; i += 8, p += 144) {
      const d = readHalf(bytes, p)
      const dmin = readHalf(bytes, p + 2)
      for (let s = 0; s < 8; s++) {
        const packed = readScaleAndMinimum(bytes, p + 4, s)
        scales[block + i + s] = d * (packed & 63)
        minima[block + i + s] = -dmin * (packed >> 6)
        const quants = p + 16 + 32 * (s >> 1)
        const shift = (s & 1) * 4
        const to = (block + i + s) * 16
        for (let j = 0; j < 16; j++) {
          const even = ((bytes[quants + 2 * j] as number) >> shift) & 15
          const odd = ((bytes[quants + 2 * j + 1] as number) >> shift) & 15
          b[to + j] = even | (odd << 4)
        }
      }
    }
  },
}
