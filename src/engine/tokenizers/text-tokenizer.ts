// Knows: what the program asks of a tokenizer, whatever its file.
// Must not know: how its vocabulary was stored (gguf-tokenizer.ts, json-tokenizer.ts).

export interface ChatMessageText {
  readonly role: string
  readonly content: string
}

export interface TextTokenizer {
  /** Entries of the vocabulary, special tokens included; ids are 0 to this − 1. */
  readonly vocabularySize: number
  /**
   * Ids of a text; nothing is put before or after it. `special` (true unless said otherwise) reads special tokens written
   * in the text ("<|im_end|>") as such, which rendered chats need; false takes them as plain characters.
   */
  encode(text: string, options?: { readonly special?: boolean }): number[]
  /** Text of ids; `[]` is ''. `skipSpecial` (false unless said otherwise) leaves special tokens out. */
  decode(ids: readonly number[], options?: { readonly skipSpecial?: boolean }): string
  /** Ids after which a completion is over. */
  readonly endIds: ReadonlySet<number>
  /** Ids that a raw text begins with: the begin token where the model was trained with one, else empty. */
  readonly startIds: readonly number[]
  isSpecial(id: number): boolean
  idOf(token: string): number | undefined
  /** The chat as the model's template writes it. Throws an Error with a sentence where there is no template or it fails. */
  renderChat(messages: readonly ChatMessageText[], options: { readonly addGenerationPrompt: boolean }): string
  readonly hasChatTemplate: boolean
  /**
   * UTF-8 bytes that a token adds to a text; empty for special tokens and for ids that stand for nothing. A character may
   * be split over several tokens, so join bytes before decoding them.
   */
  tokenBytes(id: number): Uint8Array
  /** The tokenizer.json that a byte-level BPE amounts to; absent for other kinds. */
  readonly json?: unknown
}

/** A tokenizer, or the sentence that says why there is none. */
export type TokenizerResult = { readonly ok: true; readonly tokenizer: TextTokenizer } | { readonly ok: false; readonly sentence: string }
