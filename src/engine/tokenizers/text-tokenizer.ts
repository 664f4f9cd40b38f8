// Knows: the interface of all tokenizers, from any file.
// Must not know: how the vocabulary is stored (gguf-tokenizer.ts, json-tokenizer.ts).

export interface ChatMessageText {
  readonly role: string
  readonly content: string
}

export interface EncodeOptions {
  /**
   * Encodes special tokens in the text ("<|im_end|>") as tokens, which rendered chats need; false encodes them as plain
   * characters. Default: true. Added words that are not special tokens become tokens in both cases.
   */
  readonly special?: boolean
  /** The text continues another one, so no space is added before it. Default: false. */
  readonly continues?: boolean
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
   * The chat as rendered by the model's template. Throws an Error with a sentence if there is no template or it
   * fails.
   */
  renderChat(messages: readonly ChatMessageText[], options: { readonly addGenerationPrompt: boolean }): string
  readonly hasChatTemplate: boolean
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
