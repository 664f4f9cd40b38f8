// Knows: the well-known chat formats that a person can choose in place of a model's own chat template.
// Must not know: how they are written (engine/tokenizers/templates/template-families.ts).

/** Their names for people. */
export const CHAT_FORMATS = {
  chatml: 'ChatML',
  'llama-3': 'Llama 3',
  'llama-2': 'Llama 2',
  gemma: 'Gemma',
  'phi-3': 'Phi-3',
  zephyr: 'Zephyr',
} as const

export type ChatFormat = keyof typeof CHAT_FORMATS

export const CHAT_FORMAT_NAMES = Object.keys(CHAT_FORMATS) as readonly ChatFormat[] // the keys of the literal above

/** What a stored format is called; one that only a later version has by its own name. */
export const nameChatFormat = (format: string): string => {
  const known = findChatFormat(format)
  return known === undefined ? format : CHAT_FORMATS[known]
}

/** The format of this name; undefined if there is none. */
export const findChatFormat = (name: string): ChatFormat | undefined =>
  CHAT_FORMAT_NAMES.find((known) => known === name)
