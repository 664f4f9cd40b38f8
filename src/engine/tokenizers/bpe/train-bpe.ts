// Knows: how a byte-level BPE vocabulary is trained on texts, and its tokenizer.json.
// Must not know: datasets, students' templates (student-template.ts).
// Algorithm: byte pair encoding (Sennrich et al. 2016) over distinct words, with incremental pair counts and a
// heap, and with the tie-breaking of the `tokenizers` library's BpeTrainer: the same texts give the same
// merges.
import { CHARACTER_OF_BYTE } from './byte-alphabet.ts'
import { PairHeap } from './pair-heap.ts'
import { GPT2_EXPRESSION } from '../splitting/pre-tokenizers.ts'

export interface TrainBpeOptions {
  /** Size of the vocabulary, special tokens and the 256 bytes included; short texts give fewer entries. */
  readonly vocabulary: number
  /** Tokens that get the first ids and are never merged from text. */
  readonly specials: readonly string[]
  /** Min occurrences of a pair to be merged. Default: 2. */
  readonly minFrequency?: number
}

/** GPT-2's expression with Unicode's white space, the Rust library's meaning of \s (JavaScript's \s is another set). */
const WORDS = new RegExp(
  GPT2_EXPRESSION.replaceAll('\\S', '\\P{White_Space}').replaceAll('\\s', '\\p{White_Space}'),
  'gu',
)

/** A pair is one number, left · 2^21 + right: smaller numbers are smaller pairs. */
const RADIX = 2 ** 21

/**
 * Trains a vocabulary. Deterministic; `onProgress` gets the entries done and in total. Returns the
 * tokenizer.json as an object. Throws a RangeError if the vocabulary is too small for the special tokens and
 * the 256 bytes.
 */
export function trainBpe(
  texts: Iterable<string>,
  options: TrainBpeOptions,
  onProgress?: (done: number, total: number) => void,
): { tokenizerJson: object } {
  const { vocabulary, specials, minFrequency = 2 } = options
  const min = specials.length + 256
  if (!(Number.isInteger(vocabulary) && vocabulary >= min && vocabulary < RADIX))
    throw new RangeError(`The vocabulary size ${vocabulary} is outside the range ${min} to ${RADIX - 1}.`)
  const alphabet = CHARACTER_OF_BYTE.toSorted()
  const tokens = [...specials, ...alphabet]
  const words = new Words(
    countWords(texts),
    new Map(alphabet.map((character, i) => [character, specials.length + i])),
  )
  const merges = findMerges(words, tokens, vocabulary, Math.max(1, minFrequency), onProgress)
  return { tokenizerJson: writeTrainedJson(tokens, merges, specials) }
}

/** Words of the texts (GPT-2's pieces) and their counts. */
export function countWords(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const word of text.match(WORDS) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return counts
}

/** All words as token ids in one array; a merge shortens a word in place. */
class Words {
  readonly ids: Int32Array
  readonly starts: Int32Array
  readonly lengths: Int32Array
  readonly counts: Float64Array

  constructor(counts: ReadonlyMap<string, number>, idOfCharacter: ReadonlyMap<string, number>) {
    const encoder = new TextEncoder()
    const idOfByte = CHARACTER_OF_BYTE.map((character) => idOfCharacter.get(character) ?? 0)
    const encoded = [...counts.keys()].map((word) => encoder.encode(word))
    this.ids = new Int32Array(encoded.reduce((sum, bytes) => sum + bytes.length, 0))
    this.starts = new Int32Array(encoded.length)
    this.lengths = new Int32Array(encoded.length)
    this.counts = Float64Array.from(counts.values())
    let at = 0
    for (const [i, bytes] of encoded.entries()) {
      this.starts[i] = at
      this.lengths[i] = bytes.length
      for (const byte of bytes) this.ids[at++] = idOfByte[byte] as number
    }
  }
}

/** Words that contain a pair, by pair. */
type WordsOfPair = Map<number, number[]>

