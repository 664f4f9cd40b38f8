// What names a model: files of one header are told apart by their weights.
import { expect, test } from 'vitest'
import { makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { writeStudentGguf } from '../../../src/engine/exports/student-files.ts'
import { trainStudentTokenizer } from '../../../src/engine/tokenizers/student-template.ts'
import { countOf, listParameters } from '../../../src/engine/training/parameters.ts'
import { toHuggingFaceTensors } from '../../../src/engine/training/student-tensors.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { readGgufCard } from '../../../workers/teachers/gguf-card.ts'

const { tokenizerJson } = trainStudentTokenizer(['a text with some words'], 261)
const shape = { ...SMALL, vocabulary: 261 }
const some = makeSmallWeights()

function write(change: (weights: Float32Array) => void): Uint8Array {
  const weights = Float32Array.from({ length: countOf(listParameters(shape)) }, (_, i) => some[i % 97] ?? 0)
  change(weights)
  return writeStudentGguf({
    shape,
    tensors: toHuggingFaceTensors(shape, weights),
    tokenizerJson,
    name: 'Twin',
  }).bytes
}
const nameOf = async (bytes: Uint8Array, file = 'a.gguf'): Promise<string> =>
  (await readGgufCard(sourceFromBytes(file, bytes))).card.fingerprint

test('a fingerprint is that of the contents, and not of the file’s name', async () => {
  const bytes = write(() => undefined)
  expect(await nameOf(bytes)).toMatch(/^[0-9a-f]{16}$/)
  expect(await nameOf(bytes.slice(), 'b.gguf')).toBe(await nameOf(bytes))
})

test('two models of one header that were trained otherwise have two', async () => {
  const [one, other] = [
    write(() => undefined),
    write((weights) => weights.forEach((weight, i) => (weights[i] = weight + 0.001))),
  ]
  expect(one.length).toBe(other.length)
  expect(await nameOf(one)).not.toBe(await nameOf(other))
})
