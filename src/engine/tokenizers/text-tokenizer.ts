// Knows: the interface of all tokenizers, from any file.
// Must not know: how the vocabulary is stored (gguf-tokenizer.ts, json-tokenizer.ts).

import type { ChatMessageText } from './templates/chat-message.ts'
import type { TemplateFamily } from './templates/template-families.ts'
import type { TemplateTraits } from './templates/template-traits.ts'

export type { ChatMessageText } from './templates/chat-message.ts'

export interface EncodeOptions {
  /**
   * Encodes control tokens in the text ("<|im_end|>") as tokens; false encodes them as plain characters, which the text of people and models
   * needs. Default: true. Added words that are not control tokens become tokens in both cases. 'never' is stricter than the `tokenizers`
   * library: it goes by role (what the chat template writes is a control token, whatever its flag), and avoids the control tokens that some
   * vocabularies (Unigram) have among the pieces of ordinary text. Chats: `encodeChat`.
   */
  readonly special?: boolean | 'never'
  /** The text continues another one, so no space is added before it. Default: false. */
  readonly continues?: boolean
}

export interface ChatOptions {
  /** Whether the text ends where the model's answer begins. */
  readonly addGenerationPrompt: boolean
  /** Whether a model that can reason may do so before it answers, if its template has a switch. Absent: the template's own default. */
  readonly thinking?: boolean | undefined
}

export interface EncodeChatOptions extends Partial<ChatOptions> {
  /** Default: false. */
  readonly thinking?: boolean
  /** The beginning of the answer. */
  readonly answer?: string
  /** Ends the reasoning in which a prompt ends, so that an answer follows. Default: false. */
  readonly closeReasoning?: boolean
}

export interface TextTokenizer {
  /** Entries of the vocabulary, special tokens included; ids are 0 to this − 1. */
  readonly vocabularySize: number
  /** Ids of a text; no token is added before or after it. */
  encode(text: string, options?: EncodeOptions): number[]
  /**
   * Text of ids that are a whole text; `[]` is ''. `skipSpecial` (default: false) omits special tokens. If
   * encoding adds a space before a text (most SentencePiece vocabularies), decoding removes it.
   */
  decode(ids: readonly number[], options?: { readonly skipSpecial?: boolean }): string
  /** Ids that end a completion. */
  readonly endIds: ReadonlySet<number>
  /** Ids before a raw text: the begin token if the model was trained with one, else empty. */
  readonly startIds: readonly number[]
  isSpecial(id: number): boolean
  idOf(token: string): number | undefined
  /**
   * The chat as rendered by the model's template, for people: use `encodeChat` for a model's input. Throws an Error with a sentence if there is
   * no template or it fails.
   */
  renderChat(messages: readonly ChatMessageText[], options: ChatOptions): string
  /**
   * Ids of a chat, by default up to where the answer begins. A system message goes before the first one of the user if the template has no
   * place for it. Control tokens come from the template alone: whatever a message or `answer`
   * contains is encoded as plain text. Otherwise the ids are those of the whole rendered text. Throws as `renderChat`.
   */
  encodeChat(messages: readonly ChatMessageText[], options?: EncodeChatOptions): number[]
  readonly hasChatTemplate: boolean
  /** What the template does; absent without one. */
  readonly templateTraits?: TemplateTraits | undefined
  /** Why the model's own template cannot be used, in a sentence. */
  readonly templateError?: string | undefined
  /** The template is this family's format instead of the model's own. */
  readonly templateFamily?: TemplateFamily | undefined
  /**
   * UTF-8 bytes that a token appends to the text; empty for special tokens and for unused ids. A character may
   * be split over several tokens, so join bytes before decoding them. No space is removed: a completion that
   * begins with SentencePiece's "▁Hello" is " Hello", as in llama.cpp, so that prompt and completion
   * concatenate to the full text; `encode(completion, { continues: true })` is the inverse. (transformers
   * decodes a completion like a whole text and loses that space.)
   */
  tokenBytes(id: number): Uint8Array
  /** The equivalent tokenizer.json; absent if none gives the same ids. */
  readonly json?: unknown
}

/** A tokenizer, or the sentence why there is none. */
export type TokenizerResult =
  | { readonly ok: true; readonly tokenizer: TextTokenizer }
  | { readonly ok: false; readonly sentence: string }
