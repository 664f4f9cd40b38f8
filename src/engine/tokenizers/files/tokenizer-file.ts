// Knows: how to read a tokenizer.json: its vocabulary, its added tokens, encoding and decoding. It parses data
// that crossed a boundary: lengths are bounded, and a file that we cannot process exactly like the Rust library
// is refused.
// Must not know: tokenizer_config.json, chats (folder-tokenizer.ts, json-tokenizer.ts).
import { makeBpe } from '../bpe/bpe-model.ts'
import {
  readPreTokenizer,
  readPrependScheme,
  type PreTokenizerStep,
} from '../splitting/pre-tokenizer-steps.ts'
import { MAX_STEPS, readNormalisers, readPattern } from '../splitting/normalisers.ts'
import { makeUnigram } from '../unigram-model.ts'
import { fieldOf, isIndex, isRecord, listOf, show, textOf } from './unknown-json.ts'
import type { ByteStyle, SegmentModel, VocabularyParts, AddedToken } from './vocabulary-tokenizer.ts'

export type TokenizerFile = Pick<
  VocabularyParts,
  'tokens' | 'specialIds' | 'literalIds' | 'addedTokens' | 'model' | 'style' | 'strippedAtStart'
> & {
  /** Ids that the post-processor adds before a text. */
  readonly beginIds: readonly number[]
}

/** Ids of one piece of normalised text. */
type PieceModel = (piece: string) => readonly number[]

/** Ids are below this: the largest vocabularies have 262,144. */
export const MAX_VOCABULARY = 4_000_000
/** Max length of a token, in UTF-16 units. */
const MAX_TOKEN = 65_536
/** Max number of merges: the largest vocabularies have about twice as many merges as tokens. */
const MAX_MERGES = 8_000_000

/** Throws an Error with the middle of a sentence ("tokenizer.json …") if the file is damaged or not fully supported. */
export function readTokenizerFile(file: unknown): TokenizerFile {
  const model = fieldOf(file, 'model')
  if (!isRecord(model)) throw new Error('tokenizer.json has no vocabulary')
  const tokens: string[] = []
  const make = readModel(model, tokens)
  const { style, strippedAtStart } = readDecoder(fieldOf(file, 'decoder'))
  const normalisers = readNormalisers(fieldOf(file, 'normalizer'))
  const preTokenizer = readPreTokenizer(fieldOf(file, 'pre_tokenizer'))
  const normalise: SegmentModel['normalise'] = (text, position) =>
    normalisers.reduce((normal, step) => step(normal, position), text)
  const { specialIds, literalIds, addedTokens } = readAddedTokens(file, tokens)
  // A token that is matched in normalised text decodes to its normalised form: "▁<b>" is " <b>".
  for (const { id, content, normalised } of addedTokens)
    if (normalised) tokens[id] = normalise(content, { first: false, continues: false })
  return {
    tokens: Array.from(tokens, (token) => token ?? ''),
    specialIds,
    literalIds: style === 'sentencepiece' ? new Set() : literalIds, // the decoder replaces "▁" and "<0xAB>" in all tokens
    addedTokens,
    model: { normalise, encode: makeEncoder(preTokenizer, make) },
    style,
    strippedAtStart,
    beginIds: readBeginIds(fieldOf(file, 'post_processor'), tokens),
  }
}

function makeEncoder(preTokenizer: readonly PreTokenizerStep[], model: PieceModel): SegmentModel['encode'] {
  return (normal, position) => {
    const ids: number[] = []
    for (const piece of preTokenizer.reduce((pieces, step) => step(pieces, position), [normal]))
      if (piece !== '') for (const id of model(piece)) ids.push(id)
    return ids
  }
}

function put(tokens: string[], token: unknown, id: unknown): void {
  if (typeof token !== 'string' || token.length > MAX_TOKEN || !isIndex(id, MAX_VOCABULARY))
    throw new Error('tokenizer.json has a token that is not a text with a whole number')
  tokens[id] = token
}

function readModel(model: object, tokens: string[]): PieceModel {
  // Files from before 2021 do not declare the type of their model: a model with merges is a BPE.
  const type = textOf(model, 'type') ?? (Array.isArray(fieldOf(model, 'merges')) ? 'BPE' : undefined)
  if (type === 'Unigram') return readUnigram(model, tokens)
  if (type !== 'BPE')
    throw new Error(
      `tokenizer.json has a model of the kind ${show(type)}, but only BPE and Unigram are supported`,
    )
  for (const affix of ['continuing_subword_prefix', 'end_of_word_suffix'])
    if ((textOf(model, affix) ?? '') !== '')
      throw new Error('tokenizer.json marks word boundaries inside its tokens, which is not supported')
  const vocab = fieldOf(model, 'vocab')
  if (!isRecord(vocab)) throw new Error('tokenizer.json has no vocabulary')
  const checked = new Map<string, number>()
  for (const [token, id] of Object.entries(vocab)) {
    put(tokens, token, id)
    if (typeof id === 'number') checked.set(token, id)
  }
  const unknown = textOf(model, 'unk_token')
  return makeBpe({
    idOf: checked,
    merges: readMerges(fieldOf(model, 'merges'), checked),
    unknown,
    fusesUnknown: fieldOf(model, 'fuse_unk') === true,
    byteFallback: fieldOf(model, 'byte_fallback') === true,
    ignoreMerges: fieldOf(model, 'ignore_merges') === true,
  })
}

