// Knows: the family of tokenizers: their interface and how to create each.
export type { TextTokenizer } from './text-tokenizer.ts'
export { tokenizerFromGguf } from './files/gguf-tokenizer.ts'
export { tokenizerFromFolder, type TokenizerFolder } from './files/folder-tokenizer.ts'
