// A model split over several GGUF files: joined to one model, or refused with a sentence.
import { expect, test } from 'vitest'
import { describeGguf } from '../../../../src/engine/weights/gguf/describe-gguf.ts'
import { readHeaderOf } from '../../../../src/engine/weights/gguf/gguf-header.ts'
import { writeGguf, type WrittenValue } from '../../../../src/engine/weights/gguf/gguf-write.ts'
import { joinParts } from '../../../../src/engine/weights/gguf/join-parts.ts'
import { joinSources } from '../../../../src/engine/weights/join-sources.ts'
import { loadGgufWeights } from '../../../../src/engine/weights/gguf/llama-gguf.ts'
import { sourceFromBytes, type ByteSource } from '../../../../src/engine/weights/source.ts'
import { readGgufCard } from '../../../../workers/teachers/gguf-card.ts'
import { convertToGguf, makeGguf, oracle } from '../../small-architectures.ts'

const model = oracle.models['qwen2']!
const u32 = (value: number): WrittenValue => ({ kind: 'u32', value })

/**
 * The model in three files, as gguf-split writes them: the first has the metadata and, with `emptyFirst`, no tensor.
 */
function split(emptyFirst: boolean, changes: Readonly<Record<string, WrittenValue>> = {}): ByteSource[] {
  const { metadata, tensors } = convertToGguf(model)
  const cuts = emptyFirst ? [0, 0, 10, tensors.length] : [0, 7, 19, tensors.length]
  return [0, 1, 2].map((part) => {
    const keys = new Map<string, WrittenValue>([
      ...(part === 0 ? metadata : []),
      ['split.no', u32(part)],
      ['split.count', u32(3)],
      ['split.tensors.count', { kind: 'i32', value: tensors.length }],
      ...(part === 1 ? Object.entries(changes) : []),
    ])
    return sourceFromBytes(
      `qwen-0000${part + 1}-of-00003.gguf`,
      writeGguf(keys, tensors.slice(cuts[part], cuts[part + 1])),
    )
  })
}
async function sentenceOf(sources: readonly ByteSource[]): Promise<string> {
  const joined = await joinParts(sources)
  return joined.ok ? 'joined' : joined.sentence
}

test.each([false, true])(
  'joinParts restores the model from parts in any order (first without tensors: %s)',
  async (emptyFirst) => {
    const [a, b, c] = split(emptyFirst) as [ByteSource, ByteSource, ByteSource]
    const joined = await joinParts([c, a, b])
    if (!joined.ok) throw new Error(joined.sentence)
    const whole = await joinParts([makeGguf(model)])
    if (!whole.ok) throw new Error(whole.sentence)
    const [ours, theirs] = await Promise.all(
      [joined, whole].map(({ header, source }) => loadGgufWeights(header, source, 'f32')),
    )
    expect(describeGguf(joined.header)).toEqual(describeGguf(whole.header))
    expect(ours?.linear(1, 'gateUp')).toEqual(theirs?.linear(1, 'gateUp'))
    expect(ours?.qkvBias?.(0)).toEqual(theirs?.qkvBias?.(0))
    expect(ours?.head).toEqual(theirs?.head)
    // A reader of the header finds one file with the metadata of the model and no keys of parts.
    const again = await readHeaderOf(joined.source)
    const { 'general.alignment': alignment, ...metadata } =
      again.kind === 'header' ? Object.fromEntries(again.header.metadata) : {}
    expect({ metadata, alignment }).toEqual({
      metadata: Object.fromEntries(whole.header.metadata),
      alignment: 8,
    })
  },
)

test('joinParts names parts that are missing, duplicate or of another model', async () => {
  const [a, b, c] = split(false) as [ByteSource, ByteSource, ByteSource]
  expect(await sentenceOf([a, c])).toBe(
    'This model cannot be used: part 2 of 3 is missing. Choose all files of one model together.',
  )
  expect(await sentenceOf([c])).toMatch(/parts 1 to 2 of 3 are missing/)
  expect(await sentenceOf([a])).toMatch(/parts 2 to 3 of 3 are missing/)
  expect(await sentenceOf([a, b, b, c])).toMatch(/part 2 of 3 occurs twice \("qwen-00002-of-00003\.gguf"\)/)
  expect(await sentenceOf([a, b, c, makeGguf(model)])).toMatch(
    /is a part of 3, and "[^"]+" of 1: they belong to different models|is a part of 1, and "[^"]+" of 3: they belong to different models/,
  )
  expect(await sentenceOf([makeGguf(model), makeGguf(model)])).toMatch(
    /is a complete model, not a part of another/,
  )
  expect(await sentenceOf([])).toMatch(/there is no file/)
  expect(await sentenceOf([a, ...split(false, { 'split.count': u32(4) }).slice(1)])).toMatch(
    /belong to different models/,
  )
  expect(await sentenceOf([a, ...split(false, { 'split.no': { kind: 'i32', value: -1 } }).slice(1)])).toMatch(
    /claims to be part 0 of 3/,
  )
  expect(await sentenceOf([a, c, ...split(true).slice(1, 2)])).toMatch(
    /claims to have 27 tensors, and its parts have|is in "qwen-0000\d-of-00003\.gguf" and in another part/,
  )
  const cut = sourceFromBytes('cut.gguf', await b.read(0, b.size - 40))
  expect(await sentenceOf([a, cut, c])).toMatch(
    /^"cut\.gguf": This file cannot be used as a model: it ends too early/,
  )
})

test('readGgufCard refuses a single part with the number of parts', async () => {
  await expect(readGgufCard(split(false)[0]!)).rejects.toMatchObject({
    name: 'ModelRefused',
    message: expect.stringMatching(/one of 3 parts of a split model/) as string,
  })
})

test('joinSources reads any piece and nothing beyond its end', async () => {
  const bytes = Uint8Array.from({ length: 20 }, (_, i) => i)
  const { source, starts } = joinSources(
    'all',
    [
      [0, 7],
      [7, 7],
      [7, 12],
      [12, 20],
    ].map(([from, to]) => sourceFromBytes('piece', bytes.subarray(from, to))),
  )
  expect([source.size, ...starts]).toEqual([20, 0, 7, 7, 12])
  for (let from = 0; from <= 20; from++)
    for (let to = from; to <= 20; to++) expect(await source.read(from, to)).toEqual(bytes.slice(from, to))
  await expect(source.read(3, 21)).rejects.toThrow(/20 bytes/)
  await expect(source.read(-1, 2)).rejects.toThrow(/20 bytes/)
})
