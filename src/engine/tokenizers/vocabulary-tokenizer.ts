// Knows: what all tokenizers have in common: added tokens in texts, bytes of tokens, decoding, the chat template.
// Must not know: how a segment of text becomes ids (spm-model.ts, bpe-model.ts, unigram-model.ts), files.
import { readBytes } from './byte-alphabet.ts'
import type { ChatTemplate } from './chat-template.ts'
import { LiteralTokens, type LiteralToken } from './literal-tokens.ts'
import type { ChatMessageText, EncodeOptions, TextTokenizer } from './text-tokenizer.ts'

/**
 * How a vocabulary represents bytes: GPT-2's alphabet, or SentencePiece's "▁" for a space and "<0xAB>" for
 * single bytes.
 */
export type ByteStyle = 'alphabet' | 'sentencepiece'

/** Where a segment is in its text. */
export interface SegmentPosition {
  /** It is the first segment of the text. */
  readonly first: boolean
  /** It continues another text, so no space may be added before it. */
  readonly continues: boolean
}

/** How segments of text between added tokens become ids. */
export interface SegmentModel {
  normalise(text: string, position: SegmentPosition): string
  /** Ids of normalised text, which is never ''. */
  encode(normal: string, position: SegmentPosition): number[]
}

/** A token that is matched literally in texts. */
export interface AddedToken extends LiteralToken {
  /** Matched in normalised text instead of in the original text. */
  readonly normalised?: boolean
}

export interface VocabularyParts {
  readonly tokens: readonly string[]
  /** Ids of control tokens: not text. */
  readonly specialIds: ReadonlySet<number>
  /** Ids of tokens that decode to their own characters, not through the byte alphabet. */
  readonly literalIds: ReadonlySet<number>
  readonly addedTokens: readonly AddedToken[]
  readonly model: SegmentModel
  readonly style: ByteStyle
  /**
   * What decoding removes at the start, because encoding adds it: nothing, one space, or all spaces of the
   * first token.
   */
  readonly strippedAtStart: 'nothing' | 'space' | 'spaces of the first token'
  readonly endIds: ReadonlySet<number>
  readonly startIds: readonly number[]
  readonly template: ChatTemplate | undefined
  /** Why the file's template cannot be used. */
  readonly templateError?: string
  readonly json?: () => unknown
}

export class VocabularyTokenizer implements TextTokenizer {
  readonly vocabularySize: number
  readonly endIds: ReadonlySet<number>
  readonly startIds: readonly number[]
  readonly hasChatTemplate: boolean
  readonly #parts: VocabularyParts
  readonly #bytes = new Map<number, Uint8Array>()
  readonly #all: AddedTokenSplitters
  readonly #plain: AddedTokenSplitters
  #ids: ReadonlyMap<string, number> | undefined
  #json: { readonly value: unknown } | undefined

  constructor(parts: VocabularyParts) {
    this.#parts = parts
    this.vocabularySize = parts.tokens.length
    this.endIds = parts.endIds
    this.startIds = parts.startIds
    this.hasChatTemplate = parts.template !== undefined
    this.#all = makeSplitters(parts.addedTokens, parts.model)
    this.#plain = makeSplitters(
      parts.addedTokens.filter(({ id }) => !parts.specialIds.has(id)),
      parts.model,
    )
  }

  get json(): unknown {
    this.#json ??= { value: this.#parts.json?.() }
    return this.#json.value
  }

  encode(text: string, { special = true, continues = false }: EncodeOptions = {}): number[] {
    const { model } = this.#parts
    const { raw, normal } = special ? this.#all : this.#plain
    const ids: number[] = []
    for (const [i, segment] of raw.split(text).entries()) {
      if (typeof segment === 'number') {
        ids.push(segment)
        continue
      }
      const position = { first: i === 0, continues: continues && i === 0 }
      for (const part of normal.split(model.normalise(segment, position))) {
        if (typeof part === 'number') ids.push(part)
        else for (const id of model.encode(part, position)) ids.push(id)
      }
    }
    return ids
  }

  decode(ids: readonly number[], { skipSpecial = false }: { readonly skipSpecial?: boolean } = {}): string {
    const shown = skipSpecial ? ids.filter((id) => !this.isSpecial(id)) : ids
    const pieces = shown.map((id) =>
      this.isSpecial(id) ? encoder.encode(this.#parts.tokens[id] ?? '') : this.tokenBytes(id),
    )
    const { strippedAtStart } = this.#parts
    const [first] = pieces
    if (strippedAtStart === 'spaces of the first token' && first !== undefined)
      pieces[0] = first.filter((byte) => byte !== SPACE)
    const text = decoder.decode(join(pieces))
    return strippedAtStart === 'space' && text.startsWith(' ') ? text.slice(1) : text
  }

  isSpecial(id: number): boolean {
    return this.#parts.specialIds.has(id)
  }

  idOf(token: string): number | undefined {
    this.#ids ??= new Map([
      ...this.#parts.tokens.map((known, id) => [known, id] as const).toReversed(),
      ...this.#parts.addedTokens.map(({ content, id }) => [content, id] as const),
    ]) // the first of equal tokens wins
    return token === '' ? undefined : this.#ids.get(token)
  }

  renderChat(
    messages: readonly ChatMessageText[],
    { addGenerationPrompt }: { readonly addGenerationPrompt: boolean },
  ): string {
    const { template, templateError } = this.#parts
    if (template === undefined)
      throw new Error(
        templateError ??
          'This model has no chat template. Use raw prompts with it, or choose a model that was tuned for chats.',
      )
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
    const byte = readByteToken(token)
    return byte === undefined ? encoder.encode(token.replaceAll('▁', ' ')) : Uint8Array.of(byte)
  }
}

/** The byte of a SentencePiece token of the form "<0xAB>". */
export function readByteToken(token: string): number | undefined {
  const hex = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1]
  return hex === undefined ? undefined : Number.parseInt(hex, 16)
}

interface AddedTokenSplitters {
  readonly raw: LiteralTokens
  readonly normal: LiteralTokens
}

function makeSplitters(addedTokens: readonly AddedToken[], model: SegmentModel): AddedTokenSplitters {
  const normalised = addedTokens
    .filter((token) => token.normalised === true)
    .map((token) => ({
      ...token,
      content: model.normalise(token.content, { first: false, continues: false }),
    }))
  return {
    raw: new LiteralTokens(addedTokens.filter((token) => token.normalised !== true)),
    normal: new LiteralTokens(normalised.filter(({ content }) => content !== '')),
  }
}

const SPACE = 0x20
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
