// A teacher's vocabulary, pruned to the tokens of some texts: the same tokens on those texts, and no loss on others.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { namePreTokenizer } from '../../../src/engine/tokenizers/splitting/pre-tokenizers.ts'
import { pruneTokenizer, type PrunedTokenizer } from '../../../src/engine/tokenizers/prune-tokenizer.ts'
import {
  renderStudentExample,
  STUDENT_SPECIALS,
  textsOfExample,
} from '../../../src/engine/tokenizers/templates/student-template.ts'
import {
  tokenizerFromFolder,
  tokenizerFromGguf,
  type TextTokenizer,
} from '../../../src/engine/tokenizers/tokenizer.ts'
import { hasSharedModel, readSharedHeader, whySkipped } from '../shared-model.ts'
import { byteTokenizer } from '../small-model.ts'

const { strings } = JSON.parse(
  readFileSync(new URL('../../oracles/tokens.json', import.meta.url), 'utf8'),
) as { strings: string[] }
/** Words of many scripts, some of them used and some not. */
const [used, others] = [strings.filter((_, i) => i % 5 === 0), strings.filter((_, i) => i % 5 === 1)]

function prune(teacher: TextTokenizer, texts: readonly string[]): PrunedTokenizer {
  const made = pruneTokenizer(teacher, texts)
  if (!made.ok) throw new Error(made.sentence)
  return made.pruned
}

describe.skipIf(!hasSharedModel)(`pruneTokenizer with SmolLM2${whySkipped}`, () => {
  let teacher: TextTokenizer
  let pruned: PrunedTokenizer
  beforeAll(async () => {
    const result = tokenizerFromGguf((await readSharedHeader()).metadata)
    if (!result.ok) throw new Error(result.sentence)
    teacher = result.tokenizer
    pruned = prune(teacher, used)
  })

  test('tokenizes the texts like the teacher, with its own ids', () => {
    for (const text of used)
      expect(
        [...pruned.tokenizer.encode(text, { special: false })].map((id) => pruned.teacherIds[id]),
      ).toEqual(teacher.encode(text, { special: false }))
  })

  test('is much smaller and has its own special tokens, all bytes and no duplicates', () => {
    const { tokenizer, teacherIds } = pruned
    expect(tokenizer.vocabularySize).toBeLessThan(teacher.vocabularySize / 5)
    expect(STUDENT_SPECIALS.map((token) => tokenizer.idOf(token))).toEqual([0, 1, 2, 3, 4])
    const theirs = [...teacherIds].filter((id) => id >= 0)
    expect(new Set(theirs).size).toBe(theirs.length)
    expect(
      new Set(
        Array.from({ length: tokenizer.vocabularySize }, (_, id) => tokenizer.tokenBytes(id))
          .filter((bytes) => bytes.length === 1)
          .map(([byte]) => byte),
      ).size,
    ).toBe(256)
  })

  test('round-trips any other text with at least as many tokens as the teacher', () => {
    for (const text of others) {
      const ids = pruned.tokenizer.encode(text, { special: false })
      expect(pruned.tokenizer.decode(ids)).toBe(text)
      expect(ids.length).toBeGreaterThanOrEqual(teacher.encode(text, { special: false }).length)
    }
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        (text) => pruned.tokenizer.decode(pruned.tokenizer.encode(text, { special: false })) === text,
      ),
    )
  })

  test('covers a rendered row, so that its completion has the teacher’s tokens', () => {
    const row = { system: 'Be brief.', prompt: 'Où est le café?', completion: 'Là-bas, à gauche. 🙂' }
    const own = prune(teacher, textsOfExample(row))
    const { ids, promptLength } = renderStudentExample(own.tokenizer, row)
    expect(ids.slice(promptLength, -1).map((id) => own.teacherIds[id])).toEqual(
      teacher.encode(row.completion, { special: false }),
    )
    expect(ids.at(-1)).toBe(4)
  })

  test('keeps llama.cpp’s name of the pre-tokenizer', () => {
    expect(namePreTokenizer(pruned.tokenizerJson)).toBe('smollm')
    expect(
      namePreTokenizer({ pre_tokenizer: { pretokenizers: [{ type: 'Split', pattern: { Regex: 'x+' } }] } }),
    ).toBeUndefined()
    expect(namePreTokenizer({})).toBe('gpt-2')
  })

  test('finds the same name for equivalent steps of a folder', () => {
    const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: true }
    expect(namePreTokenizer({ pre_tokenizer: bytes })).toBe('gpt-2')
    expect(
      namePreTokenizer({
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [{ type: 'Digits', individual_digits: true }, bytes],
        },
      }),
    ).toBe('smollm')
    expect(
      namePreTokenizer({
        pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Metaspace' }, bytes] },
      }),
    ).toBeUndefined()
  })
})

const folders = (
  JSON.parse(readFileSync(new URL('../../oracles/folders.json', import.meta.url), 'utf8')) as {
    models: Record<string, { tokenizerJson: { added_tokens: unknown[] } }>
  }
).models
const open = (name: string, added: readonly object[] = []): TextTokenizer => {
  const file = folders[name]?.tokenizerJson
  const result = tokenizerFromFolder({
    tokenizerJson: { ...file, added_tokens: [...(file?.added_tokens ?? []), ...added] },
  })
  if (!result.ok) throw new Error(result.sentence)
  return result.tokenizer
}

test('keeps added words that occur in the texts', () => {
  const teacher = open('llama3', [
    { id: 400, content: '<think>', special: false },
    { id: 401, content: '<never>', special: false },
  ])
  const text = 'a<think> b'
  const { tokenizer, teacherIds, tokenizerJson } = prune(teacher, [text])
  expect(teacher.encode(text, { special: false })).toContain(400)
  expect(tokenizer.encode(text, { special: false }).map((id) => teacherIds[id])).toEqual(
    teacher.encode(text, { special: false }),
  )
  expect(tokenizer.decode(tokenizer.encode(text, { special: false }))).toBe(text)
  expect(tokenizer.idOf('<never>')).toBeUndefined()
  expect(namePreTokenizer(tokenizerJson)).toBe('llama-bpe')
})

const NO_SHARING = {
  ok: false,
  sentence:
    'This teacher’s vocabulary is not a byte-level BPE, so a student cannot share it. Train on the texts alone, or load another teacher.',
}

test('refuses a vocabulary that is not a byte-level BPE with a sentence', () => {
  expect(pruneTokenizer(byteTokenizer, ['a'])).toEqual(NO_SHARING)
})

test.each(['llama2', 'gemma', 'unigram'])(
  'refuses a vocabulary with SentencePiece’s byte tokens: %s',
  (name) => {
    expect(pruneTokenizer(open(name), ['a'])).toEqual(NO_SHARING)
  },
)
