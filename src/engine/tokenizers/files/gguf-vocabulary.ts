// Knows: what all vocabularies in GGUF files have in common: tokens with their kinds, begin and end tokens, the
// chat template.
// Must not know: how texts become ids.
import { readFlag, readNumber, readNumbers, readText, readTexts } from '../../weights/gguf/metadata.ts'
import type { Metadata } from '../../weights/gguf/metadata.ts'
import { findNamedEnds } from '../end-tokens.ts'
import { readTemplate } from '../templates/read-template.ts'
import type { TemplateFamily } from '../templates/template-families.ts'
import type { VocabularyParts, AddedToken } from './vocabulary-tokenizer.ts'

/** Kinds of tokens in `tokenizer.ggml.token_type`; 1 is a normal token. */
export const KIND = { unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

export type GgufVocabulary = Pick<
  VocabularyParts,
  | 'tokens'
  | 'specialIds'
  | 'literalIds'
  | 'addedTokens'
  | 'endIds'
  | 'startIds'
  | 'template'
  | 'templateError'
  | 'templateFamily'
> & {
  /** By id; empty if the file has none. */
  readonly kinds: readonly number[]
}

/** llama.cpp's defaults for a kind of vocabulary. */
export interface GgufDefaults {
  readonly beginId?: number
  readonly endId?: number
  readonly addsBegin: boolean
  /** `addsBegin` decides whatever the file says. */
  readonly ignoresFlag?: boolean
}

/** Undefined if the file has no list of tokens. */
export function readGgufVocabulary(
  metadata: Metadata,
  defaults: GgufDefaults,
  family?: TemplateFamily,
): GgufVocabulary | undefined {
  const tokens = readTexts(metadata, 'tokenizer.ggml.tokens')
  if (tokens === undefined || tokens.length === 0) return undefined
  const kinds = readNumbers(metadata, 'tokenizer.ggml.token_type') ?? []
  const idOfRole = (role: string, fallback?: number): number | undefined => {
    const id = readNumber(metadata, `tokenizer.ggml.${role}_token_id`) ?? fallback
    return id !== undefined && Number.isInteger(id) && id >= 0 && id < tokens.length ? id : undefined
  }
  const endIds = findNamedEnds(tokens, (id) => kinds[id] === KIND.control)
  const specialIds = new Set(endIds)
  for (const id of [idOfRole('eos', defaults.endId), idOfRole('eot'), idOfRole('eom')])
    if (id !== undefined) endIds.add(id)
  const literalIds = new Set<number>()
  for (const id of tokens.keys()) {
    if (kinds[id] === KIND.control || kinds[id] === KIND.unknown) specialIds.add(id)
    else if (kinds[id] === KIND.userDefined && !specialIds.has(id)) literalIds.add(id)
  }
  const begin = idOfRole('bos', defaults.beginId)
  const flag = defaults.ignoresFlag ? undefined : readFlag(metadata, 'tokenizer.ggml.add_bos_token')
  const begins = flag ?? defaults.addsBegin
  const nameOf = (id: number | undefined): string => (id === undefined ? '' : (tokens[id] ?? ''))
  return {
    tokens,
    kinds,
    specialIds,
    literalIds,
    addedTokens: listAddedTokens(metadata, tokens, [...specialIds, ...literalIds]),
    endIds,
    startIds: begins && begin !== undefined ? [begin] : [],
    ...readTemplate({
      text: readText(metadata, 'tokenizer.chat_template'),
      values: {
        bos_token: nameOf(begin),
        eos_token: nameOf(idOfRole('eos', defaults.endId)),
        unk_token: nameOf(idOfRole('unknown')),
        pad_token: nameOf(idOfRole('padding')),
      },
      tokens,
      ...(family === undefined ? {} : { family }),
    }),
  }
}

/**
 * Phi-3's special tokens strip the white space after them, which its GGUF files do not declare: llama.cpp
 * checks the name too.
 */
function listAddedTokens(
  metadata: Metadata,
  tokens: readonly string[],
  ids: readonly number[],
): AddedToken[] {
  const strips = /phi-?3/i.test(readText(metadata, 'general.name') ?? '')
  return ids.flatMap((id) => {
    const content = tokens[id] ?? ''
    return content === ''
      ? []
      : [{ id, content, rstrip: strips && !['<unk>', '<s>', '<|endoftext|>'].includes(content) }]
  })
}
