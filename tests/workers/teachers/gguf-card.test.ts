// Fingerprints of models: files with one header are distinguished by their weights.
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
const fingerprintOf = async (bytes: Uint8Array, file = 'a.gguf'): Promise<string> =>
  (await readGgufCard(sourceFromBytes(file, bytes))).card.fingerprint

test('derives the fingerprint from the contents and not from the file’s name', async () => {
  const bytes = write(() => undefined)
  expect(await fingerprintOf(bytes)).toMatch(/^[0-9a-f]{16}$/)
  expect(await fingerprintOf(bytes.slice(), 'b.gguf')).toBe(await fingerprintOf(bytes))
})

test('gives models with one header and other weights different fingerprints', async () => {
  const [one, other] = [
    write(() => undefined),
    write((weights) => weights.forEach((weight, i) => (weights[i] = weight + 0.001))),
  ]
  expect(one.length).toBe(other.length)
  expect(await fingerprintOf(one)).not.toBe(await fingerprintOf(other))
})
