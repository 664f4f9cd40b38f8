// Knows: how the tokenizer of a Hugging Face folder becomes ours: tokenizer.json, tokenizer_config.json, and
// the end tokens and chat templates of other files. All of it is untrusted parsed data.
// Must not know: where the files come from.
import type { TemplateValue } from '../templates/chat-template.ts'
import { findNamedEnds } from '../end-tokens.ts'
import { readTemplate } from '../templates/read-template.ts'
import type { TemplateFamily } from '../templates/template-families.ts'
import type { TokenizerResult } from '../text-tokenizer.ts'
import { MAX_VOCABULARY, readTokenizerFile, type TokenizerFile } from './tokenizer-file.ts'
import { fieldOf, isIndex, isRecord, listOf, textOf } from './unknown-json.ts'
import { VocabularyTokenizer } from './vocabulary-tokenizer.ts'

/** Parsed JSON each, except `chatTemplate`; absent if the folder has no such file. */
export interface TokenizerFolder {
  readonly tokenizerJson: unknown
  readonly tokenizerConfig?: unknown
  /** Older folders name special tokens here. */
  readonly specialTokensMap?: unknown
  /** config.json, for its `eos_token_id`. */
  readonly config?: unknown
  readonly generationConfig?: unknown
  /** The text of chat_template.jinja, which takes precedence over the template in tokenizer_config.json. */
  readonly chatTemplate?: unknown
}

/** Roles of tokens in a configuration. */
const ROLES = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const
/** Max end tokens read from a configuration's list. */
const MAX_ENDS = 64

/**
 * The tokenizer, or the sentence why the folder's tokenizer cannot be used. `family`: this family's chat format instead of the folder's
 * template. Never throws.
 */
export function tokenizerFromFolder(folder: TokenizerFolder, family?: TemplateFamily): TokenizerResult {
  try {
    const read = readTokenizerFile(folder.tokenizerJson)
    const file = addConfigured(read, folder.tokenizerConfig)
    const names = readNames(folder)
    const idOfName = (name: string | undefined): number | undefined =>
      name === undefined || name === ''
        ? undefined
        : (file.addedTokens.find(({ content }) => content === name)?.id ??
          nonNegative(file.tokens.indexOf(name)))
    const tokenizer = new VocabularyTokenizer({
      ...file,
      endIds: findEnds(folder, file, idOfName(names.get('eos_token'))),
      startIds: findStarts(folder.tokenizerConfig, file, idOfName(names.get('bos_token'))),
      ...readTemplate({
        text: templateTextOf(folder),
        values: templateValuesOf(folder, names),
        tokens: file.tokens,
        ...(family === undefined ? {} : { family }),
      }),
      json: () => (file === read ? withoutPostProcessing(folder.tokenizerJson) : undefined),
    })
    return { ok: true, tokenizer }
  } catch (thrown) {
    return {
      ok: false,
      sentence: `This model cannot be used: ${thrown instanceof Error ? thrown.message : String(thrown)}. Choose another one.`,
    }
  }
}

const nonNegative = (index: number): number | undefined => (index < 0 ? undefined : index)

/** A token in a configuration: a text, or a record with its content. */
const nameOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : textOf(value, 'content')

/** Names of tokens by role. */
function readNames({ tokenizerConfig, specialTokensMap }: TokenizerFolder): Map<string, string> {
  const names = new Map<string, string>()
  for (const role of ROLES) {
    const name = nameOf(fieldOf(tokenizerConfig, role)) ?? nameOf(fieldOf(specialTokensMap, role))
    if (name !== undefined) names.set(role, name)
  }
  return names
}

