// Knows: BERT's tokenizer: how a text is cleaned, split at spaces and punctuation, and cut into the longest pieces of a vocabulary. Ids are
// those of the `tokenizers` library, except that control tokens written in a text (“[SEP]”) are plain text here.
// Must not know: models.

export interface WordPiece {
  /** Above every id. */
  readonly idLimit: number
  /** Ids of a text between its begin and end token, at most `max` with these; whether more were cut off. */
  encode(text: string, max: number): { readonly ids: readonly number[]; readonly isCut: boolean }
}

export type WordPieceResult =
  | { readonly ok: true; readonly tokenizer: WordPiece }
  | { readonly ok: false; readonly sentence: string }

type Fields = Readonly<Record<string, unknown>>
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}

/** Max entries of a vocabulary, and max characters of one. */
const MAX_VOCABULARY = 1_000_000
const MAX_TOKEN = 1000
/** Max characters of a text that are read: far more than any encoder's context has. */
const MAX_TEXT = 100_000

/** The tokenizer of a parsed tokenizer.json, or a sentence. */
export function wordPieceFrom(json: unknown): WordPieceResult {
  const { model: rawModel, normalizer: rawNormalizer, pre_tokenizer: rawSplit } = fieldsOf(json)
  const [model, normalizer, split] = [fieldsOf(rawModel), fieldsOf(rawNormalizer), fieldsOf(rawSplit)]
  if (model['type'] !== 'WordPiece') return refuse('its tokenizer is not a WordPiece vocabulary')
  if (normalizer['type'] !== 'BertNormalizer' || split['type'] !== 'BertPreTokenizer')
    return refuse('its tokenizer cleans or splits texts in another way than BERT does')
  const entries = Object.entries(fieldsOf(model['vocab']))
  if (entries.length === 0 || entries.length > MAX_VOCABULARY)
    return refuse(`its vocabulary has ${entries.length.toLocaleString('en')} entries`)
  const vocabulary = new Map<string, number>()
  let highest = 0
  for (const [token, id] of entries) {
    if (
      typeof id !== 'number' ||
      !Number.isInteger(id) ||
      id < 0 ||
      id >= MAX_VOCABULARY ||
      token.length > MAX_TOKEN
    )
      return refuse('its vocabulary has an entry without a valid id')
    vocabulary.set(token, id)
    highest = Math.max(highest, id)
  }
  const nameOf = (value: unknown, usual: string): string => (typeof value === 'string' ? value : usual)
  const unknown = vocabulary.get(nameOf(model['unk_token'], '[UNK]'))
  const [begin, end] = [vocabulary.get('[CLS]'), vocabulary.get('[SEP]')]
  if (unknown === undefined || begin === undefined || end === undefined)
    return refuse('its vocabulary has no [UNK], [CLS] or [SEP]')
  const longest = model['max_input_chars_per_word']
  const lowers = normalizer['lowercase'] !== false
  const pieces = { vocabulary, unknown, prefix: nameOf(model['continuing_subword_prefix'], '##') }
  const rules = {
    cleans: normalizer['clean_text'] !== false,
    spacesChinese: normalizer['handle_chinese_chars'] !== false,
    lowers,
    stripsAccents: typeof normalizer['strip_accents'] === 'boolean' ? normalizer['strip_accents'] : lowers,
  }
  const maxWord = typeof longest === 'number' ? longest : 100
  return {
    ok: true,
    tokenizer: {
      idLimit: highest + 1,
      encode(text, max) {
        const ids = [begin]
        let isCut = text.length > MAX_TEXT
        for (const word of splitWords(normalise(text.slice(0, MAX_TEXT), rules))) {
          if (ids.length >= max) {
            isCut = true
            break
          }
          const characters = [...word]
          if (characters.length > maxWord) ids.push(unknown)
          else ids.push(...cutWord(characters, pieces))
        }
        if (ids.length > max - 1) {
          isCut = true
          ids.length = Math.max(1, max - 1)
        }
        return { ids: [...ids, end], isCut }
      },
    },
  }
}

const refuse = (reason: string): WordPieceResult => ({
  ok: false,
  sentence: `This model cannot be used: ${reason}. Choose another one.`,
})

interface Rules {
  readonly cleans: boolean
  readonly spacesChinese: boolean
  readonly lowers: boolean
  readonly stripsAccents: boolean
}

function normalise(text: string, { cleans, spacesChinese, lowers, stripsAccents }: Rules): string {
  let normal = text
  if (cleans) normal = normal.replaceAll(CONTROL, '').replaceAll(/\s/gu, ' ')
  if (spacesChinese) normal = normal.replaceAll(CHINESE, ' $& ')
  if (stripsAccents) normal = normal.normalize('NFD').replaceAll(/\p{Mn}/gu, '')
  // One character at a time: of a whole word, JavaScript would write the final sigma in another way.
  return lowers ? Array.from(normal, (character) => character.toLowerCase()).join('') : normal
}

/** Control, format, private and unassigned characters, but not the white space among them. */
const CONTROL = /(?![\t\n\r])[\p{C}\ufffd]/gu
/** The blocks that BERT names; the gap from U+2B820 on is its own. */
const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu

/** Words, and each mark of punctuation alone. */
const splitWords = (text: string): readonly string[] =>
  text.match(/[$+<=>^`|~\p{P}]|[^\s$+<=>^`|~\p{P}]+/gu) ?? []

/** The longest pieces from the left; a word with a part that no piece has is unknown as a whole. */
function cutWord(
  characters: readonly string[],
  {
    vocabulary,
    unknown,
    prefix,
  }: { vocabulary: ReadonlyMap<string, number>; unknown: number; prefix: string },
): readonly number[] {
  const ids: number[] = []
  for (let from = 0; from < characters.length;) {
    let to = characters.length
    let id: number | undefined
    for (; to > from; to--) {
      id = vocabulary.get((from > 0 ? prefix : '') + characters.slice(from, to).join(''))
      if (id !== undefined) break
    }
    if (id === undefined) return [unknown]
    ids.push(id)
    from = to
  }
  return ids
}
