import { readFileSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseSeed } from '../../src/domain/seed.ts'
import { parseExampleIndex } from '../../src/pipeline/example-index.ts'
import { parseExample } from '../../src/pipeline/examples.ts'
import { projectId } from './samples.ts'

const folder = new URL('../../public/examples/', import.meta.url)
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), 'utf8'))

test('has every listed example, valid and with the same description as the list', () => {
  const index = parseExampleIndex(read('index.json'))
  if (!index.ok) throw new Error(index.problems[0]!.sentence)
  expect(index.value.map(({ file }) => file).toSorted()).toEqual(
    readdirSync(folder)
      .filter((file) => file !== 'index.json')
      .toSorted(),
  )
  expect(index.value).toHaveLength(4)
  for (const { file, name, description, seeds } of index.value) {
    const example = parseExample(read(file))
    if (!example.ok) throw new Error(`${file}: ${example.problems.map(({ sentence }) => sentence).join(' ')}`)
    expect([example.value.name, example.value.description, example.value.seeds.length]).toEqual([
      name,
      description,
      seeds,
    ])
    expect(seeds >= 12 && seeds <= 100).toBe(true)
    expect(new Set(example.value.seeds.map(({ text }) => text)).size).toBe(seeds)
    for (const seed of example.value.seeds)
      expect(parseSeed({ ...seed, projectId, source: file, line: 1, addedAt: 1 }).ok).toBe(true)
  }
})

test('never throws on an invalid example', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(typeof parseExample(value).ok).toBe('boolean')
      expect(typeof parseExampleIndex(value).ok).toBe('boolean')
    }),
  )
  expect(
    parseExample({ name: 'x', description: 'y', seeds: [{ text: 'z' }], recipe: { retort: 2, steps: [] } }),
  ).toMatchObject({ ok: false })
})
