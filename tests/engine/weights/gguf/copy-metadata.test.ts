// GGUF metadata copied byte by byte, and headers that grow while they are written.
import { expect, test } from 'vitest'
import { copyMetadata } from '../../../../src/engine/weights/gguf/copy-metadata.ts'
import { readGgufHeader, type GgufHeader } from '../../../../src/engine/weights/gguf/gguf-header.ts'
import { writeGguf, type WrittenValue } from '../../../../src/engine/weights/gguf/gguf-write.ts'

const TENSOR = { name: 'a', type: 'F32', shape: [4], bytes: new Uint8Array(16) }
function read(file: Uint8Array): GgufHeader {
  const result = readGgufHeader(file, file.length)
  if (result.kind !== 'header') throw new Error(JSON.stringify(result))
  return result.header
}

test('copyMetadata copies every kind of value unchanged, including 64-bit numbers and lists', () => {
  const wide: Uint8Array = new Uint8Array(8)
  new DataView(wide.buffer).setBigUint64(0, 2n ** 60n + 1n, true)
  const metadata = new Map<string, WrittenValue>([
    ['general.architecture', { kind: 'text', value: 'llama' }],
    ['a.byte', { kind: 'raw', type: 0, value: Uint8Array.of(200) }],
    ['a.wide', { kind: 'raw', type: 10, value: wide }],
    ['a.double', { kind: 'raw', type: 12, value: new Uint8Array(Float64Array.of(0.1).buffer) }],
    ['a.flag', { kind: 'bool', value: true }],
    ['a.texts', { kind: 'texts', value: ['ü', '', '🙂'] }],
    ['a.numbers', { kind: 'f32s', value: [0.5, -1] }],
    ['a.nothing', { kind: 'texts', value: [] }],
  ])
  const first = writeGguf(metadata, [TENSOR])
  const { headerBytes } = read(first)
  const again = writeGguf(copyMetadata(first.subarray(0, headerBytes), first.length), [TENSOR])
  expect(again).toEqual(first)
  expect(read(again).metadata.get('a.wide')).toBe(2n ** 60n + 1n)
})

test('writeGguf keeps texts and copied values that exceed its buffer', () => {
  for (const length of [65_000, 65_510, 65_536, 200_000]) {
    const long = 'x'.repeat(length)
    const file = writeGguf(
      new Map<string, WrittenValue>([
        ['a', { kind: 'text', value: long }],
        [
          'b',
          {
            kind: 'texts',
            value: Array.from({ length: 9000 }, (_, i) => `token ${i} ${'y'.repeat(i % 40)}`),
          },
        ],
      ]),
      [TENSOR],
    )
    const { metadata, headerBytes } = read(file)
    expect(metadata.get('a')).toBe(long)
    expect(
      Buffer.from(writeGguf(copyMetadata(file.subarray(0, headerBytes), file.length), [TENSOR])).equals(file),
      String(length),
    ).toBe(true)
  }
})
