// Fingerprints of models: files with one header are distinguished by their weights. And the chat format that a person chose.
import { expect, test } from 'vitest'
import { CHAT_FORMAT_NAMES } from '../../../src/domain/chat-format.ts'
import { makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { writeStudentGguf } from '../../../src/engine/exports/student-files.ts'
import { trainStudentTokenizer } from '../../../src/engine/tokenizers/templates/student-template.ts'
import { countOf, listParameters } from '../../../src/engine/training/parameters.ts'
import { toHuggingFaceTensors } from '../../../src/engine/training/student-tensors.ts'
import { TEMPLATE_FAMILIES } from '../../../src/engine/tokenizers/templates/template-families.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { readGgufCard } from '../../../workers/teachers/gguf-card.ts'
import { writeSmallGguf } from '../../engine/weights/gguf/small-gguf.ts'

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

const MESSAGES = [{ role: 'user', content: 'Hi' }] as const
const BROKEN = '{% for message in messages %}{{ message.content | no_such_filter }}{% endfor %}'
const withTemplate = (template: string | undefined) =>
  sourceFromBytes(
    'small.gguf',
    writeSmallGguf({
      'tokenizer.chat_template': template === undefined ? undefined : { kind: 'text', value: template },
    }),
  )

test('names what it cannot run in a chat template, and offers a known format', async () => {
  const { card } = await readGgufCard(withTemplate(BROKEN))
  expect(card.hasChatTemplate).toBe(false)
  expect(card.chatNotes?.join(' ')).toMatch(
    /no_such_filter.*If you know the model’s format, choose it as the chat template\.$/,
  )
})

test.each([
  ['a template that cannot be used', BROKEN],
  ['no template', undefined],
  ['a template of its own', '{{ messages[0].content }}'],
])('writes chats in the chosen format for a file with %s', async (_, template) => {
  const source = withTemplate(template)
  const own = await readGgufCard(source)
  const { card, tokenizer } = await readGgufCard(source, [], 'chatml')
  expect(card).toMatchObject({ hasChatTemplate: true, fingerprint: own.card.fingerprint })
  expect(card.chatNotes).toContain('Chats are written in ChatML, as you chose.')
  expect(tokenizer.renderChat(MESSAGES, { addGenerationPrompt: true })).toBe(
    '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
  )
})

test('offers every format that the tokenizers can write', () => {
  expect(CHAT_FORMAT_NAMES).toEqual(TEMPLATE_FAMILIES)
})
