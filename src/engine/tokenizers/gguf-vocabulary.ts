// Knows: what every vocabulary in a GGUF file says alike: tokens with their kinds, which of them begin and end texts, the template.
// Must not know: how texts become ids.
import { readFlag, readNumber, readNumbers, readText, readTexts } from '../weights/metadata.ts'
import type { Metadata } from '../weights/metadata.ts'
import { compileChatTemplate } from './chat-template.ts'
import { findNamedEnds } from './end-tokens.ts'
import type { VocabularyParts, WrittenToken } from './vocabulary-tokenizer.ts'

/** Kinds of tokens in `tokenizer.ggml.token_type`; 1 is an ordinary one. */
export const KIND = { unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

export type GgufVocabulary = Pick<
  VocabularyParts,
  'tokens' | 'specialIds' | 'literalIds' | 'written' | 'endIds' | 'startIds' | 'template' | 'templateFault'
> & {
  /** By id; empty where the file has none. */
  readonly kinds: readonly number[]
}

/** What llama.cpp takes for granted of a kind of vocabulary where the file is silent. */
export interface GgufDefaults {
  readonly beginId?: number
  readonly endId?: number
  readonly addsBegin: boolean
}

/** Undefined where the file has no list of tokens. */
export function readGgufVocabulary(metadata: Metadata, defaults: GgufDefaults): GgufVocabulary | undefined {
  const tokens = readTexts(metadata, 'tokenizer.ggml.tokens')
  if (tokens === undefined || tokens.length === 0) return undefined
  const kinds = readNumbers(metadata, 'tokenizer.ggml.token_type') ?? []
  const idOfRole = (role: string, otherwise?: number): number | undefined => {
    const id = readNumber(metadata, `tokenizer.ggml.${role}_token_id`) ?? otherwise
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
  const begins = readFlag(metadata, 'tokenizer.ggml.add_bos_token') ?? defaults.addsBegin
  const nameOf = (id: number | undefined): string => (id === undefined ? '' : (tokens[id] ?? ''))
  return {
    tokens,
    kinds,
    specialIds,
    literalIds,
    written: writeOut(metadata, tokens, [...specialIds, ...literalIds]),
    endIds,
    startIds: begins && begin !== undefined ? [begin] : [],
    ...readTemplate(metadata, {
      bos_token: nameOf(begin),
      eos_token: nameOf(idOfRole('eos', defaults.endId)),
      unk_token: nameOf(idOfRole('unknown')),
      pad_token: nameOf(idOfRole('padding')),
    }),
  }
}

/** Phi-3's special tokens swallow the white space behind them, which its GGUF files do not say: llama.cpp goes by the name too. */
function writeOut(metadata: Metadata, tokens: readonly string[], ids: readonly number[]): WrittenToken[] {
  const swallows = /phi-?3/i.test(readText(metadata, 'general.name') ?? '')
  return ids.flatMap((id) => {
    const content = tokens[id] ?? ''
    return content === ''
      ? []
      : [{ id, content, rstrip: swallows && !['<unk>', '<s>', '<|endoftext|>'].includes(content) }]
  })
}

/** A template that cannot be read costs the model its chats, not its raw prompts. */
function readTemplate(
  metadata: Metadata,
  names: Readonly<Record<string, string>>,
): Pick<VocabularyParts, 'template' | 'templateFault'> {
  const text = readText(metadata, 'tokenizer.chat_template')
  if (text === undefined) return { template: undefined }
  try {
    return { template: compileChatTemplate(text, names) }
  } catch (thrown) {
    return { template: undefined, templateFault: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}
