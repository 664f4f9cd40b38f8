// Knows: how a byte-level BPE vocabulary is learned from texts, and its tokenizer.json.
// Must not know: datasets, students' templates (student-template.ts).
// Algorithm: byte pair encoding (Sennrich et al. 2016) over words counted once, with incremental pair counts and a heap, and
// with the ties of the `tokenizers` library's BpeTrainer: the same texts give the same merges.
import { CHARACTER_OF_BYTE } from './byte-alphabet.ts'
import { PairHeap } from './pair-heap.ts'
import { GPT2_EXPRESSION } from './pre-tokenizers.ts'

export interface TrainBpeOptions {
  /** Entries wanted, special tokens and the 256 bytes included; fewer come out of short texts. */
  readonly vocabulary: number
  /** Tokens that get the first ids and are never made from text. */
  readonly specials: readonly string[]
  /** Times a pair must be seen to be merged; 2 unless said otherwise. */
  readonly minFrequency?: number
}

/** GPT-2's expression with Unicode's white space, which is what the Rust library means by \s (JavaScript's \s is another set). */
const WORDS = new RegExp(
  GPT2_EXPRESSION.replaceAll('\\S', '\\P{White_Space}').replaceAll('\\s', '\\p{White_Space}'),
  'gu',
)

/** Pairs are one number, left · 2^21 + right: smaller numbers are smaller pairs. */
const RADIX = 2 ** 21

/**
 * Learns a vocabulary. Deterministic; `onProgress` gets entries made and wanted. Returns the tokenizer.json as an object.
 * Throws a RangeError when the vocabulary is too small for the special tokens and the 256 bytes.
 */
export function trainBpe(
  texts: Iterable<string>,
  options: TrainBpeOptions,
  onProgress?: (done: number, total: number) => void,
): { tokenizerJson: object } {
  const { vocabulary, specials, minFrequency = 2 } = options
  const least = specials.length + 256
  if (!(Number.isInteger(vocabulary) && vocabulary >= least && vocabulary < RADIX))
    throw new RangeError(`A vocabulary of ${vocabulary} is not possible: ${least} to ${RADIX - 1} is.`)
  const alphabet = CHARACTER_OF_BYTE.toSorted()
  const tokens = [...specials, ...alphabet]
  const words = new Words(
    countWords(texts),
    new Map(alphabet.map((character, i) => [character, specials.length + i])),
  )
  const merges = learnMerges(words, tokens, vocabulary, Math.max(1, minFrequency), onProgress)
  return { tokenizerJson: writeTrainedJson(tokens, merges, specials) }
}

/** Words of the texts (GPT-2's pieces) and how often each is there. */
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

type Places = Map<number, number[]>

function learnMerges(
  words: Words,
  tokens: string[],
  vocabulary: number,
  minFrequency: number,
  onProgress?: (done: number, total: number) => void,
): [number, number][] {
  const { counts, places } = countPairs(words)
  const heap = new PairHeap()
  pushPairs(heap, counts, places)
  const idOfToken = new Map(tokens.map((token, id) => [token, id]))
  // A pair can come twice (two ways to the same token): the later place counts, as in the library.
  const merges = new Map<number, [number, number]>()
  while (idOfToken.size < vocabulary) {
    const top = heap.pop()
    if (top === undefined) break
    const count = counts.get(top.pair) ?? 0
    if (top.count !== count) {
      heap.push({ ...top, count }) // counts fell since it was pushed
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
    const fresh: Places = new Map()
    for (const word of top.places) mergeInWord(words, word, left, right, id, counts, fresh)
    pushPairs(heap, counts, fresh)
    if ((merges.size & 63) === 0) onProgress?.(tokens.length, vocabulary)
  }
  onProgress?.(tokens.length, vocabulary)
  return [...merges.values()]
}

function countPairs({ ids, starts, lengths, counts: wordCounts }: Words): {
  counts: Map<number, number>
  places: Places
} {
  const counts = new Map<number, number>()
  const places: Places = new Map()
  for (let word = 0; word < starts.length; word++) {
    const start = starts[word] as number
    const end = start + (lengths[word] as number) - 1
    for (let i = start; i < end; i++) {
      const pair = (ids[i] as number) * RADIX + (ids[i + 1] as number)
      counts.set(pair, (counts.get(pair) ?? 0) + (wordCounts[word] as number))
      addPlace(places, pair, word)
    }
  }
  return { counts, places }
}

function addPlace(places: Places, pair: number, word: number): void {
  const list = places.get(pair)
  if (list === undefined) places.set(pair, [word])
  else if (list[list.length - 1] !== word) list.push(word) // words come one after another, so the last one is the only double
}

function pushPairs(heap: PairHeap, counts: ReadonlyMap<number, number>, places: Places): void {
  for (const [pair, list] of places) {
    const count = counts.get(pair) ?? 0
    if (count > 0) heap.push({ pair, count, places: list })
  }
}

/** Joins every `left right` of a word to `id` and keeps the counts of the pairs beside it; pairs that are new go to `fresh`. */
function mergeInWord(
  { ids, starts, lengths, counts: wordCounts }: Words,
  word: number,
  left: number,
  right: number,
  id: number,
  counts: Map<number, number>,
  fresh: Places,
): void {
  const start = starts[word] as number
  const weight = wordCounts[word] as number
  const end = start + (lengths[word] as number)
  const change = (a: number, b: number, by: number): void => {
    const pair = a * RADIX + b
    counts.set(pair, (counts.get(pair) ?? 0) + by)
    if (by > 0) addPlace(fresh, pair, word)
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
    // Split and ByteLevel instead of ByteLevel's built-in expression: readers differ in what they take for white space there.
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