/** Adds the tokens that only tokenizer_config.json lists, as transformers does when it opens a folder. */
function addConfigured(file: TokenizerFile, config: unknown): TokenizerFile {
  const listed = fieldOf(config, 'added_tokens_decoder')
  if (!isRecord(listed)) return file
  const known = new Set(file.addedTokens.map(({ id }) => id))
  const tokens = [...file.tokens]
  const specialIds = new Set(file.specialIds)
  const literalIds = new Set(file.literalIds)
  const addedTokens = [...file.addedTokens]
  for (const [key, item] of Object.entries(listed)) {
    const id = Number(key)
    const content = textOf(item, 'content')
    if (
      !isIndex(id, MAX_VOCABULARY) ||
      content === undefined ||
      content === '' ||
      known.has(id) ||
      (tokens[id] ?? content) !== content
    )
      continue
    const isSet = (flag: string): boolean => fieldOf(item, flag) === true
    while (tokens.length <= id) tokens.push('')
    tokens[id] = content
    ;(isSet('special') ? specialIds : literalIds).add(id)
    addedTokens.push({
      id,
      content,
      lstrip: isSet('lstrip'),
      rstrip: isSet('rstrip'),
      singleWord: isSet('single_word'),
      normalised: isSet('normalized'),
    })
  }
  return addedTokens.length === file.addedTokens.length
    ? file
    : { ...file, tokens, specialIds, literalIds, addedTokens }
}

function findEnds(
  { config, generationConfig }: TokenizerFolder,
  { tokens, specialIds }: TokenizerFile,
  end: number | undefined,
): Set<number> {
  const ids = findNamedEnds(tokens, (id) => specialIds.has(id))
  for (const value of [fieldOf(config, 'eos_token_id'), fieldOf(generationConfig, 'eos_token_id'), end]) {
    for (const id of Array.isArray(value) ? value.slice(0, MAX_ENDS) : [value])
      if (isIndex(id, tokens.length)) ids.add(id)
  }
  return ids
}

/** `add_bos_token` decides if it is set; otherwise the ids that the post-processor puts before a text. */
function findStarts(
  config: unknown,
  { beginIds }: TokenizerFile,
  begin: number | undefined,
): readonly number[] {
  const adds = fieldOf(config, 'add_bos_token')
  if (adds === false) return []
  return adds === true && begin !== undefined ? [begin] : beginIds
}

/** chat_template.jinja comes first, if it is not empty; an empty text is a template that is there and empty. */
function templateTextOf({ chatTemplate, tokenizerConfig }: TokenizerFolder): string | undefined {
  const texts = [findTemplate(chatTemplate), findTemplate(fieldOf(tokenizerConfig, 'chat_template'))]
  return (
    texts.find((text) => text !== undefined && text.trim() !== '') ?? texts.find((text) => text !== undefined)
  )
}

function templateValuesOf(
  { tokenizerConfig, specialTokensMap }: TokenizerFolder,
  names: ReadonlyMap<string, string>,
): Record<string, TemplateValue> {
  const more = [tokenizerConfig, specialTokensMap]
    .map((file) => listOf(file, 'additional_special_tokens').flatMap((item) => nameOf(item) ?? []))
    .find((list) => list.length > 0)
  return { ...Object.fromEntries(names), ...(more ? { additional_special_tokens: more } : {}) }
}

/**
 * The only template, or of several named ones "default", else the first that is not for tools or documents;
 * also from a record of names.
 */
function findTemplate(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value))
    return isRecord(value) ? (textOf(value, 'default') ?? textOf(value, 'chat_template')) : undefined
  const named = value
    .map((item: unknown) => ({ name: textOf(item, 'name'), template: textOf(item, 'template') }))
    .filter(({ template }) => template !== undefined)
  return (
    named.find(({ name }) => name === 'default') ??
    named.find(({ name }) => name !== 'tool_use' && name !== 'rag')
  )?.template
}

/** The tokenizer.json without post-processor, truncation and padding: an exported folder sets these itself. */
const withoutPostProcessing = (tokenizerJson: unknown): unknown =>
  isRecord(tokenizerJson)
    ? { ...tokenizerJson, post_processor: null, truncation: null, padding: null }
    : undefined
