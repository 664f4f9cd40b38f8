// Configurations with a value of another kind anywhere: the model opens, or one sentence shows the value as it is in the file.
// `[object Object]`, `undefined` and messages of the JavaScript engine are not for people.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { tokenizerFromFolder } from '../../../src/engine/tokenizers/tokenizer.ts'
import { shapeFromConfig } from '../../../src/engine/weights/hugging-face/config-shape.ts'
import {
  listShards,
  readSafetensorsHeader,
} from '../../../src/engine/weights/hugging-face/safetensors-header.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { checkRecipeText } from '../../../src/pipeline/recipes/check-recipe.ts'
import { defaultRecipe } from '../../../src/pipeline/recipes/default-recipe.ts'
import { sentenceOf } from '../../../src/protocol/errors.ts'
import { bundleOfBlobs } from '../../../workers/teachers/bundle.ts'
import { describe as describeModel } from '../../../workers/teachers/openers/files.ts'
import { oracle } from '../../engine/small-architectures.ts'
import { makeModelFolder } from './small-folder.ts'

const OTHER_KINDS: readonly unknown[] = [
  { a: { b: 1 } },
  {},
  [1, { a: 1 }],
  [],
  true,
  null,
  -1.5,
  1e300,
  '',
  'x'.repeat(5000),
]
/** What a sentence never shows. */
const UNREADABLE =
  /\[object|undefined|\bNaN\b|is not a function|is not iterable|Cannot (read|convert)|Invalid (array|string|count)|x{100}/

/** The JSON value with one value in it replaced, for every place that has one; of long lists and maps, the first few places. */
function* replaced(value: unknown, others: readonly unknown[]): Generator<unknown> {
  yield* others
  if (typeof value !== 'object' || value === null) return
  const entries: [string, unknown][] = Object.entries(value)
  for (const [key, inner] of entries.slice(0, entries.length > 40 ? 3 : 40))
    for (const other of replaced(inner, others))
      yield Array.isArray(value)
        ? value.map((item: unknown, i) => (String(i) === key ? other : item))
        : { ...value, [key]: other }
}

/** Sentences that a person could not read, of all that `read` returns. */
function unreadable(value: unknown, read: (value: unknown) => readonly string[]): readonly string[] {
  let sentences = 0
  const bad = new Set<string>()
  for (const other of replaced(value, OTHER_KINDS))
    for (const sentence of read(other)) {
      sentences++
      if (UNREADABLE.test(sentence)) bad.add(sentence)
    }
  expect(sentences).toBeGreaterThan(0)
  return [...bad]
}
const refusalOf = (read: { readonly ok: boolean; readonly sentence?: string }): readonly string[] =>
  read.ok ? [] : [read.sentence ?? '']

test.each(Object.entries(oracle.models))('config.json of %s', (_, { config }) => {
  const more = {
    rope_scaling: { rope_type: 'llama3', factor: 8 },
    sliding_window: 16,
    use_sliding_window: true,
  }
  expect(unreadable({ ...config, ...more }, (value) => refusalOf(shapeFromConfig(value)))).toEqual([])
  expect(unreadable(config, (value) => refusalOf(shapeFromConfig(value)))).toEqual([])
})

const { models } = JSON.parse(
  readFileSync(new URL('../../oracles/folders.json', import.meta.url), 'utf8'),
) as {
  readonly models: Readonly<
    Record<string, { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown }>
  >
}
describe.each(Object.entries(models))('the tokenizer of %s', (_, { tokenizerJson, tokenizerConfig }) => {
  test('tokenizer.json', () => {
    expect(
      unreadable(tokenizerJson, (value) => refusalOf(tokenizerFromFolder({ tokenizerJson: value }))),
    ).toEqual([])
  })

  test('tokenizer_config.json', () => {
    const config = { ...(tokenizerConfig as object), chat_template: '{{ raise_exception(bos_token) }}' }
    for (const value of replaced(config, OTHER_KINDS)) {
      const read = tokenizerFromFolder({ tokenizerJson, tokenizerConfig: value })
      expect(refusalOf(read).filter((sentence) => UNREADABLE.test(sentence))).toEqual([])
    }
  })
})

test('a template that raises, or formats a date by, something that is not a text', () => {
  const [model] = Object.values(models)
  const noteOf = (chat_template: string): string => {
    const read = tokenizerFromFolder({
      tokenizerJson: model?.tokenizerJson,
      tokenizerConfig: { chat_template },
    })
    if (!read.ok) return read.sentence
    try {
      return `rendered ${read.tokenizer.renderChat([{ role: 'user', content: 'Hi' }], { addGenerationPrompt: true })}`
    } catch (thrown) {
      return sentenceOf(thrown)
    }
  }
  for (const template of [
    '{{ raise_exception({"a": 1}) }}',
    '{{ raise_exception([1]) }}',
    '{{ raise_exception(none) }}',
    '{{ strftime_now({"a": 1}) }}',
    '{{ strftime_now(messages) }}',
  ])
    expect(noteOf(template)).not.toMatch(UNREADABLE)
})

test('the header of a safetensors file, and the index of several', async () => {
  const header = {
    __metadata__: { format: 'pt' },
    a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
    b: { dtype: 'F32', shape: [1], data_offsets: [4, 8] },
  }
  const write = (value: unknown) => {
    const json = new TextEncoder().encode(JSON.stringify(value))
    const bytes = new Uint8Array(16 + json.length)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
    bytes.set(json, 8)
    return sourceFromBytes('model.safetensors', bytes)
  }
  const sentences: string[] = []
  for (const value of replaced(header, OTHER_KINDS)) {
    const read = await readSafetensorsHeader(write(value))
    if (!read.ok) sentences.push(read.sentence)
  }
  const index = { weight_map: { a: 'model.safetensors', b: 'model.safetensors' } }
  for (const value of replaced(index, OTHER_KINDS)) sentences.push(...refusalOf(listShards(value)))
  expect(sentences.length).toBeGreaterThan(10)
  expect(sentences.filter((sentence) => UNREADABLE.test(sentence))).toEqual([])
})

test('every file of a folder, read as the page does', async () => {
  const folder = makeModelFolder()
  const sentences: string[] = []
  for (const name of [
    'config.json',
    'generation_config.json',
    'tokenizer_config.json',
    'special_tokens_map.json',
  ]) {
    const whole: unknown = JSON.parse(
      new TextDecoder().decode(folder.get(name) ?? new Uint8Array([123, 125])),
    )
    for (const value of replaced(whole, [{ a: 1 }, [{ a: 1 }], 7])) {
      const files = new Map(folder).set(name, new TextEncoder().encode(JSON.stringify(value)))
      const sentence = await describeModel(
        bundleOfBlobs(
          'model',
          [...files].map(([path, bytes]) => [path, new Blob([bytes])]),
        ),
      ).then(() => undefined, sentenceOf)
      if (sentence !== undefined) sentences.push(sentence)
    }
  }
  expect(sentences.length).toBeGreaterThan(5)
  expect(
    sentences.filter((sentence) => UNREADABLE.test(sentence) || sentence.startsWith('Unexpected')),
  ).toEqual([])
})

test('a recipe', () => {
  const steps = defaultRecipe().steps.map(({ family, name, settings }) => ({ [family]: name, ...settings }))
  expect(
    unreadable({ retort: 2, name: 'A recipe', rngSeed: 1, steps }, (value) => {
      const read = checkRecipeText(JSON.stringify(value))
      return read.ok ? [] : read.problems.map(({ sentence }) => sentence)
    }),
  ).toEqual([])
})
