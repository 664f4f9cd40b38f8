import { expect, test } from 'vitest'
import { nameChatFormat } from '../../src/domain/chat-format.ts'

test('a chat format of a later version has its own name', () => {
  expect(nameChatFormat('llama-2')).toBe('Llama 2')
  for (const later of ['llama-9', 'constructor']) expect(nameChatFormat(later)).toBe(later)
})
