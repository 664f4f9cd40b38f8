// Knows: how a GGUF file's vocabulary becomes a tokenizer: BPE on bytes ("gpt2") and on characters ("gemma4") here,
// SentencePiece ("llama") in spm-tokenizer.ts.
// Must not know: tensors.
import { readNumber, readText, readTexts } from '../../weights/gguf/metadata.ts'
import type { Metadata } from '../../weights/gguf/metadata.ts'
import { quote } from '../../weights/quote.ts'
import { writeByteLevelJson, writeCharacterJson } from '../bpe/bpe-json.ts'
import { KIND, readGgufVocabulary, type GgufDefaults, type GgufVocabulary } from './gguf-vocabulary.ts'
import { PRE_TOKENIZERS } from '../splitting/pre-tokenizers.ts'
import { makeSpmTokenizer } from './spm-tokenizer.ts'
import type { TemplateFamily } from '../templates/template-families.ts'
import type { TokenizerResult } from '../text-tokenizer.ts'
import { readTokenizerFile } from './tokenizer-file.ts'
import { VocabularyTokenizer } from './vocabulary-tokenizer.ts'

/**
 * The tokenizer of a GGUF file, or the sentence why its vocabulary cannot be used. `family`: this family's chat format instead of the file's
 * template.
 */
export function tokenizerFromGguf(metadata: Metadata, family?: TemplateFamily): TokenizerResult {
  const model = readText(metadata, 'tokenizer.ggml.model')
  const make = model === undefined ? undefined : MAKERS.get(model)
  if (make === undefined)
    return refuse(
      model === undefined
        ? 'it has no tokenizer'
        : `its vocabulary is of the kind ${quote(model)}, but only byte-level BPE ("gpt2"), BPE with byte tokens ("gemma4") and SentencePiece ("llama") are supported`,
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
  if (name === GEMMA4) return makeCharacterTokenizer(metadata, family)
  const preTokenizer = PRE_TOKENIZERS.get(name)
  const { vocabulary, merges } = readBpe(metadata, { addsBegin: preTokenizer?.addsBegin ?? false }, family)
  if (preTokenizer === undefined)
    throw new Error(`it uses the pre-tokenizer ${quote(name)}, which is not supported`)
  const json = writeByteLevelJson(vocabulary, merges, preTokenizer)
  const { model, style, strippedAtStart } = readTokenizerFile(json)
  return new VocabularyTokenizer({ ...vocabulary, model, style, strippedAtStart, json: () => json })
}

/** Files with `add_bos_token: false` are from before llama.cpp's converter was corrected: the model needs the token. */
function makeCharacterTokenizer(metadata: Metadata, family?: TemplateFamily): VocabularyTokenizer {
  const { vocabulary, merges } = readBpe(metadata, { addsBegin: true, ignoresFlag: true }, family)
  const unknown =
    readNumber(metadata, 'tokenizer.ggml.unknown_token_id') ?? vocabulary.kinds.indexOf(KIND.unknown)
  const json = writeCharacterJson(vocabulary, merges, vocabulary.tokens[unknown])
  const { model, style, strippedAtStart, literalIds } = readTokenizerFile(json)
  return new VocabularyTokenizer({
    ...vocabulary,
    model,
    style,
    strippedAtStart,
    literalIds,
    json: () => json,
  })
}

function readBpe(
  metadata: Metadata,
  defaults: GgufDefaults,
  family?: TemplateFamily,
): { readonly vocabulary: GgufVocabulary; readonly merges: readonly string[] } {
  const vocabulary = readGgufVocabulary(metadata, defaults, family)
  if (vocabulary === undefined) throw new Error('its list of tokens is missing')
  const merges = readTexts(metadata, 'tokenizer.ggml.merges')
  if (merges === undefined) throw new Error('its list of merges is missing')
  return { vocabulary, merges }
}

/** Both the kind of vocabulary and, in other files, the pre-tokenizer have this name. */
const GEMMA4 = 'gemma4'

const MAKERS: ReadonlyMap<string, typeof makeBpeTokenizer> = new Map([
  ['gpt2', makeBpeTokenizer],
  [GEMMA4, makeCharacterTokenizer],
  ['llama', makeSpmTokenizer],
])
