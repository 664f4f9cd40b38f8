// Knows: what a tokenizer.json says: its vocabulary, its added tokens, how texts become ids and ids texts. It is the parser of data
// that crossed a boundary: lengths are bounded, and what cannot be done exactly as the Rust library does it is refused.
// Must not know: tokenizer_config.json, chats (folder-tokenizer.ts, json-tokenizer.ts).
import { makeBpe } from './bpe-model.ts'
import { readCutters, readPrependScheme, type Cutter } from './cutters.ts'
import { MAX_STEPS, readNormalisers, readPattern } from './normalisers.ts'
import { makeUnigram } from './unigram-model.ts'
import { fieldOf, isIndex, isRecord, listOf, show, textOf } from './unknown-json.ts'
import type { ByteStyle, StretchModel, VocabularyParts, WrittenToken } from './vocabulary-tokenizer.ts'

export type TokenizerFile = Pick<
  VocabularyParts,
  'tokens' | 'specialIds' | 'literalIds' | 'written' | 'model' | 'style' | 'offAtStart'
> & {
  /** Ids that the post-processor puts before a text. */
  readonly beginIds: readonly number[]
}

/** Ids of one piece of normalised text. */
type PieceModel = (piece: string) => readonly number[]

/** Ids are below this: the largest vocabularies have 262,144. */
export const MAX_VOCABULARY = 4_000_000
/** Longest token, in UTF-16 units. */
const MAX_TOKEN = 65_536
/** Most merges: those of the largest vocabularies are about twice as many as their tokens. */
const MAX_MERGES = 8_000_000

/** Throws an Error with the middle of a sentence ("tokenizer.json …") when the file is damaged or cannot be used exactly. */
export function readTokenizerFile(file: unknown): TokenizerFile {
  const model = fieldOf(file, 'model')
  if (!isRecord(model)) throw new Error('tokenizer.json holds no vocabulary')
  const tokens: string[] = []
  const make = readModel(model, tokens)
  const { style, offAtStart } = readDecoder(fieldOf(file, 'decoder'))
  const normalisers = readNormalisers(fieldOf(file, 'normalizer'))
  const cutters = readCutters(fieldOf(file, 'pre_tokenizer'))
  const normalise: StretchModel['normalise'] = (text, place) =>
    normalisers.reduce((normal, step) => step(normal, place), text)
  const { specialIds, literalIds, written } = readAdded(file, tokens)
  // What is looked for in normalised text is read as it stands there: "▁<b>" is " <b>".
  for (const { id, content, normalised } of written)
    if (normalised) tokens[id] = normalise(content, { first: false, continues: false })
  return {
    tokens: Array.from(tokens, (token) => token ?? ''),
    specialIds,
    literalIds: style === 'sentencepiece' ? new Set() : literalIds, // whose "▁" and "<0xAB>" the decoder reads in all tokens alike
    written,
    model: { normalise, encode: makeEncoder(cutters, make) },
    style,
    offAtStart,
    beginIds: readBeginIds(fieldOf(file, 'post_processor'), tokens),
  }
}

