// Knows: how a GGUF file's vocabulary becomes a tokenizer: byte-level BPE ("gpt2").
// Must not know: tensors.
import { readFlag, readNumber, readNumbers, readText, readTexts } from '../weights/metadata.ts'
import type { Metadata } from '../weights/metadata.ts'
import { quote } from '../weights/quote.ts'
import { compileChatTemplate } from './chat-template.ts'
import type { ChatTemplate } from './chat-template.ts'
import { PackageTokenizer } from './package-tokenizer.ts'
import { PRE_TOKENIZERS } from './pre-tokenizers.ts'
import type { PreTokenizer } from './pre-tokenizers.ts'
import type { TokenizerResult } from './text-tokenizer.ts'

/** Kinds of tokens in `tokenizer.ggml.token_type`. */
const CONTROL = 3
const USER_DEFINED = 4

/** Tokens that end an answer in one model family or another. Source: llama.cpp, src/llama-vocab.cpp. */
const END_TOKENS: ReadonlySet<string> = new Set(['<|eot_id|>', '<|im_end|>', '<|end|>', '<end_of_turn>', '<|endoftext|>', '<|end_of_text|>', '<|eom_id|>', '<EOT>', '_<EOT>', '</s>', '<|return|>', '<end_of_utterance>'])

/** The tokenizer of a GGUF file, or the sentence that says why its vocabulary cannot be used. */
export function tokenizerFromGguf(metadata: Metadata): TokenizerResult {
  const model = readText(metadata, 'tokenizer.ggml.model')
  if (model === undefined) return refuse('it holds no tokenizer')
  if (model !== 'gpt2') return refuse(`its vocabulary is of the kind ${quote(model)}, and only byte-level BPE ("gpt2") is read`)
  const tokens = readTexts(metadata, 'tokenizer.ggml.tokens')
  if (tokens === undefined || tokens.length === 0) return refuse('its list of tokens is missing')
  const merges = readTexts(metadata, 'tokenizer.ggml.merges')
  if (merges === undefined) return refuse('its list of merges is missing')
  const name = readText(metadata, 'tokenizer.ggml.pre') ?? 'default'
  const cutter = PRE_TOKENIZERS.get(name)
  if (cutter === undefined) return refuse(`it cuts texts in a way called ${quote(name)}, which is not known here`)

  const kinds = readNumbers(metadata, 'tokenizer.ggml.token_type') ?? []
  const specialIds = new Set<number>()
  const literalIds = new Set<number>()
  for (const id of tokens.keys()) {
    if (kinds[id] === CONTROL) specialIds.add(id)
    else if (kinds[id] === USER_DEFINED) literalIds.add(id)
  }
  const tokenOf = (role: string): string | undefined => tokens[readNumber(metadata, `tokenizer.ggml.${role}_token_id`) ?? -1]
  const template = readTemplate(metadata, { bos_token: tokenOf('bos') ?? '', eos_token: tokenOf('eos') ?? '', unk_token: tokenOf('unknown') ?? '', pad_token: tokenOf('padding') ?? '' })
  const begin = readNumber(metadata, 'tokenizer.ggml.bos_token_id')
  const begins = readFlag(metadata, 'tokenizer.ggml.add_bos_token') ?? cutter.addsBegin ?? false
  try {
    const tokenizer = new PackageTokenizer({
      json: writeTokenizerJson(tokens, merges, cutter, specialIds, literalIds),
      tokens,
      specialIds,
      literalIds,
      style: 'alphabet',
      endIds: findEndIds(metadata, tokens),
      startIds: begins && begin !== undefined && begin >= 0 && begin < tokens.length ? [begin] : [],
      ...template,
    })
    return { ok: true, tokenizer }
  } catch (thrown) {
    return refuse(`its tokenizer could not be built (${thrown instanceof Error ? thrown.message : String(thrown)})`)
  }
}

const refuse = (why: string): TokenizerResult => ({ ok: false, sentence: `This model cannot be used: ${why}. Choose another one.` })

/** A template that cannot be read costs the model its chats, not its raw prompts. */
function readTemplate(metadata: Metadata, names: Readonly<Record<string, string>>): { template: ChatTemplate | undefined; templateFault?: string } {
  const text = readText(metadata, 'tokenizer.chat_template')
  if (text === undefined) return { template: undefined }
  try {
    return { template: compileChatTemplate(text, names) }
  } catch (thrown) {
    return { template: undefined, templateFault: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

function findEndIds(metadata: Metadata, tokens: readonly string[]): ReadonlySet<number> {
  const ids = new Set<number>()
  for (const role of ['eos', 'eot', 'eom']) {
    const id = readNumber(metadata, `tokenizer.ggml.${role}_token_id`)
    if (id !== undefined && id >= 0 && id < tokens.length) ids.add(id)
  }
  for (const [id, token] of tokens.entries()) if (END_TOKENS.has(token)) ids.add(id)
  return ids
}

/** The tokenizer.json that the vocabulary amounts to, as the `tokenizers` library reads it. */
export function writeTokenizerJson(tokens: readonly string[], merges: readonly string[], cutter: PreTokenizer, specialIds: ReadonlySet<number>, literalIds: ReadonlySet<number>): object {
  const vocab: Record<string, number> = Object.create(null) as Record<string, number> // "__proto__" is a token like any other
  for (const [id, token] of tokens.entries()) vocab[token] ??= id
  const added = [...specialIds, ...literalIds].toSorted((a, b) => a - b)
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map((id) => ({ id, content: tokens[id], single_word: false, lstrip: false, rstrip: false, normalized: false, special: specialIds.has(id) })).filter(({ content }) => content !== ''),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        ...cutter.expressions.map((expression) => ({ type: 'Split', pattern: { Regex: expression }, behavior: 'Isolated', invert: false })),
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
      merges: merges.map(splitMerge),
    },
  }
}

/** "left right" at the first space after the first character, as llama.cpp cuts it. */
function splitMerge(merge: string): [string, string] {
  const space = merge.indexOf(' ', 1)
  return space < 0 ? [merge, ''] : [merge.slice(0, space), merge.slice(space + 1)]
}
