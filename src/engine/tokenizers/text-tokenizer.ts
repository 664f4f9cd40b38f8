// Knows: what the program asks of a tokenizer, whatever its file.
// Must not know: how its vocabulary was stored (gguf-tokenizer.ts, json-tokenizer.ts).

export interface ChatMessageText {
  readonly role: string
  readonly content: string
}

export interface EncodeOptions {
  /**
   * Reads special tokens written in the text ("<|im_end|>") as such, which rendered chats need; false takes them as plain
   * characters. True unless said otherwise. Added words that are no special tokens are read as tokens in both cases.
   */
  readonly special?: boolean
  /** Other text stands before this one, so no space is put there. False unless said otherwise. */
  readonly continues?: boolean
}

export interface TextTokenizer {
  /** Entries of the vocabulary, special tokens included; ids are 0 to this − 1. */
  readonly vocabularySize: number
  /** Ids of a text; no token is put before or after it. */
  encode(text: string, options?: EncodeOptions): number[]
  /**
   * Text of ids that are a whole text; `[]` is ''. `skipSpecial` (false unless said otherwise) leaves special tokens out. Where
   * encoding puts a space before a text (most SentencePiece vocabularies), decoding takes it off again.
   */
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
   * UTF-8 bytes that a token adds to the text before it; empty for special tokens and for ids that stand for nothing. A
   * character may be split over several tokens, so join bytes before decoding them. Nothing is taken off: a completion that
   * begins with SentencePiece's "▁Hello" reads " Hello", as in llama.cpp, so that prompt and completion join to the text that
   * was written; `encode(completion, { continues: true })` is the way back. (transformers, which decodes a completion as
   * though it were a whole text, loses that space.)
   */
  tokenBytes(id: number): Uint8Array
  /** The tokenizer.json that the vocabulary amounts to; absent where none gives the same ids. */
  readonly json?: unknown
}

/** A tokenizer, or the sentence that says why there is none. */
export type TokenizerResult =
  | { readonly ok: true; readonly tokenizer: TextTokenizer }
  | { readonly ok: false; readonly sentence: string }
