// Knows: tensors of plain 32-bit floats, little-endian.
import type { Quant } from './quant.ts'

export const f32: Quant = {
  name: 'F32',
  elements: 1,
  blockBytes: 4,
  readRow(bytes, from, columns, out, at) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + from, columns * 4)
    for (let i = 0; i < columns; i++) out[at + i] = view.getFloat32(4 * i, true)
  },
}
