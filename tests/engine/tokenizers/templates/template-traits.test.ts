import { describe, expect, test } from 'vitest'
import { compileChatTemplate } from '../../../../src/engine/tokenizers/templates/chat-template.ts'
import {
  closeReasoning,
  endsInReasoning,
} from '../../../../src/engine/tokenizers/templates/reasoning-marks.ts'
import { readTemplate } from '../../../../src/engine/tokenizers/templates/read-template.ts'
import { mergeSystem } from '../../../../src/engine/tokenizers/templates/template-traits.ts'

const turns = '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}'
const open = (tail: string): string => `${turns}{% if add_generation_prompt %}[assistant]${tail}{% endif %}`
const user = [{ role: 'user', content: 'Hi' }]

/** The ways in which families write their switch: the prompt with reasoning off, and with it on. */
const SWITCHES: readonly (readonly [string, string, string, string])[] = [
  [
    'off by an empty block (Qwen 3)',
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}",
    '<think>\n\n</think>\n\n',
    '',
  ],
  [
    'open or closed (DeepSeek V3.1)',
    '{% if not thinking is defined %}{% set thinking = false %}{% endif %}{% if thinking %}<think>{% else %}</think>{% endif %}',
    '</think>',
    '<think>',
  ],
  [
    'a default in the template (Nemotron)',
    "{{ '<think>\n' if (enable_thinking | default(true)) else '<think></think>' }}",
    '<think></think>',
    '<think>\n',
  ],
  ['a word of its own (Granite)', '{%- if thinking %} Think first.{% endif %}', '', ' Think first.'],
  [
    'a switch only where a system message is',
    "{% if messages[0].role == 'system' and enable_thinking %}/think{% endif %}",
    '',
    '',
  ],
]

describe('traits', () => {
  test.each(SWITCHES)('finds a switch of reasoning: %s', (_, tail, off, on) => {
    const template = compileChatTemplate(open(tail), {})
    expect(template.traits).toEqual({ systemRole: true, switchesReasoning: true, opensReasoning: false })
    expect(template.render(user, true, false)).toBe(`[user]Hi[assistant]${off}`)
    expect(template.render(user, true, true)).toBe(`[user]Hi[assistant]${on}`)
  })

  test('finds no switch where there is none, and reasoning that cannot be switched off', () => {
    expect(compileChatTemplate(open(''), {}).traits).toEqual({
      systemRole: true,
      switchesReasoning: false,
      opensReasoning: false,
    })
    expect(compileChatTemplate(open("{{ '<think>\n' }}"), {}).traits).toMatchObject({
      switchesReasoning: false,
      opensReasoning: true,
    })
  })

  test('passes null for tools and documents, numbers of any size, and empty texts for tokens that a folder lacks', () => {
    const render = (template: string): string => compileChatTemplate(template, {}).render(user, true)
    expect(render('{{ tools is none }} {{ documents is none }} {{ enable_thinking is defined }}')).toBe(
      'True True False',
    )
    expect(render("{{ bos_token + 'x' }} {{ 20250131 + 1 }}")).toBe('x 20250132')
  })
})

test('endsInReasoning and closeReasoning go by the last mark of a prompt alone', () => {
  expect(endsInReasoning('a<think>\n')).toBe(true)
  expect(endsInReasoning('What is <think>?\nassistant:')).toBe(false)
  expect(closeReasoning('a<think>\n')).toBe('\n</think>\n\n')
  expect(closeReasoning('a[THINK]')).toBe('\n\n[/THINK]\n\n')
  expect(closeReasoning('a<think>\n\n</think>\n\n')).toBe('')
})

test('mergeSystem puts system texts before the first message of the user', () => {
  const system = { role: 'system', content: 'S' }
  expect(mergeSystem([system, { role: 'assistant', content: 'a' }, ...user])).toEqual([
    { role: 'assistant', content: 'a' },
    { role: 'user', content: 'S\n\nHi' },
  ])
  expect(mergeSystem([system])).toEqual([{ role: 'user', content: 'S' }])
  expect(mergeSystem(user)).toBe(user)
})

describe('readTemplate', () => {
  const read = (text: string | undefined, tokens: readonly string[] = []) =>
    readTemplate({ text, values: { eos_token: '</s>' }, tokens })

  test('writes ChatML, or the format of the family whose tokens the vocabulary has, for an empty template', () => {
    expect(read('  \n').templateFamily).toBe('chatml')
    expect(read('').template?.render(user, true)).toBe(
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    )
    expect(read('', ['<start_of_turn>', '<end_of_turn>']).template?.render(user, true)).toBe(
      '<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n',
    )
    expect(read(undefined)).toEqual({ template: undefined })
  })

  test.each([
    ['{{ messages | batch(2) }}', 'filter “batch”'],
    ['{% with x = 1 %}{% endwith %}', 'with'],
    ['{{ messages[0].content.casefold() }}', '“casefold()”'],
    ['{{ messages is awaited }}', 'is awaited'],
    ["{{ '%5s' % 'x' }}", '%5'],
    ['{# nothing #}', 'renders nothing'],
  ])('names what a template cannot do here: %s', (text, name) => {
    const { template, templateError } = read(text)
    expect(template).toBeUndefined()
    expect(templateError).toContain(name)
  })
})
