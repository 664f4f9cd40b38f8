// Trace files: read back as written, gone on with where they were cut, refused where they are broken.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TeacherRow } from '../../../src/engine/training/packing.ts'
import {
  readTraceFile,
  writeTraceHeader,
  writeTraceRow,
  type TraceHeader,
} from '../../../src/engine/training/trace-file.ts'

const makeRow = (count: number, choices = 3): TeacherRow => ({
  choices,
  ids: Uint16Array.from({ length: count * choices }, (_, i) => (i * 7919) % 65_536),
  probabilities: Float32Array.from({ length: count * (choices + 1) }, (_, i) => 1 / (2 + (i % 5))),
})
const header: TraceHeader = {
  choices: 3,
  temperature: 1.5,
  tokenizer: { json: '{"ü":1}', config: '{}' },
  rows: 4,
}
const rows = [makeRow(5), makeRow(0), makeRow(1), makeRow(8)]
const join = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))
const whole = join([writeTraceHeader(header), ...rows.map(writeTraceRow)])

test('what is read is what was written, from any offset of a larger buffer', () => {
  for (const shift of [0, 1, 2, 3]) {
    const moved = new Uint8Array(whole.length + shift)
    moved.set(whole, shift)
    expect(readTraceFile(moved.subarray(shift))).toEqual({
      ok: true,
      file: { header, rows, wholeBytes: whole.length },
    })
  }
})

test('a file that is cut anywhere has its whole rows, and goes on behind them as if it had not been cut', () => {
  const headerBytes = writeTraceHeader(header).length
  for (let end = 0; end < whole.length; end++) {
    const read = readTraceFile(whole.subarray(0, end))
    if (end < headerBytes) {
      expect(read).toMatchObject({
        ok: false,
        sentence: expect.stringMatching(
          /^The teacher’s stored answers cannot be used: .+\. Load the teacher and train a new student\.$/,
        ),
      })
      continue
    }
    if (!read.ok) throw new Error(read.sentence)
    const { wholeBytes, rows: there } = read.file
    expect(wholeBytes).toBeLessThanOrEqual(end)
    expect(join([whole.subarray(0, wholeBytes), ...rows.slice(there.length).map(writeTraceRow)])).toEqual(
      whole,
    )
  }
})

test('no bytes make the reader throw or give what are no probabilities', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      fc.uint8Array({ maxLength: 60 }),
      (changes, tail) => {
        const changed = join([whole, tail])
        for (const [at, byte] of changes) changed[at] = byte
        const read = readTraceFile(changed)
        if (read.ok)
          for (const row of read.file.rows)
            expect(row.probabilities.every((probability) => probability >= 0 && probability <= 1.001)).toBe(
              true,
            )
        else expect(read.sentence).toMatch(/^The teacher’s stored answers/)
      },
    ),
  )
})
