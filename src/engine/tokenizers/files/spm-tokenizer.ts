// Knows: how a SentencePiece vocabulary in a GGUF file ("llama") becomes a tokenizer: Llama 2, TinyLlama,
// Mistral, Gemma.
// Must not know: tensors, other kinds of vocabularies.
// A space is added as in llama.cpp: at the start of a text and after every added token, as in the tokenizer.json
// files of those models; SentencePiece itself adds it at the start only, and so do the tokenizer.json files of the vocabularies in which Mistral
// has control tokens for instructions: its templates write the space themselves. To a text that begins with a space those files add none.
import { readFlag, readNumber, readNumbers } from '../../weights/gguf/metadata.ts'
import type { Metadata } from '../../weights/gguf/metadata.ts'
import { KIND, readGgufVocabulary, type GgufVocabulary } from './gguf-vocabulary.ts'
import { SpmModel, type SpmPieces } from '../bpe/spm-model.ts'
import type { TemplateFamily } from '../templates/template-families.ts'
import { readByteToken, VocabularyTokenizer, type SegmentPosition } from './vocabulary-tokenizer.ts'

/** Ids if the file has none. Source: llama.cpp, src/llama-vocab.cpp. */
const DEFAULTS = { beginId: 1, endId: 2, addsBegin: true } as const

/** Throws an Error with the middle of a sentence ("its …") if something is missing. */
export function makeSpmTokenizer(metadata: Metadata, family?: TemplateFamily): VocabularyTokenizer {
  const vocabulary = readGgufVocabulary(metadata, DEFAULTS, family)
  if (vocabulary === undefined) throw new Error('its list of tokens is missing')
  const scores = readNumbers(metadata, 'tokenizer.ggml.scores')
  if (scores === undefined || scores.length < vocabulary.tokens.length)
    throw new Error('its list of scores is missing or too short')
  const model = new SpmModel(
    readPieces(vocabulary, scores, readNumber(metadata, 'tokenizer.ggml.unknown_token_id') ?? 0),
  )
  const addsSpace = readFlag(metadata, 'tokenizer.ggml.add_space_prefix') ?? true
  const { specialIds, addedTokens } = vocabulary
  const controls = addedTokens.flatMap(({ id, content }) => (specialIds.has(id) ? [content] : []))
  const addsOnce = ['[INST]', '[/INST]'].every((token) => controls.includes(token))
  const needsSpace = (text: string, { first, continues }: SegmentPosition): boolean =>
    addsSpace && !continues && (!addsOnce || (first && !/^[ ▁]/.test(text)))
  return new VocabularyTokenizer({
    ...vocabulary,
    model: {
      normalise: (text, position) => (needsSpace(text, position) ? ` ${text}` : text).replaceAll(' ', '▁'),
      encode: (normal) => model.encode(normal),
    },
    style: 'sentencepiece',
    strippedAtStart: addsSpace ? 'space' : 'nothing',
  })
}

function readPieces(
  { tokens, kinds, specialIds, literalIds }: GgufVocabulary,
  scores: readonly number[],
  unknownId: number,
): SpmPieces {
  const idOf = new Map<string, number>()
  const unusedIds = new Set<number>()
  const byteIds: number[] = []
  for (const [id, token] of tokens.entries()) {
    const byte = kinds[id] === KIND.byte || kinds.length === 0 ? readByteToken(token) : undefined
    if (byte !== undefined) byteIds[byte] ??= id
    else if (
      token !== '' &&
      kinds[id] !== KIND.byte &&
      !specialIds.has(id) &&
      !literalIds.has(id) &&
      !idOf.has(token)
    )
      idOf.set(token, id)
    if (kinds[id] === KIND.unused) unusedIds.add(id)
  }
  const whole = byteIds.length === 256 && !byteIds.includes(undefined as never)
  return {
    idOf,
    scores,
    unusedIds,
    byteIds: whole ? byteIds : undefined,
    unknownId: unknownId < tokens.length ? unknownId : -1,
  }
}
