// Knows: the pre-tokenizers that byte-level BPE vocabularies in GGUF files name (`tokenizer.ggml.pre`). Data,
// no logic.
// Source: llama.cpp, src/llama-vocab.cpp, whose names these are. A text is split by the first expression, the
// pieces by the second, and so on; the text between two matches is a piece too. If llama.cpp's own engine can
// only approximate an expression of a tokenizer.json (tekken, gpt-4o), the table has the tokenizer.json's. Not
// supported: kimi-k2 and afmoe (rules in llama.cpp's code, not expressions), chameleon (images), embedding
// models.
import { fieldOf, isRecord, listOf, textOf } from '../files/unknown-json.ts'

export interface PreTokenizer {
  readonly expressions: readonly string[]
  /** A piece that is a token is not merged. */
  readonly ignoreMerges?: boolean
  /** Texts start with the begin token unless the file says otherwise. */
  readonly addsBegin?: boolean
}

/** GPT-2's expression (Radford et al. 2019). */
export const GPT2_EXPRESSION =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

const SUFFIXES = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const REST = ` ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`
const WORD = '[^\\r\\n\\p{L}\\p{N}]?\\p{L}+'
const LLAMA3_EXPRESSION = `${SUFFIXES}|${WORD}|\\p{N}{1,3}|${REST}`
const QWEN2_EXPRESSION = `${SUFFIXES}|${WORD}|\\p{N}|${REST}`
const QWEN35_EXPRESSION = `${SUFFIXES}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${SPACES}`
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
/** A word in lower case, capitalised or in capitals, with an optional suffix. */
const cased = (suffix: string): string =>
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${suffix}|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${suffix}`
const REST_WITH_SLASHES = ` ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`
const TEKKEN_EXPRESSION = `${cased('')}|\\p{N}|${REST_WITH_SLASHES}`
const GPT4O_EXPRESSION = `${cased(`${SUFFIXES}?`)}|\\p{N}{1,3}|${REST_WITH_SLASHES}`
const CHINESE_JAPANESE = '[一-龥぀-ゟ゠-ヿ]+'
const DEEPSEEK_EXPRESSION =
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+'
/** Letters of the alphabets with upper and lower case, as DeepSeek's first models list them. */
const CASED_LETTERS =
  'A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮ\u2cf2\u2cf3Ꙁ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃'
const FAR_EAST = '[一-龥ࠀ-一가-퟿]+'
const BLOOM_EXPRESSION = ' ?[^(\\s|.,!?…。，、।۔،)]+'

const GPT2: PreTokenizer = { expressions: [GPT2_EXPRESSION] }
const SINGLE_DIGITS: PreTokenizer = { expressions: ['\\p{N}', GPT2_EXPRESSION] }
const LLAMA3: PreTokenizer = { expressions: [LLAMA3_EXPRESSION], ignoreMerges: true, addsBegin: true }
const LLAMA3_MERGED: PreTokenizer = { expressions: [LLAMA3_EXPRESSION] }
const QWEN2: PreTokenizer = { expressions: [QWEN2_EXPRESSION] }
const GPT4O: PreTokenizer = { expressions: [GPT4O_EXPRESSION] }
const DEEPSEEK3: PreTokenizer = {
  expressions: ['\\p{N}{1,3}', CHINESE_JAPANESE, `${DEEPSEEK_EXPRESSION}[\\r\\n]*|${SPACES}`],
}
const BAILING: PreTokenizer = {
  expressions: [
    `'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|${WORD}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+`,
  ],
}
const COHERE2: PreTokenizer = { expressions: ['\\d{1,3}(?=(?:\\d{3})*\\b)', GPT4O_EXPRESSION] }
const BLOOM: PreTokenizer = { expressions: [BLOOM_EXPRESSION] }
const DEFAULT: PreTokenizer = {
  expressions: ['[\\p{P}\\$\\+<=>\\^~\\|]+', GPT2_EXPRESSION, '\\p{N}+', '[0-9][0-9][0-9]'],
}

/**
 * llama.cpp's name of the pre-tokenizer of a tokenizer.json, found by its expressions; GPT-2's if it has none;
 * undefined if llama.cpp has no name for it.
 */
export function namePreTokenizer(tokenizerJson: unknown): string | undefined {
  const preTokenizer = fieldOf(tokenizerJson, 'pre_tokenizer')
  const steps =
    textOf(preTokenizer, 'type') === 'Sequence' || fieldOf(preTokenizer, 'pretokenizers') !== undefined
      ? listOf(preTokenizer, 'pretokenizers')
      : isRecord(preTokenizer)
        ? [preTokenizer]
        : []
  const expressions = steps.flatMap(expressionsOf)
  if (expressions.length === 0) return 'gpt-2'
  const ignoreMerges = fieldOf(fieldOf(tokenizerJson, 'model'), 'ignore_merges') === true
  return [...PRE_TOKENIZERS].find(
    ([, known]) =>
      (known.ignoreMerges ?? false) === ignoreMerges &&
      JSON.stringify(known.expressions) === JSON.stringify(expressions),
  )?.[0]
}

