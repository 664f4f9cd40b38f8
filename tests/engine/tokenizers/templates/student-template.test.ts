import { beforeAll, describe, expect, test } from 'vitest'
import {
  renderStudentChat,
  renderStudentExample,
  renderStudentPrompt,
  trainStudentTokenizer,
} from '../../../../src/engine/tokenizers/templates/student-template.ts'
import type { TextTokenizer } from '../../../../src/engine/tokenizers/tokenizer.ts'

describe('student template', () => {
  let tokenizer: TextTokenizer
  beforeAll(() => {
    tokenizer = trainStudentTokenizer(
      ['How do I return shoes after 40 days?', 'You can return them.', 'How do you do?', 'You can do this.'],
      300,
    ).tokenizer
  })

  test('trains on the completion and the end token, and not on the prompt', () => {
    const { ids, promptLength } = renderStudentExample(tokenizer, {
      prompt: 'How do I return shoes?',
      completion: 'You can.',
    })
    expect(tokenizer.decode(ids.slice(0, promptLength))).toBe(
      '<|user|>\nHow do I return shoes?<|end|>\n<|assistant|>\n',
    )
    expect(tokenizer.decode(ids.slice(promptLength))).toBe('You can.<|end|>')
  })

  test('renders the same prompt ids for training and generation as the chat template', () => {
    const messages = [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: ' How do you do?\n\n' },
    ]
    const rendered = tokenizer.encode(tokenizer.renderChat(messages, { addGenerationPrompt: true }))
    expect(renderStudentPrompt(tokenizer, messages)).toEqual(rendered)
    const example = renderStudentExample(tokenizer, {
      system: 'Be kind.',
      prompt: ' How do you do?\n\n',
      completion: '\n\nFine.',
    })
    expect(example.ids.slice(0, example.promptLength)).toEqual(rendered)
  })

  test('encodes an end token inside a prompt as plain characters', () => {
    const end = tokenizer.idOf('<|end|>')
    const { ids } = renderStudentExample(tokenizer, { prompt: 'What is <|end|>?', completion: 'A token.' })
    expect(ids.filter((id) => id === end)).toHaveLength(2)
  })

  test('renders a chat of several answers like the template and masks the loss to the requested answers', () => {
    const messages = [
      { role: 'user', content: 'How do you do?' },
      { role: 'assistant', content: 'I can.' },
      { role: 'user', content: 'How?' },
      { role: 'assistant', content: 'You can do this.' },
    ] as const
    const { ids, lossMask } = renderStudentChat(tokenizer, messages, 2)
    expect(ids).toEqual(tokenizer.encode(tokenizer.renderChat(messages, { addGenerationPrompt: false })))
    expect(tokenizer.decode(ids.filter((_, i) => lossMask[i] === 1))).toBe('You can do this.<|end|>')
    const both = renderStudentChat(tokenizer, messages, 0)
    expect(tokenizer.decode(ids.filter((_, i) => both.lossMask[i] === 1))).toBe(
      'I can.<|end|>You can do this.<|end|>',
    )
  })

  test('has one end token and a chat template', () => {
    expect(tokenizer.endIds).toEqual(new Set([tokenizer.idOf('<|end|>')]))
    expect(tokenizer.hasChatTemplate).toBe(true)
  })
})
