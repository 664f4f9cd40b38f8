// Knows: the family of tokenizers: what each gives and where it comes from.
export type { ChatMessageText, TextTokenizer, TokenizerResult } from './text-tokenizer.ts'
export { tokenizerFromGguf } from './gguf-tokenizer.ts'
export { tokenizerFromFolder, type TokenizerFolder } from './folder-tokenizer.ts'
export { tokenizerFromJson } from './json-tokenizer.ts'
export { TextStream } from './text-stream.ts'
