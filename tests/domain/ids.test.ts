import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, hashOf, hashOfBytes, type Json } from '../../src/domain/hash.ts'
import { contentId, freshId, fullContentId, readId } from '../../src/domain/id.ts'
import { parseProjectName } from '../../src/domain/project.ts'
import { parseSeed, seedId } from '../../src/domain/seed.ts'

const json = fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<Json>

test('gives equal values equal hashes, whatever the order of their fields', () => {
  const reverseFields = (value: Json): Json =>
    value === null || typeof value !== 'object'
      ? value
      : Array.isArray(value)
        ? value.map(reverseFields)
        : Object.fromEntries(
            Object.entries(value)
              .toReversed()
              .map(([key, field]) => [key, reverseFields(field as Json)]),
          )
  fc.assert(
    fc.property(json, (value) => {
      expect(hashOf(reverseFields(value))).toBe(hashOf(value))
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      expect(contentId('x', value)).toMatch(/^[0-9a-f]{24}$/)
    }),
  )
})

test('hashes with SHA-256 and keeps the ids of stored projects valid', () => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      (bytes) => void expect(hashOfBytes(bytes)).toBe(createHash('sha256').update(bytes).digest('hex')),
    ),
  )
  // Stored projects refer to these: a change here orphans them.
  expect(seedId('Why is the sky blue?')).toBe(
    createHash('sha256').update('["seed","Why is the sky blue?"]').digest('hex').slice(0, 24),
  )
  expect(fullContentId('dataset', [1, { b: 2, a: undefined }])).toBe(
    createHash('sha256').update('["dataset",[1,{"b":2}]]').digest('hex'),
  )
})

test('gives one value two ids under two kinds and throws on numbers that JSON lacks', () => {
  expect(contentId('seed', 'x')).not.toBe(contentId('row', 'x'))
  expect(() => hashOf(Number.NaN)).toThrow(RangeError)
})

test('reads an id back only if it has the form of one', () => {
  const id = freshId('run')
  expect(readId('run', id)).toBe(id)
  for (const wrong of ['', 'abc', '../../etc/passwd', 'z'.repeat(24), 'a'.repeat(65), 5, null])
    expect(readId('run', wrong)).toBeUndefined()
})

const seedAt = (text: string, line: number) =>
  parseSeed({ projectId: freshId('project'), text, source: 'a', line, addedAt: line })

test('derives a seed’s id from its trimmed text alone', () => {
  const [one, two] = [seedAt(' Why? ', 1), seedAt('Why?', 9)]
  expect(one.ok && two.ok && one.value.id === two.value.id).toBe(true)
  expect(one.ok && one.value.text).toBe('Why?')
})

test.each([
  ['  ', 'empty'],
  ['x'.repeat(8001), '8001 characters'],
  ['a\0b', 'zero character'],
])('refuses %.20j as a seed', (text, part) => {
  const seed = parseSeed({ projectId: freshId('project'), text, source: 'a', line: 3, addedAt: 1 })
  expect(seed.ok ? '' : `${seed.problems[0]!.line} ${seed.problems[0]!.sentence}`).toMatch(
    new RegExp(`^3 .*${part}`),
  )
})

test('accepts one short line as a project’s name', () => {
  expect(parseProjectName('  Corner\n shop ')).toEqual({ ok: true, value: 'Corner shop' })
  expect(parseProjectName(' ').ok).toBe(false)
  expect(parseProjectName('x'.repeat(81)).ok).toBe(false)
})
