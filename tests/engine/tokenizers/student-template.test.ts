import { beforeAll, describe, expect, test } from 'vitest'
import {
  renderStudentChat,
  renderStudentExample,
  renderStudentPrompt,
  trainStudentTokenizer,
} from '../../../src/engine/tokenizers/student-template.ts'
import type { TextTokenizer } from '../../../src/engine/tokenizers/tokenizer.ts'

describe("a student's template", () => {
  let tokenizer: TextTokenizer
  beforeAll(() => {
    tokenizer = trainStudentTokenizer(
      ['How do I return shoes after 40 days?', 'You can return them.', 'How do you do?', 'You can do this.'],
      300,
    ).tokenizer
  })

  test('learns the completion and the end token, and nothing of the prompt', () => {
    const { ids, border } = renderStudentExample(tokenizer, {
      prompt: 'How do I return shoes?',
      completion: 'You can.',
    })
    expect(tokenizer.decode(ids.slice(0, border))).toBe(
      '<|user|>\nHow do I return shoes?<|end|>\n<|assistant|>\n',
    )
    expect(tokenizer.decode(ids.slice(border))).toBe('You can.<|end|>')
  })

  test('reads at training what it reads when it is asked: the same ids as the rendered template', () => {
    const messages = [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: ' How do you do?\n\n' },
    ]
    const asked = tokenizer.encode(tokenizer.renderChat(messages, { addGenerationPrompt: true }))
    expect(renderStudentPrompt(tokenizer, messages)).toEqual(asked)
    const example = renderStudentExample(tokenizer, {
      system: 'Be kind.',
      prompt: ' How do you do?\n\n',
      completion: '\n\nFine.',
    })
    expect(example.ids.slice(0, example.border)).toEqual(asked)
  })

  test('an end token written in a prompt does not end the prompt', () => {
    const end = tokenizer.idOf('<|end|>')
    const { ids } = renderStudentExample(tokenizer, { prompt: 'What is <|end|>?', completion: 'A token.' })
    expect(ids.filter((id) => id === end)).toHaveLength(2)
  })

  test('a chat of several answers reads as the template writes it, and each answer wanted is learned to its end', () => {
    const messages = [
      { role: 'user', content: 'How do you do?' },
      { role: 'assistant', content: 'I can.' },
      { role: 'user', content: 'How?' },
      { role: 'assistant', content: 'You can do this.' },
    ] as const
    const { ids, learned } = renderStudentChat(tokenizer, messages, 2)
    expect(ids).toEqual(tokenizer.encode(tokenizer.renderChat(messages, { addGenerationPrompt: false })))
    expect(tokenizer.decode(ids.filter((_, i) => learned[i] === 1))).toBe('You can do this.<|end|>')
    const both = renderStudentChat(tokenizer, messages, 0)
    expect(tokenizer.decode(ids.filter((_, i) => both.learned[i] === 1))).toBe(
      'I can.<|end|>You can do this.<|end|>',
    )
  })

  test('ends where its tokenizer says', () => {
    expect(tokenizer.endIds).toEqual(new Set([tokenizer.idOf('<|end|>')]))
    expect(tokenizer.hasChatTemplate).toBe(true)
  })
})
