// Soft-target files: read as written, resumed after truncation, refused if they are broken.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TeacherRow } from '../../../src/engine/training/packing.ts'
import {
  readSoftTargetFile,
  writeSoftTargetHeader,
  writeSoftTargetRow,
  type SoftTargetHeader,
} from '../../../src/engine/training/soft-target-file.ts'

const makeRow = (count: number, topK = 3): TeacherRow => ({
  topK,
  ids: Uint16Array.from({ length: count * topK }, (_, i) => (i * 7919) % 65_536),
  probabilities: Float32Array.from({ length: count * (topK + 1) }, (_, i) => 1 / (2 + (i % 5))),
})
const header: SoftTargetHeader = {
  topK: 3,
  temperature: 1.5,
  tokenizer: { json: '{"ü":1}', config: '{}' },
  rows: 4,
}
const rows = [makeRow(5), makeRow(0), makeRow(1), makeRow(8)]
const join = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))
const whole = join([writeSoftTargetHeader(header), ...rows.map(writeSoftTargetRow)])

test('readSoftTargetFile returns what was written, from any offset of a larger buffer', () => {
  for (const shift of [0, 1, 2, 3]) {
    const moved = new Uint8Array(whole.length + shift)
    moved.set(whole, shift)
    expect(readSoftTargetFile(moved.subarray(shift))).toEqual({
      ok: true,
      file: { header, rows, wholeBytes: whole.length },
    })
  }
})

test('readSoftTargetFile returns the complete rows of a truncated file, which can then be resumed', () => {
  const headerBytes = writeSoftTargetHeader(header).length
  for (let end = 0; end < whole.length; end++) {
    const read = readSoftTargetFile(whole.subarray(0, end))
    if (end < headerBytes) {
      expect(read).toMatchObject({
        ok: false,
        sentence: expect.stringMatching(
          /^The teacher’s stored soft targets cannot be used: .+\. Load the teacher and train a new student\.$/,
        ),
      })
      continue
    }
    if (!read.ok) throw new Error(read.sentence)
    const { wholeBytes, rows: complete } = read.file
    expect(wholeBytes).toBeLessThanOrEqual(end)
    expect(
      join([whole.subarray(0, wholeBytes), ...rows.slice(complete.length).map(writeSoftTargetRow)]),
    ).toEqual(whole)
  }
})

test('readSoftTargetFile never throws or returns invalid probabilities for changed bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      fc.uint8Array({ maxLength: 60 }),
      (changes, tail) => {
        const changed = join([whole, tail])
        for (const [at, byte] of changes) changed[at] = byte
        const read = readSoftTargetFile(changed)
        if (read.ok)
          for (const row of read.file.rows)
            expect(row.probabilities.every((probability) => probability >= 0 && probability <= 1.001)).toBe(
              true,
            )
        else expect(read.sentence).toMatch(/^The teacher’s stored soft targets/)
      },
    ),
  )
})
