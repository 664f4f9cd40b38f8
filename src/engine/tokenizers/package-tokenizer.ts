// Knows: the `@huggingface/tokenizers` package behind our interface.
// Must not know: GGUF (gguf-tokenizer.ts).
import { Tokenizer } from '@huggingface/tokenizers'
import { readBytes } from './byte-alphabet.ts'
import type { ChatTemplate } from './chat-template.ts'
import type { ChatMessageText, TextTokenizer } from './text-tokenizer.ts'

/** How a vocabulary writes bytes: GPT-2's alphabet, or SentencePiece's "▁" for a space and "<0xAB>" for lone bytes. */
export type ByteStyle = 'alphabet' | 'sentencepiece'

export interface TokenizerParts {
  /** The tokenizer.json, parsed and checked. */
  readonly json: object
  readonly tokens: readonly string[]
  /** Ids of control tokens: not text. */
  readonly specialIds: ReadonlySet<number>
  /** Ids of tokens that stand for their own characters, outside the alphabet. */
  readonly literalIds: ReadonlySet<number>
  readonly style: ByteStyle
  readonly endIds: ReadonlySet<number>
  readonly startIds: readonly number[]
  readonly template: ChatTemplate | undefined
  /** Why there is no template although the file has one. */
  readonly templateFault?: string
}

export class PackageTokenizer implements TextTokenizer {
  readonly vocabularySize: number
  readonly endIds: ReadonlySet<number>
  readonly startIds: readonly number[]
  readonly hasChatTemplate: boolean
  readonly #parts: TokenizerParts
  readonly #tokenizer: Tokenizer
  readonly #bytes = new Map<number, Uint8Array>()

  constructor(parts: TokenizerParts) {
    this.#parts = parts
    this.#tokenizer = new Tokenizer(parts.json, { clean_up_tokenization_spaces: false })
    this.vocabularySize = parts.tokens.length
    this.endIds = parts.endIds
    this.startIds = parts.startIds
    this.hasChatTemplate = parts.template !== undefined
  }

  get json(): unknown {
    return this.#parts.style === 'alphabet' ? this.#parts.json : undefined
  }

  encode(text: string, { special = true }: { readonly special?: boolean } = {}): number[] {
    if (text === '') return []
    const ids = special ? this.#tokenizer.encode(text, { add_special_tokens: false }).ids : this.#encodePlain(text)
    // A vocabulary without all 256 bytes has no id for some of them; what cannot be said is left out, as in llama.cpp.
    return ids.filter((id) => Number.isInteger(id))
  }

  decode(ids: readonly number[], { skipSpecial = false }: { readonly skipSpecial?: boolean } = {}): string {
    const pieces = ids.map((id) => (this.isSpecial(id) && !skipSpecial ? encoder.encode(this.#parts.tokens[id] ?? '') : this.tokenBytes(id)))
    const text = decoder.decode(join(pieces))
    // SentencePiece puts a space before the first word that the text did not have.
    return this.#parts.style === 'sentencepiece' && text.startsWith(' ') ? text.slice(1) : text
  }

  isSpecial(id: number): boolean {
    return this.#parts.specialIds.has(id)
  }

  idOf(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token)
  }

  renderChat(messages: readonly ChatMessageText[], { addGenerationPrompt }: { readonly addGenerationPrompt: boolean }): string {
    const { template, templateFault } = this.#parts
    if (template === undefined) throw new Error(templateFault ?? 'This model has no chat template. Use raw prompts with it, or choose a model that was tuned for chats.')
    return template.render(messages, addGenerationPrompt)
  }

  tokenBytes(id: number): Uint8Array {
    const known = this.#bytes.get(id)
    if (known !== undefined) return known
    const bytes = this.#readToken(id)
    this.#bytes.set(id, bytes)
    return bytes
  }

  #readToken(id: number): Uint8Array {
    const { tokens, specialIds, literalIds, style } = this.#parts
    const token = tokens[id]
    if (token === undefined || specialIds.has(id)) return NOTHING
    if (literalIds.has(id)) return encoder.encode(token)
    if (style === 'alphabet') return readBytes(token)
    const byte = /^<0x([0-9A-F]{2})>$/.exec(token)
    return byte === null ? encoder.encode(token.replaceAll('▁', ' ')) : Uint8Array.of(Number.parseInt(byte[1] as string, 16))
  }

  /** As the package encodes a stretch without special tokens. */
  #encodePlain(text: string): number[] {
    const { normalizer, pre_tokenizer: cutter, model } = this.#tokenizer
    if (model === null) return []
    const normal = normalizer === null ? text : normalizer.normalize(text)
    const pieces = cutter === null ? [normal] : cutter.pre_tokenize(normal, { section_index: 0 })
    return model.encode(pieces).map((token) => model.tokens_to_ids.get(token) ?? -1).filter((id) => id >= 0)
  }
}

const NOTHING = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}
