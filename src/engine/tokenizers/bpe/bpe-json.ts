// Knows: the tokenizer.json that gives the same ids as a GGUF file's BPE vocabulary in the `tokenizers` library.
// Must not know: how a GGUF file is read.
import type { GgufVocabulary } from '../files/gguf-vocabulary.ts'
import type { PreTokenizer } from '../splitting/pre-tokenizers.ts'
import { splitMerge } from '../files/tokenizer-file.ts'

/** Byte-level BPE: GPT-2's alphabet, and expressions that split a text. */
export const writeByteLevelJson = (
  vocabulary: GgufVocabulary,
  merges: readonly string[],
  preTokenizer: PreTokenizer,
): object =>
  writeJson(vocabulary, merges, {
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        ...preTokenizer.expressions.map((expression) => ({
          type: 'Split',
          pattern: { Regex: expression },
          behavior: 'Isolated',
          invert: false,
        })),
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    unknown: undefined,
    byteFallback: false,
    ignoreMerges: preTokenizer.ignoreMerges ?? false,
  })

/**
 * BPE on characters (Gemma 4): a blank is "▁", a character without a token is its bytes' tokens "<0xAB>", and a text is not split. llama.cpp
 * splits at runs of newlines and takes one that is a token whole; the model's own tokenizer.json does not split, and its merges make the same
 * tokens of them.
 */
export const writeCharacterJson = (
  vocabulary: GgufVocabulary,
  merges: readonly string[],
  unknown: string | undefined,
): object =>
  writeJson(vocabulary, merges, {
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
      ],
    },
    unknown,
    byteFallback: true,
    ignoreMerges: false,
  })

interface Steps {
  readonly normalizer: object | null
  readonly pre_tokenizer: object | null
  readonly decoder: object
  /** The token for characters without one; a run of them becomes one token. */
  readonly unknown: string | undefined
  readonly byteFallback: boolean
  readonly ignoreMerges: boolean
}

function writeJson(
  { tokens, addedTokens, specialIds }: GgufVocabulary,
  merges: readonly string[],
  { normalizer, pre_tokenizer, decoder, unknown, byteFallback, ignoreMerges }: Steps,
): object {
  const vocab: Record<string, number> = Object.create(null) as Record<string, number> // "__proto__" can be a token
  for (const [id, token] of tokens.entries()) vocab[token] ??= id
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens
      .toSorted((a, b) => a.id - b.id)
      .map(({ id, content, rstrip = false }) => ({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip,
        normalized: false,
        special: specialIds.has(id),
      })),
    normalizer,
    pre_tokenizer,
    post_processor: null,
    decoder,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknown ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: unknown !== undefined,
      byte_fallback: byteFallback,
      ignore_merges: ignoreMerges,
      vocab,
      merges: merges
        .map(splitMerge)
        .filter(([left, right]) => [left, right, left + right].every((token) => vocab[token] !== undefined)),
    },
  }
}
