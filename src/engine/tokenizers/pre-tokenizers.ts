// Knows: the pre-tokenizers that byte-level BPE vocabularies in GGUF files name (`tokenizer.ggml.pre`). Data, no logic.
// Source: llama.cpp, src/llama-vocab.cpp, whose names these are. A text is cut by the first expression, the pieces by the
// second, and so on; what lies between two matches is a piece of its own.

export interface PreTokenizer {
  readonly expressions: readonly string[]
  /** A piece that is a token as a whole is taken as it is, without merges. */
  readonly ignoreMerges?: boolean
  /** The begin token comes first unless the file says otherwise. */
  readonly addsBegin?: boolean
}

/** GPT-2's expression (Radford et al. 2019). */
export const GPT2_EXPRESSION = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

const SUFFIXES = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
const REST = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const LLAMA3_EXPRESSION = `${SUFFIXES}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|${REST}`
const QWEN2_EXPRESSION = `${SUFFIXES}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|${REST}`
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
const TEKKEN_EXPRESSION = `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`

const GPT2: PreTokenizer = { expressions: [GPT2_EXPRESSION] }
const SINGLE_DIGITS: PreTokenizer = { expressions: ['\\p{N}', GPT2_EXPRESSION] }
const LLAMA3: PreTokenizer = { expressions: [LLAMA3_EXPRESSION], ignoreMerges: true, addsBegin: true }
const LLAMA3_MERGED: PreTokenizer = { expressions: [LLAMA3_EXPRESSION] }
const QWEN2: PreTokenizer = { expressions: [QWEN2_EXPRESSION] }
const DEFAULT: PreTokenizer = { expressions: ['[\\p{P}\\$\\+<=>\\^~\\|]+', GPT2_EXPRESSION, '\\p{N}+', '[0-9][0-9][0-9]'] }

/**
 * The name under which llama.cpp knows how a tokenizer.json cuts texts: that of its Split expressions, GPT-2's where it has none;
 * undefined for a way that llama.cpp has no name for.
 */
export function namePreTokenizer(tokenizerJson: unknown): string | undefined {
  const fieldOf = (value: unknown, field: string): unknown => (typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === field)?.[1] : undefined)
  const steps = fieldOf(fieldOf(tokenizerJson, 'pre_tokenizer'), 'pretokenizers')
  const expressions = (Array.isArray(steps) ? steps : []).map((step) => fieldOf(fieldOf(step, 'pattern'), 'Regex')).filter((expression) => expression !== undefined)
  if (expressions.length === 0) return 'gpt-2'
  const ignoreMerges = fieldOf(fieldOf(tokenizerJson, 'model'), 'ignore_merges') === true
  return [...PRE_TOKENIZERS].find(([, known]) => (known.ignoreMerges ?? false) === ignoreMerges && JSON.stringify(known.expressions) === JSON.stringify(expressions))?.[0]
}

export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map<string, PreTokenizer>([
  ['default', DEFAULT],
  ...['gpt-2', 'phi-2', 'mpt', 'olmo', 'jais', 'trillion', 'granite-docling', 'gigachat', 'a.x-4.0', 'mellum', 'exaone4'].map((name) => [name, GPT2] as const),
  ...['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'].map((name) => [name, SINGLE_DIGITS] as const),
  ...['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'].map((name) => [name, LLAMA3] as const),
  ...['dbrx', 'smaug-bpe', 'chatglm-bpe', 'glm4'].map((name) => [name, LLAMA3_MERGED] as const),
  ...['qwen2', 'deepseek-r1-qwen', 'kormo', 'megrez', 'stablelm2', 'hunyuan', 'solar-open', 'grok-2'].map((name) => [name, QWEN2] as const),
  ['tekken', { expressions: [TEKKEN_EXPRESSION], ignoreMerges: true, addsBegin: true }],
])