/** Merges as three ids each; files have pairs of texts, or "left right". */
function readMerges(value: unknown, vocabulary: ReadonlyMap<string, number>): Int32Array {
  if (!Array.isArray(value) || value.length > MAX_MERGES)
    throw new Error('tokenizer.json has no list of merges, or a list that is too long')
  const merges = new Int32Array(3 * value.length)
  let at = 0
  const idOf = (token: string): number => {
    const id = vocabulary.get(token)
    if (id === undefined)
      throw new Error(`tokenizer.json has a merge with ${show(token)}, which is not a token`)
    return id
  }
  for (const item of value as unknown[]) {
    const [left, right] =
      typeof item === 'string'
        ? splitMerge(item)
        : Array.isArray(item) && item.length === 2
          ? [item[0] as unknown, item[1] as unknown]
          : []
    if (typeof left !== 'string' || typeof right !== 'string')
      throw new Error('tokenizer.json has a merge that is not of two texts')
    merges[at++] = idOf(left)
    merges[at++] = idOf(right)
    merges[at++] = idOf(left + right)
  }
  return merges
}

/** Splits "left right" at the first space after the first character. */
export function splitMerge(merge: string): [string, string] {
  const space = merge.indexOf(' ', 1)
  return space < 0 ? [merge, ''] : [merge.slice(0, space), merge.slice(space + 1)]
}

function readUnigram(model: object, tokens: string[]): PieceModel {
  const list = listOf(model, 'vocab')
  if (list.length === 0) throw new Error('tokenizer.json has no vocabulary')
  const vocab = list.map((item, id): readonly [string, number] => {
    const [token, score] = Array.isArray(item) ? [item[0] as unknown, item[1] as unknown] : []
    put(tokens, token, id)
    if (typeof token !== 'string' || typeof score !== 'number')
      throw new Error('tokenizer.json has a token without a probability')
    return [token, score]
  })
  const unknown = fieldOf(model, 'unk_id')
  return makeUnigram({
    vocab,
    unknownId: isIndex(unknown, vocab.length) ? unknown : undefined,
    byteFallback: fieldOf(model, 'byte_fallback') === true,
  })
}

function readAddedTokens(
  file: unknown,
  tokens: string[],
): Pick<TokenizerFile, 'specialIds' | 'literalIds' | 'addedTokens'> {
  const specialIds = new Set<number>()
  const literalIds = new Set<number>()
  const addedTokens: AddedToken[] = []
  for (const item of listOf(file, 'added_tokens')) {
    const [id, content] = [fieldOf(item, 'id'), fieldOf(item, 'content')]
    put(tokens, content, id)
    if (typeof id !== 'number' || typeof content !== 'string' || content === '') continue
    const isSet = (flag: string): boolean => fieldOf(item, flag) === true
    const special = isSet('special')
    ;(special ? specialIds : literalIds).add(id)
    addedTokens.push({
      id,
      content,
      lstrip: isSet('lstrip'),
      rstrip: isSet('rstrip'),
      singleWord: isSet('single_word'),
      normalised: isSet('normalized'),
    })
  }
  return { specialIds, literalIds, addedTokens }
}

function readDecoder(value: unknown): {
  style: ByteStyle
  strippedAtStart: TokenizerFile['strippedAtStart']
} {
  const steps = textOf(value, 'type') === 'Sequence' ? listOf(value, 'decoders') : [value]
  let style: ByteStyle | undefined
  let strippedAtStart: TokenizerFile['strippedAtStart'] = 'nothing'
  let fused = false
  for (const step of steps.slice(0, MAX_STEPS)) {
    const type = textOf(step, 'type')
    if (type === 'ByteLevel') style = 'alphabet'
    else if (type === 'Metaspace') {
      style = 'sentencepiece'
      if (readPrependScheme(step) !== 'never') strippedAtStart = 'spaces of the first token'
    } else if (type === 'Replace') {
      const pattern = readPattern(step)
      if (!('String' in pattern && pattern.String === '▁' && textOf(step, 'content') === ' '))
        throw new Error(
          'tokenizer.json has a decoder that replaces another character than "▁", which is not supported',
        )
      style = 'sentencepiece'
    } else if (type === 'Fuse') fused = true
    else if (
      type === 'Strip' &&
      fused &&
      textOf(step, 'content') === ' ' &&
      fieldOf(step, 'start') === 1 &&
      fieldOf(step, 'stop') === 0
    )
      strippedAtStart = 'space'
    else if (type !== 'ByteFallback')
      throw new Error(`tokenizer.json uses a decoder of type ${show(type)}, which is not supported`)
  }
  if (style === undefined) throw new Error('tokenizer.json has no decoder for its tokens')
  return { style, strippedAtStart }
}

/** Ids before a single text, from TemplateProcessing or from the last such step of a sequence. */
function readBeginIds(value: unknown, tokens: readonly string[]): number[] {
  const type = textOf(value, 'type')
  if (type === 'Sequence')
    return (
      listOf(value, 'processors')
        .slice(0, MAX_STEPS)
        .map((step) => (textOf(step, 'type') === 'Sequence' ? [] : readBeginIds(step, tokens)))
        .findLast((ids) => ids.length > 0) ?? []
    )
  if (type !== 'TemplateProcessing') return []
  const ids: number[] = []
  for (const item of listOf(value, 'single').slice(0, MAX_STEPS)) {
    const name = textOf(fieldOf(item, 'SpecialToken'), 'id')
    if (name === undefined) break
    const known = listOf(fieldOf(fieldOf(value, 'special_tokens'), name), 'ids').filter((id) =>
      isIndex(id, tokens.length),
    )
    ids.push(...known.slice(0, MAX_STEPS))
  }
  return ids
}