function findMerges(
  words: Words,
  tokens: string[],
  vocabulary: number,
  minFrequency: number,
  onProgress?: (done: number, total: number) => void,
): [number, number][] {
  const { counts, wordsOfPair } = countPairs(words)
  const heap = new PairHeap()
  pushPairs(heap, counts, wordsOfPair)
  const idOfToken = new Map(tokens.map((token, id) => [token, id]))
  // A pair can be merged twice (two ways to the same token): the later merge counts, as in the library.
  const merges = new Map<number, [number, number]>()
  while (idOfToken.size < vocabulary) {
    const top = heap.pop()
    if (top === undefined) break
    const count = counts.get(top.pair) ?? 0
    if (top.count !== count) {
      heap.push({ ...top, count }) // the count fell after the push
      continue
    }
    if (count < minFrequency) break
    const left = Math.floor(top.pair / RADIX)
    const right = top.pair % RADIX
    const token = (tokens[left] as string) + (tokens[right] as string)
    let id = idOfToken.get(token)
    if (id === undefined) {
      id = tokens.push(token) - 1
      idOfToken.set(token, id)
    }
    merges.delete(top.pair)
    merges.set(top.pair, [left, right])
    const newPairs: WordsOfPair = new Map()
    for (const word of top.words) mergeInWord(words, word, left, right, id, counts, newPairs)
    pushPairs(heap, counts, newPairs)
    if ((merges.size & 63) === 0) onProgress?.(tokens.length, vocabulary)
  }
  onProgress?.(tokens.length, vocabulary)
  return [...merges.values()]
}

function countPairs({ ids, starts, lengths, counts: wordCounts }: Words): {
  counts: Map<number, number>
  wordsOfPair: WordsOfPair
} {
  const counts = new Map<number, number>()
  const wordsOfPair: WordsOfPair = new Map()
  for (let word = 0; word < starts.length; word++) {
    const start = starts[word] as number
    const end = start + (lengths[word] as number) - 1
    for (let i = start; i < end; i++) {
      const pair = (ids[i] as number) * RADIX + (ids[i + 1] as number)
      counts.set(pair, (counts.get(pair) ?? 0) + (wordCounts[word] as number))
      addWord(wordsOfPair, pair, word)
    }
  }
  return { counts, wordsOfPair }
}

function addWord(wordsOfPair: WordsOfPair, pair: number, word: number): void {
  const list = wordsOfPair.get(pair)
  if (list === undefined) wordsOfPair.set(pair, [word])
  // Words are visited in order, so only the last one can be a duplicate.
  else if (list[list.length - 1] !== word) list.push(word)
}

function pushPairs(heap: PairHeap, counts: ReadonlyMap<number, number>, wordsOfPair: WordsOfPair): void {
  for (const [pair, words] of wordsOfPair) {
    const count = counts.get(pair) ?? 0
    if (count > 0) heap.push({ pair, count, words })
  }
}

/** Merges every `left right` of a word to `id` and updates the counts of adjacent pairs; new pairs go to `newPairs`. */
function mergeInWord(
  { ids, starts, lengths, counts: wordCounts }: Words,
  word: number,
  left: number,
  right: number,
  id: number,
  counts: Map<number, number>,
  newPairs: WordsOfPair,
): void {
  const start = starts[word] as number
  const weight = wordCounts[word] as number
  const end = start + (lengths[word] as number)
  const change = (a: number, b: number, by: number): void => {
    const pair = a * RADIX + b
    counts.set(pair, (counts.get(pair) ?? 0) + by)
    if (by > 0) addWord(newPairs, pair, word)
  }
  let to = start
  for (let from = start; from < end; to++) {
    const here = ids[from] as number
    if (here !== left || from + 1 >= end || ids[from + 1] !== right) {
      ids[to] = here
      from++
      continue
    }
    if (to > start) {
      change(ids[to - 1] as number, left, -weight)
      change(ids[to - 1] as number, id, weight)
    }
    if (from + 2 < end) {
      change(right, ids[from + 2] as number, -weight)
      change(id, ids[from + 2] as number, weight)
    }
    ids[to] = id
    from += 2
  }
  lengths[word] = to - start
}

function writeTrainedJson(
  tokens: readonly string[],
  merges: readonly (readonly [number, number])[],
  specials: readonly string[],
): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    // Split and ByteLevel instead of ByteLevel's built-in expression: readers differ in their definition of
    // white space there.
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: GPT2_EXPRESSION }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(([left, right]) => [tokens[left], tokens[right]]),
    },
  }
}
