// Knows: chat formats of well-known families, in our own wording, for models whose own template is empty or cannot be run.
// Sources: the formats' documentation (ChatML by OpenAI; Llama 2 and 3 by Meta; Gemma by Google; Mistral; Phi-3 by Microsoft; Zephyr by Hugging Face).

const loop = (body: string): string => `{% for message in messages %}${body}{% endfor %}`
const opening = (text: string): string => `{% if add_generation_prompt %}{{ ${text} }}{% endif %}`
const CONTENT = "message['content'] | trim"
/** Formats without a system role get its text before the first message of the user (template-traits.ts). */
const NO_SYSTEM = "{% if message['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"

const FAMILIES = {
  chatml:
    loop("{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}") +
    opening("'<|im_start|>assistant\\n'"),
  'llama-3':
    '{{ bos_token }}' +
    loop(
      `{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + (${CONTENT}) + '<|eot_id|>' }}`,
    ) +
    opening("'<|start_header_id|>assistant<|end_header_id|>\\n\\n'"),
  'llama-2':
    `{{ bos_token }}` +
    loop(
      `${NO_SYSTEM}{% if message['role'] == 'user' %}{{ '[INST] ' + (${CONTENT}) + ' [/INST]' }}` +
        `{% else %}{{ ' ' + (${CONTENT}) + ' ' + eos_token }}{% endif %}`,
    ),
  gemma:
    '{{ bos_token }}' +
    loop(
      `${NO_SYSTEM}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' + (${CONTENT}) + '<end_of_turn>\\n' }}`,
    ) +
    opening("'<start_of_turn>model\\n'"),
  'phi-3':
    loop("{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}") +
    opening("'<|assistant|>\\n'"),
  zephyr:
    loop("{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}") +
    opening("'<|assistant|>\\n'"),
} as const satisfies Readonly<Record<string, string>>

export type TemplateFamily = keyof typeof FAMILIES

export const TEMPLATE_FAMILIES = Object.keys(FAMILIES) as readonly TemplateFamily[] // the keys of the literal above

export const templateOf = (family: TemplateFamily): string => FAMILIES[family]

/** Tokens that only vocabularies of a family have. */
const SIGNS: readonly (readonly [TemplateFamily, readonly string[]])[] = [
  ['chatml', ['<|im_start|>', '<|im_end|>']],
  ['llama-3', ['<|start_header_id|>', '<|eot_id|>']],
  ['gemma', ['<start_of_turn>', '<end_of_turn>']],
  ['phi-3', ['<|user|>', '<|assistant|>', '<|end|>']],
  ['zephyr', ['<|user|>', '<|assistant|>']],
  ['llama-2', ['[INST]', '[/INST]']],
]

/** The family whose tokens a vocabulary has; ChatML if none. */
export function suggestFamily(tokens: readonly string[]): TemplateFamily {
  const known = new Set(tokens)
  return SIGNS.find(([, signs]) => signs.every((sign) => known.has(sign)))?.[0] ?? 'chatml'
}