/** The table's expressions for a step; undefined if it has none. */
function expressionsOf(step: unknown): (string | undefined)[] {
  switch (textOf(step, 'type')) {
    case 'Split':
      return [textOf(fieldOf(step, 'pattern'), 'Regex')?.replaceAll("(?i:'s|'t|'re|'ve|'m|'ll|'d)", SUFFIXES)]
    case 'Digits':
      return [fieldOf(step, 'individual_digits') === true ? '\\p{N}' : '\\p{N}+']
    case 'ByteLevel':
      return fieldOf(step, 'use_regex') === false ? [] : [GPT2_EXPRESSION]
    default:
      return [undefined]
  }
}

export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map<string, PreTokenizer>([
  ['default', DEFAULT],
  ...[
    'gpt-2',
    'phi-2',
    'mpt',
    'olmo',
    'jais',
    'trillion',
    'granite-docling',
    'gigachat',
    'a.x-4.0',
    'mellum',
    'exaone4',
  ].map((name) => [name, GPT2] as const),
  ...['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'].map(
    (name) => [name, SINGLE_DIGITS] as const,
  ),
  ...['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'].map(
    (name) => [name, LLAMA3] as const,
  ),
  // SmolLM3 has Llama 3's vocabulary without a begin token, called smaug-bpe by converters; Phi-4 is dbrx,
  // Phi-4-mini gpt-4o.
  ...['smaug-bpe', 'dbrx', 'chatglm-bpe', 'glm4'].map((name) => [name, LLAMA3_MERGED] as const),
  ...[
    'qwen2',
    'deepseek-r1-qwen',
    'kormo',
    'f2llmv2',
    'megrez',
    'stablelm2',
    'hunyuan',
    'solar-open',
    'grok-2',
  ].map((name) => [name, QWEN2] as const),
  ['qwen35', { expressions: [QWEN35_EXPRESSION] }],
  ['tekken', { expressions: [TEKKEN_EXPRESSION], ignoreMerges: true, addsBegin: true }],
  ...['gpt-4o', 'llama4', 'kanana2', 'talkie', 'minimax-m2'].map((name) => [name, GPT4O] as const),
  ...['tiny_aya', 'cohere2moe'].map((name) => [name, COHERE2] as const),
  [
    'deepseek-llm',
    {
      expressions: [
        '[\\r\\n]',
        `\\s?[${CASED_LETTERS}]+`,
        '\\s?[!-/:-~！-／：-～‘-‟　-。]+',
        '\\s+$',
        FAR_EAST,
        '\\p{N}+',
      ],
    },
  ],
  ['deepseek-coder', { expressions: ['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', FAR_EAST, '\\p{N}'] }],
  ...['deepseek-v3', 'hunyuan-dense', 'joyai-llm', 'hy_v4'].map((name) => [name, DEEPSEEK3] as const),
  [
    'spark2_5',
    {
      expressions: [
        '\\p{N}{1,3}',
        CHINESE_JAPANESE,
        `${DEEPSEEK_EXPRESSION}|[\\r\\n]|\\s+(?!\\S)|\\s+`,
        '\\p{N}',
      ],
    },
  ],
  [
    'youtu',
    {
      expressions: [
        `[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|${CHINESE_JAPANESE}`,
        `${cased(`${SUFFIXES}?`)}|\\p{N}|${REST_WITH_SLASHES}`,
      ],
      ignoreMerges: true,
    },
  ],
  ['falcon', { expressions: ['[\\p{P}\\$\\+<=>\\^~\\|`]+', GPT2_EXPRESSION, '[0-9][0-9][0-9]'] }],
  ...['bloom', 'gpt3-finnish', 'poro-chat'].map((name) => [name, BLOOM] as const),
  ['viking', { expressions: [BLOOM_EXPRESSION, '\\p{N}'] }],
  [
    'jais-2',
    {
      expressions: [
        `${SUFFIXES}|${WORD}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}`,
      ],
    },
  ],
  ['superbpe', { expressions: ['\\p{N}+', '(?=(\\d{3})+(?!\\d))'] }],
  ...['bailingmoe', 'bailingmoe2', 'llada-moe'].map((name) => [name, BAILING] as const),
  ['seed-coder', { expressions: [`${SUFFIXES}|${WORD}|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|${SPACES}`] }],
  ['ufakzeka', { expressions: [`${WORD}|\\p{N}|${REST}`] }],
  ['laguna', { expressions: ['[^\\n]+|[\\n]+', QWEN2_EXPRESSION] }],
  [
    'exaone-moe',
    {
      expressions: [
        `${SUFFIXES}|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+`,
      ],
    },
  ],
  ['minicpm5', { expressions: ['\\p{N}{1,3}', `${SUFFIXES}|${WORD}|\\p{N}+|${REST}`], ignoreMerges: true }],
])
