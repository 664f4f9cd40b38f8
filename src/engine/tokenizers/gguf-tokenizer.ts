// Knows: how a GGUF file's vocabulary becomes a tokenizer: byte-level BPE ("gpt2") here, SentencePiece ("llama") in spm-tokenizer.ts.
// Must not know: tensors.
import { readText, readTexts } from '../weights/metadata.ts'
import type { Metadata } from '../weights/metadata.ts'
import { quote } from '../weights/quote.ts'
import { readGgufVocabulary, type GgufVocabulary } from './gguf-vocabulary.ts'
import { PRE_TOKENIZERS } from './pre-tokenizers.ts'
import type { PreTokenizer } from './pre-tokenizers.ts'
import { makeSpmTokenizer } from './spm-tokenizer.ts'
import type { TokenizerResult } from './text-tokenizer.ts'
import { cutMerge, readTokenizerFile } from './tokenizer-file.ts'
import { VocabularyTokenizer } from './vocabulary-tokenizer.ts'

/** The tokenizer of a GGUF file, or the sentence that says why its vocabulary cannot be used. */
export function tokenizerFromGguf(metadata: Metadata): TokenizerResult {
  const model = readText(metadata, 'tokenizer.ggml.model')
  const make = model === 'gpt2' ? makeBpeTokenizer : model === 'llama' ? makeSpmTokenizer : undefined
  if (make === undefined)
    return refuse(
      model === undefined
        ? 'it holds no tokenizer'
        : `its vocabulary is of the kind ${quote(model)}, and only byte-level BPE ("gpt2") and SentencePiece ("llama") are read`,
    )
  try {
    return { ok: true, tokenizer: make(metadata) }
  } catch (thrown) {
    return refuse(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

const refuse = (why: string): TokenizerResult => ({
  ok: false,
  sentence: `This model cannot be used: ${why}. Choose another one.`,
})

function makeBpeTokenizer(metadata: Metadata): VocabularyTokenizer {
  const name = readText(metadata, 'tokenizer.ggml.pre') ?? 'default'
  const cutter = PRE_TOKENIZERS.get(name)
  const vocabulary = readGgufVocabulary(metadata, { addsBegin: cutter?.addsBegin ?? false })
  if (vocabulary === undefined) throw new Error('its list of tokens is missing')
  const merges = readTexts(metadata, 'tokenizer.ggml.merges')
  if (merges === undefined) throw new Error('its list of merges is missing')
  if (cutter === undefined)
    throw new Error(`it cuts texts in a way called ${quote(name)}, which is not known here`)
  const json = writeTokenizerJson(vocabulary, merges, cutter)
  const { model, style, offAtStart } = readTokenizerFile(json)
  return new VocabularyTokenizer({ ...vocabulary, model, style, offAtStart, json: () => json })
}

/** The tokenizer.json that the vocabulary amounts to, as the `tokenizers` library reads it. */
function writeTokenizerJson(
  { tokens, written, specialIds }: GgufVocabulary,
  merges: readonly string[],
  cutter: PreTokenizer,
): object {
  const vocab: Record<string, number> = Object.create(null) as Record<string, number> // "__proto__" is a token like any other
  for (const [id, token] of tokens.entries()) vocab[token] ??= id
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: written
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
        ...cutter.expressions.map((expression) => ({
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
      ignore_merges: cutter.ignoreMerges ?? false,
      vocab,
      merges: merges
        .map(cutMerge)
        .filter(([left, right]) => [left, right, left + right].every((token) => vocab[token] !== undefined)),
    },
  }
}
