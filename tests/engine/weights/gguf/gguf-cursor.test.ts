import { expect, test } from 'vitest'
import { GgufCursor } from '../../../../src/engine/weights/gguf/gguf-cursor.ts'

test('keeps U+FEFF at the beginning of a text: vocabularies have tokens of it', () => {
  const text = new TextEncoder().encode('\ufeff')
  const bytes = new Uint8Array(8 + text.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  expect(new GgufCursor(bytes, bytes.length).text('a token')).toBe('\ufeff')
})
