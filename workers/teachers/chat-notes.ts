// Knows: what people should know about how a model's chats are written, in sentences.
import type { ModelCard } from '../../src/domain/model-card.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'

const FAMILIES: Readonly<Record<NonNullable<TextTokenizer['templateFamily']>, string>> = {
  chatml: 'ChatML',
  'llama-3': 'Llama 3’s format',
  'llama-2': 'Llama 2’s format',
  gemma: 'Gemma’s format',
  'phi-3': 'Phi-3’s format',
  zephyr: 'Zephyr’s format',
}

/** For a card: how the template differs from what people expect; nothing for a usual one. */
export function describeChat({
  templateTraits: traits,
  templateError,
  templateFamily,
}: Pick<TextTokenizer, 'templateTraits' | 'templateError' | 'templateFamily'>): Pick<
  ModelCard,
  'chatNotes' | 'reasoning'
> {
  const notes: string[] = []
  if (templateFamily !== undefined)
    notes.push(`The model’s own chat template is empty, so chats are written in ${FAMILIES[templateFamily]}.`)
  if (templateError !== undefined) notes.push(templateError)
  if (traits?.systemRole === false)
    notes.push(
      'Its chat template has no place for a system prompt: that text is put before the first message of the user.',
    )
  if (traits?.switchesReasoning)
    notes.push('It can reason before it responds. The setting “Reasoning” of a recipe switches that on.')
  if (traits?.opensReasoning)
    notes.push(
      'It always reasons before it responds, which takes tokens: its reasoning is cut out of the text. Its scores are read without any reasoning.',
    )
  const reasoning = traits?.switchesReasoning ? 'switch' : traits?.opensReasoning ? 'always' : undefined
  return {
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(notes.length === 0 ? {} : { chatNotes: notes }),
  }
}
