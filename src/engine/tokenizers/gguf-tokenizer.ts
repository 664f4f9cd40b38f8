// Knows: how a GGUF file's vocabulary becomes a tokenizer: byte-level BPE ("gpt2") here, SentencePiece
// ("llama") in spm-tokenizer.ts.
// Must not know: tensors.
import { readText, readTexts } from '../weights/metadata.ts'
import type { Metadata } from '../weights/metadata.ts'
import { quote } from '../weights/quote.ts'
import { readGgufVocabulary, type GgufVocabulary } from './gguf-vocabulary.ts'
import { PRE_TOKENIZERS } from './pre-tokenizers.ts'
import type { PreTokenizer } from './pre-tokenizers.ts'
import { makeSpmTokenizer } from './spm-tokenizer.ts'
import type { TemplateFamily } from './template-families.ts'
import type { TokenizerResult } from './text-tokenizer.ts'
import { splitMerge, readTokenizerFile } from './tokenizer-file.ts'
import { VocabularyTokenizer } from './vocabulary-tokenizer.ts'

/**
 * The tokenizer of a GGUF file, or the sentence why its vocabulary cannot be used. `family`: this family's chat format instead of the file's
 * template.
 */
export function tokenizerFromGguf(metadata: Metadata, family?: TemplateFamily): TokenizerResult {
  const model = readText(metadata, 'tokenizer.ggml.model')
  const make = model === 'gpt2' ? makeBpeTokenizer : model === 'llama' ? makeSpmTokenizer : undefined
  if (make === undefined)
    return refuse(
      model === undefined
        ? 'it has no tokenizer'
        : `its vocabulary is of the kind ${quote(model)}, but only byte-level BPE ("gpt2") and SentencePiece ("llama") are supported`,
    )
  try {
    return { ok: true, tokenizer: make(metadata, family) }
  } catch (thrown) {
    return refuse(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

const refuse = (reason: string): TokenizerResult => ({
  ok: false,
  sentence: `This model cannot be used: ${reason}. Choose another one.`,
})

function makeBpeTokenizer(metadata: Metadata, family?: TemplateFamily): VocabularyTokenizer {
  const name = readText(metadata, 'tokenizer.ggml.pre') ?? 'default'
  const preTokenizer = PRE_TOKENIZERS.get(name)
  const vocabulary = readGgufVocabulary(metadata, { addsBegin: preTokenizer?.addsBegin ?? false }, family)
  if (vocabulary === undefined) throw new Error('its list of tokens is missing')
  const merges = readTexts(metadata, 'tokenizer.ggml.merges')
  if (merges === undefined) throw new Error('its list of merges is missing')
  if (preTokenizer === undefined)
    throw new Error(`it uses the pre-tokenizer ${quote(name)}, which is not supported`)
  const json = writeTokenizerJson(vocabulary, merges, preTokenizer)
  const { model, style, strippedAtStart } = readTokenizerFile(json)
  return new VocabularyTokenizer({ ...vocabulary, model, style, strippedAtStart, json: () => json })
}

/** The equivalent tokenizer.json, as the `tokenizers` library reads it. */
function writeTokenizerJson(
  { tokens, addedTokens, specialIds }: GgufVocabulary,
  merges: readonly string[],
  preTokenizer: PreTokenizer,
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
      ignore_merges: preTokenizer.ignoreMerges ?? false,
      vocab,
      merges: merges
        .map(splitMerge)
        .filter(([left, right]) => [left, right, left + right].every((token) => vocab[token] !== undefined)),
    },
  }
}