function makeEncoder(cutters: readonly Cutter[], model: PieceModel): StretchModel['encode'] {
  return (normal, place) => {
    const ids: number[] = []
    for (const piece of cutters.reduce((pieces, cut) => cut(pieces, place), [normal]))
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
  // Files from before 2021 do not say what kind their model is: merges make it a BPE.
  const type = textOf(model, 'type') ?? (Array.isArray(fieldOf(model, 'merges')) ? 'BPE' : undefined)
  if (type === 'Unigram') return readUnigram(model, tokens)
  if (type !== 'BPE')
    throw new Error(`tokenizer.json holds a model of the kind ${show(type)}; BPE and Unigram are read`)
  for (const affix of ['continuing_subword_prefix', 'end_of_word_suffix'])
    if ((textOf(model, affix) ?? '') !== '')
      throw new Error('tokenizer.json marks the borders of words inside its tokens, which is not read here')
  const vocab = fieldOf(model, 'vocab')
  if (!isRecord(vocab)) throw new Error('tokenizer.json holds no vocabulary')
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

/** Merges by three ids each; files have them as pairs of texts, or as "left right". */
function readMerges(value: unknown, vocabulary: ReadonlyMap<string, number>): Int32Array {
  if (!Array.isArray(value) || value.length > MAX_MERGES)
    throw new Error('tokenizer.json holds no list of merges')
  const merges = new Int32Array(3 * value.length)
  let at = 0
  const idOf = (token: string): number => {
    const id = vocabulary.get(token)
    if (id === undefined) throw new Error(`tokenizer.json has a merge with ${show(token)}, which is no token`)
    return id
  }
  for (const item of value as unknown[]) {
    const [left, right] =
      typeof item === 'string'
        ? cutMerge(item)
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

/** "left right" at the first space after the first character. */
export function cutMerge(merge: string): [string, string] {
  const space = merge.indexOf(' ', 1)
  return space < 0 ? [merge, ''] : [merge.slice(0, space), merge.slice(space + 1)]
}

function readUnigram(model: object, tokens: string[]): PieceModel {
  const list = listOf(model, 'vocab')
  if (list.length === 0) throw new Error('tokenizer.json holds no vocabulary')
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

function readAdded(
  file: unknown,
  tokens: string[],
): Pick<TokenizerFile, 'specialIds' | 'literalIds' | 'written'> {
  const specialIds = new Set<number>()
  const literalIds = new Set<number>()
  const written: WrittenToken[] = []
  for (const item of listOf(file, 'added_tokens')) {
    const [id, content] = [fieldOf(item, 'id'), fieldOf(item, 'content')]
    put(tokens, content, id)
    if (typeof id !== 'number' || typeof content !== 'string' || content === '') continue
    const says = (flag: string): boolean => fieldOf(item, flag) === true
    const special = says('special')
    ;(special ? specialIds : literalIds).add(id)
    written.push({
      id,
      content,
      lstrip: says('lstrip'),
      rstrip: says('rstrip'),
      singleWord: says('single_word'),
      normalised: says('normalized'),
    })
  }
  return { specialIds, literalIds, written }
}

function readDecoder(value: unknown): { style: ByteStyle; offAtStart: TokenizerFile['offAtStart'] } {
  const steps = textOf(value, 'type') === 'Sequence' ? listOf(value, 'decoders') : [value]
  let style: ByteStyle | undefined
  let offAtStart: TokenizerFile['offAtStart'] = 'nothing'
  let fused = false
  for (const step of steps.slice(0, MAX_STEPS)) {
    const type = textOf(step, 'type')
    if (type === 'ByteLevel') style = 'alphabet'
    else if (type === 'Metaspace') {
      style = 'sentencepiece'
      if (readPrependScheme(step) !== 'never') offAtStart = 'spaces of the first token'
    } else if (type === 'Replace') {
      const pattern = readPattern(step)
      if (!('String' in pattern && pattern.String === '▁' && textOf(step, 'content') === ' '))
        throw new Error('tokenizer.json joins tokens by replacing something else than "▁"')
      style = 'sentencepiece'
    } else if (type === 'Fuse') fused = true
    else if (
      type === 'Strip' &&
      fused &&
      textOf(step, 'content') === ' ' &&
      fieldOf(step, 'start') === 1 &&
      fieldOf(step, 'stop') === 0
    )
      offAtStart = 'space'
    else if (type !== 'ByteFallback')
      throw new Error(
        `tokenizer.json joins tokens by a step of the kind ${show(type)}, which is not done exactly here`,
      )
  }
  if (style === undefined) throw new Error('tokenizer.json does not say how tokens are joined')
  return { style, offAtStart }
}

/** Ids before the text in the form for one text, of TemplateProcessing or the last such step of a sequence. */
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
