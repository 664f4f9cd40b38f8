// Knows: tensors of bfloat16: the upper half of a 32-bit float, little-endian.
import type { Quant } from './quant.ts'

export const bf16: Quant = {
  name: 'BF16',
  elements: 1,
  blockBytes: 2,
  readRow(bytes, from, columns, out, at) {
    const words = new Uint32Array(columns)
    for (let i = 0; i < columns; i++)
      words[i] = ((bytes[from + 2 * i] as number) << 16) | ((bytes[from + 2 * i + 1] as number) << 24)
    out.set(new Float32Array(words.buffer), at)
  },
}
