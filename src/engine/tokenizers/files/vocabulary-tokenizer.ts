// Knows: what all tokenizers have in common: added tokens in texts, bytes of tokens, decoding, the chat template.
// Must not know: how a segment of text becomes ids (spm-model.ts, bpe-model.ts, unigram-model.ts), files.
import { readBytes } from '../bpe/byte-alphabet.ts'
import type { ChatTemplate } from '../templates/chat-template.ts'
import { findControlIds, isControlName } from '../control-tokens.ts'
import { LiteralTokens, type IsBarred, type LiteralToken } from '../splitting/literal-tokens.ts'
import {
  appendText,
  controlTextsOf,
  isCovered,
  removeMarks,
  renderProtected,
  type ControlTexts,
} from '../templates/protected-text.ts'
import { closeReasoning } from '../templates/reasoning-marks.ts'
import type { TemplateFamily } from '../templates/template-families.ts'
import { mergeSystem, type TemplateTraits } from '../templates/template-traits.ts'
import type {
  ChatMessageText,
  ChatOptions,
  EncodeChatOptions,
  EncodeOptions,
  TextTokenizer,
} from '../text-tokenizer.ts'

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
  /** The template is this family's format, because the file's own is empty or cannot be used. */
  readonly templateFamily?: TemplateFamily
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
  #roles: Roles | undefined
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
      parts.addedTokens.filter(
        ({ id, content }) => !(parts.specialIds.has(id) || parts.endIds.has(id) || isControlName(content)),
      ),
      parts.model,
    )
  }

  get templateTraits(): TemplateTraits | undefined {
    return this.#parts.template?.traits
  }

  get templateError(): string | undefined {
    return this.#parts.templateError
  }

  get templateFamily(): TemplateFamily | undefined {
    return this.#parts.templateFamily
  }

  /** Found when first needed, because the template is rendered for it. */
  get #controls(): Roles {
    const { addedTokens, template, model, tokens } = this.#parts
    if (this.#roles === undefined) {
      const ids = findControlIds({
        ...this.#parts,
        isInTemplate: (token) => template?.mentions(token) ?? false,
      })
      const contents = addedTokens.flatMap(({ id, content }) => (ids.has(id) ? [content] : []))
      this.#roles = {
        ids,
        texts: controlTextsOf([...contents, ...Array.from(ids, (id) => tokens[id] ?? '')]),
        plain: makeSplitters(
          addedTokens.filter(({ id }) => !ids.has(id)),
          model,
        ),
      }
    }
    return this.#roles
  }

  get json(): unknown {
    this.#json ??= { value: this.#parts.json?.() }
    return this.#json.value
  }

  encode(text: string, { special = true, continues = false }: EncodeOptions = {}): number[] {
    if (special === 'never') return this.#encode(text, this.#controls.plain, continues, NO_MARKS)
    return this.#encode(text, special ? this.#all : this.#plain, continues)
  }

  encodeChat(
    messages: readonly ChatMessageText[],
    {
      addGenerationPrompt = true,
      thinking = false,
      answer = '',
      closeReasoning: closes = false,
    }: EncodeChatOptions = {},
  ): number[] {
    const { texts } = this.#controls
    const fitting = this.templateTraits?.systemRole === false ? mergeSystem(messages) : messages
    const chat = renderProtected(fitting, texts, (shown) =>
      this.renderChat(shown, { addGenerationPrompt, thinking }),
    )
    const closed = closes ? { ...chat, text: chat.text + closeReasoning(chat.text) } : chat
    const { text, marks } = appendText(closed, answer, texts)
    return this.#encode(text, this.#all, false, marks)
  }

  /** With `marks`, no control token covers a marked character, and none comes from the text between added tokens. */
  #encode(
    text: string,
    { raw, normal, changesControls }: AddedTokenSplitters,
    continues: boolean,
    marks?: ReadonlySet<number>,
  ): number[] {
    const { model } = this.#parts
    const ids: number[] = []
    let first = true
    for (const part of raw.split(text, marks && this.#barControls(marks))) {
      if (typeof part === 'number') ids.push(part)
      else {
        const position = { first, continues: continues && first }
        const isBarred =
          changesControls && marks?.size ? this.#barNormalised(part, marks, position) : undefined
        for (const piece of normal.split(model.normalise(part.text, position), isBarred)) {
          if (typeof piece === 'number') ids.push(piece)
          else if (marks === undefined) for (const id of model.encode(piece.text, position)) ids.push(id)
          else this.#encodePlain(piece.text, position, ids)
        }
      }
      first = false
    }
    return ids
  }

  #barControls(marks: ReadonlySet<number>): IsBarred | undefined {
    if (marks.size === 0) return undefined
    const { ids } = this.#controls
    return (id, from, to) => ids.has(id) && isCovered(marks, from, to)
  }

  /** The marks in a segment's normalised text; if they cannot be followed there, no control token matches in it. */
  #barNormalised(
    { text, from }: { readonly text: string; readonly from: number },
    marks: ReadonlySet<number>,
    position: SegmentPosition,
  ): IsBarred | undefined {
    const { model } = this.#parts
    const { ids } = this.#controls
    let marked = ''
    for (let i = 0; i < text.length; i++) marked += text.charAt(i) + (marks.has(from + i + 1) ? MARK : '')
    if (marked === text) return undefined
    const found = removeMarks(model.normalise(marked, position), MARK)
    return found.text === model.normalise(text, position)
      ? this.#barControls(found.marks)
      : (id) => ids.has(id)
  }

  /** Some vocabularies have control tokens among the pieces of ordinary text: a text that would become one is encoded in two parts. */
  #encodePlain(text: string, position: SegmentPosition, ids: number[]): void {
    const { model, tokens } = this.#parts
    const { ids: controls } = this.#controls
    const found = model.encode(text, position)
    const control = found.find((id) => controls.has(id) && text.includes(tokens[id] || '\0'))
    const token = control === undefined ? '' : (tokens[control] ?? '')
    if (token.length < 2) {
      for (const id of found) ids.push(id)
      return
    }
    const at = text.indexOf(token) + 1
    this.#encodePlain(text.slice(0, at), position, ids)
    this.#encodePlain(text.slice(at), { ...position, first: false, continues: true }, ids)
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

  renderChat(messages: readonly ChatMessageText[], { addGenerationPrompt, thinking }: ChatOptions): string {
    const { template, templateError } = this.#parts
    if (template === undefined)
      throw new Error(
        templateError ??
          'This model has no chat template. Use raw prompts with it, or choose a model that was tuned for chats.',
      )
    return template.render(messages, addGenerationPrompt, thinking)
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
  /** Some tokens are matched in normalised text. */
  readonly changesControls: boolean
}

interface Roles {
  readonly ids: ReadonlySet<number>
  readonly texts: ControlTexts
  /** Splitters without the control tokens. */
  readonly plain: AddedTokenSplitters
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
    changesControls: normalised.length > 0,
  }
}

/** Follows marks through normalisation. A text with this character itself gets no control tokens in that segment. */
const MARK = '\ue122'
const NO_MARKS: ReadonlySet<number> = new Set()
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
