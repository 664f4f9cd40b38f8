// Knows: that a SentencePiece vocabulary gives the same ids from a GGUF file and from the folder it was converted from, above all for the blank
// after control tokens, in texts and in chats.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GgufValue } from '../../../../src/engine/weights/gguf/gguf-header.ts'
import {
  tokenizerFromFolder,
  tokenizerFromGguf,
  type TextTokenizer,
} from '../../../../src/engine/tokenizers/tokenizer.ts'

interface Model {
  readonly tokens: readonly string[]
  readonly scores: readonly number[]
  readonly types: readonly number[]
}
const readOracle = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../oracles/${name}`, import.meta.url), 'utf8'))
/** Vocabularies that the sentencepiece package trained. */
const { extra, models } = readOracle('spm.json') as {
  extra: readonly string[]
  models: { readonly llama: Model; readonly gemma: Model }
}
const { strings } = readOracle('tokens.json') as { strings: readonly string[] }
// A text's own “▁” counts as a blank; as part of a piece of blanks it is matched before or after the blanks are replaced, which differs between the forms.
// A text's own “▁” is left out: it may be matched before or after blanks are replaced, which differs between the forms.
const texts = [...strings.filter((_, i) => i % 3 === 0), ...extra].filter((text) => !text.includes('▁'))

const NORMAL = 1
const CONTROL = 3
const USER_DEFINED = 4

/** What a vocabulary's folder does with blanks, and its chat template. */
interface Form {
  readonly name: string
  readonly model: Model
  /** New names of pieces that become control tokens. */
  readonly controls: Readonly<Record<string, string>>
  readonly addsSpace: boolean
  readonly steps: Readonly<Record<string, unknown>>
  readonly template: string
}

const REPLACE = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 }
const decoders = [
  { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
]
/** Llama 2, TinyLlama, Mistral 0.1: a normaliser puts a blank before each text between control tokens. */
const PREPENDED = {
  normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, REPLACE] },
  pre_tokenizer: null,
  decoder: { type: 'Sequence', decoders: [...decoders, strip] },
}
/** Mistral from 0.3 on: a blank at the start of the whole text only. */
const AT_START = {
  normalizer: null,
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
  decoder: { type: 'Sequence', decoders: [...decoders, strip] },
}
/** Gemma: no blank. */
const NONE = { normalizer: REPLACE, pre_tokenizer: null, decoder: { type: 'Sequence', decoders } }

const forms: readonly Form[] = [
  {
    name: 'Llama 2',
    model: models.llama,
    controls: {},
    addsSpace: true,
    steps: PREPENDED,
    template:
      "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}",
  },
  {
    name: 'TinyLlama',
    model: models.llama,
    controls: {},
    addsSpace: true,
    steps: PREPENDED,
    template:
      "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
  },
  {
    name: 'Mistral 0.3',
    model: models.gemma,
    controls: { '<b>': '[INST]', '</s>x': '[/INST]' },
    addsSpace: true,
    steps: AT_START,
    template:
      "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + '[/INST]' }}{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}",
  },
  {
    name: 'Gemma',
    model: models.gemma,
    controls: { '<start_of_turn>': '<start_of_turn>', '<turn_end>': '<end_of_turn>' },
    addsSpace: false,
    steps: NONE,
    template:
      "{{ bos_token }}{% for m in messages %}{{ '<start_of_turn>' + m.role + '\n' + m.content + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
  },
]

/** The pieces of a form's vocabulary, with their types. */
function piecesOf({ model, controls }: Form): { tokens: readonly string[]; types: readonly number[] } {
  return {
    tokens: model.tokens.map((token) => controls[token] ?? token),
    types: model.types.map((type, id) => (controls[model.tokens[id] ?? ''] === undefined ? type : CONTROL)),
  }
}

const START = '<s>'
const END = '</s>'

function fromGguf(form: Form): TextTokenizer {
  const { tokens, types } = piecesOf(form)
  const result = tokenizerFromGguf(
    new Map<string, GgufValue>([
      ['tokenizer.ggml.model', 'llama'],
      ['tokenizer.ggml.tokens', [...tokens]],
      ['tokenizer.ggml.scores', [...form.model.scores]],
      ['tokenizer.ggml.token_type', [...types]],
      ['tokenizer.ggml.add_space_prefix', form.addsSpace],
      ['tokenizer.ggml.bos_token_id', tokens.indexOf(START)],
      ['tokenizer.ggml.eos_token_id', tokens.indexOf(END)],
      ['tokenizer.chat_template', form.template],
    ]),
  )
  if (!result.ok) throw new Error(result.sentence)
  return result.tokenizer
}

/** All pairs of pieces whose concatenation is a piece, the best score first, as transformers derives merges from SentencePiece's scores. */
function mergesOf(
  vocabulary: ReadonlyMap<string, number>,
  scores: readonly number[],
  skipped: ReadonlySet<string>,
): string[][] {
  const merges: { readonly pair: string[]; readonly score: number }[] = []
  for (const [piece, id] of vocabulary) {
    if (skipped.has(piece)) continue
    const characters = Array.from(piece)
    const pairs = characters
      .map((_, at) => [characters.slice(0, at).join(''), characters.slice(at).join('')])
      .filter((pair) => pair.every((half) => vocabulary.has(half) && !skipped.has(half)))
      .toSorted(
        ([a = '', b = ''], [c = '', d = '']) =>
          (vocabulary.get(a) ?? 0) - (vocabulary.get(c) ?? 0) ||
          (vocabulary.get(b) ?? 0) - (vocabulary.get(d) ?? 0),
      )
    for (const pair of pairs) merges.push({ pair, score: scores[id] ?? 0 })
  }
  return merges.toSorted((a, b) => b.score - a.score).map(({ pair }) => pair)
}

function fromFolder(form: Form): TextTokenizer {
  const { tokens, types } = piecesOf(form)
  // A GGUF file has the blanks of user-defined pieces as blanks.
  const names = tokens.map((token, id) => (types[id] === USER_DEFINED ? token.replaceAll(' ', '▁') : token))
  const added = tokens.flatMap((content, id) => {
    const type = types[id] ?? NORMAL
    const special = type === CONTROL || type === 2
    return special || type === USER_DEFINED ? [{ id, content, special, normalized: false }] : []
  })
  const vocabulary = new Map(names.map((name, id) => [name, id]))
  const result = tokenizerFromFolder({
    tokenizerJson: {
      added_tokens: added,
      ...form.steps,
      model: {
        type: 'BPE',
        unk_token: '<unk>',
        fuse_unk: true,
        byte_fallback: true,
        vocab: Object.fromEntries(vocabulary),
        merges: mergesOf(vocabulary, form.model.scores, new Set(added.map(({ content }) => content))),
      },
    },
    tokenizerConfig: { bos_token: START, eos_token: END, unk_token: '<unk>', chat_template: form.template },
  })
  if (!result.ok) throw new Error(result.sentence)
  return result.tokenizer
}

describe.each(forms)('a vocabulary like $name’s', (form) => {
  const gguf = fromGguf(form)
  const folder = fromFolder(form)
  const controls = piecesOf(form).tokens.filter((_, id) => piecesOf(form).types[id] === CONTROL)

  test('has the same ids for texts with and without control tokens', () => {
    expect(controls.length).toBeGreaterThanOrEqual(2)
    const all = texts.flatMap((text) => [
      text,
      `${START}${text}`,
      `${text}${END}${text}`,
      `${START} ${text}${END} a`,
    ])
    expect(all.filter((text) => gguf.encode(text).join(' ') !== folder.encode(text).join(' '))).toEqual([])
    expect(
      texts.filter(
        (text) =>
          gguf.encode(text, { special: false }).join(' ') !==
          folder.encode(text, { special: false }).join(' '),
      ),
    ).toEqual([])
    expect(
      texts.filter(
        (text) =>
          gguf.encode(text, { continues: true }).join(' ') !==
          folder.encode(text, { continues: true }).join(' '),
      ),
    ).toEqual([])
  })

  test('has the same ids for chats, whatever the messages contain', () => {
    const piece = fc.oneof(
      fc.constantFrom(...controls, ' ', '  ', '\n', '[INST]', 'a', 'Hello', 'x.'),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
    )
    const message = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(message, message, message, (first, reply, second) => {
        const chat = [
          { role: 'user', content: first },
          { role: 'assistant', content: reply },
          { role: 'user', content: second },
        ] as const
        expect(gguf.encodeChat(chat)).toEqual(folder.encodeChat(chat))
        expect(gguf.encodeChat(chat.slice(0, 1), { answer: reply })).toEqual(
          folder.encodeChat(chat.slice(0, 1), { answer: reply }),
        )
      }),
      { numRuns: 150 },
    )
  })

  test('puts a blank after a control token where its folder does, and nowhere else', () => {
    const id = gguf.idOf(END) as number
    const after = form.steps === PREPENDED ? gguf.idOf('▁a') : gguf.idOf('a')
    expect(gguf.encode(`${END}a`)).toEqual([id, after])
    expect(gguf.encode('a')).toEqual([form.addsSpace ? gguf.idOf('▁a') : gguf.idOf('a')])
  })
})
