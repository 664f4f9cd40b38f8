// Knows: which chat template a model gets: its own, or that of a family if its own is empty or someone chose one.
// Must not know: files.
import { compileChatTemplate, type TemplateValue } from './chat-template.ts'
import { suggestFamily, templateOf, type TemplateFamily } from './template-families.ts'
import type { VocabularyParts } from '../files/vocabulary-tokenizer.ts'

export interface TemplateSource {
  /** The template's text; absent if the model has none. */
  readonly text: string | undefined
  /** Its variables (`bos_token`, …). */
  readonly values: Readonly<Record<string, TemplateValue>>
  readonly tokens: readonly string[]
  /** A family's format instead of its own. */
  readonly family?: TemplateFamily
}

type TemplateParts = Pick<VocabularyParts, 'template' | 'templateError' | 'templateFamily'>

/** With a template that cannot be used, a model still supports raw prompts, but not chats. */
export function readTemplate({ text, values, tokens, family }: TemplateSource): TemplateParts {
  const blank = text !== undefined && text.trim() === ''
  const chosen = family ?? (blank ? suggestFamily(tokens) : undefined)
  if (chosen !== undefined)
    return { template: compileChatTemplate(templateOf(chosen), values), templateFamily: chosen }
  if (text === undefined) return { template: undefined }
  try {
    const template = compileChatTemplate(text, values)
    const { problem } = template.traits
    return problem === undefined ? { template } : { template: undefined, templateError: problem }
  } catch (thrown) {
    return { template: undefined, templateError: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}
