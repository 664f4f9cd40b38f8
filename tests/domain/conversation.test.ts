import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { ChatMessage } from '../../src/domain/completion-request.ts'
import { findSystem, hashConversation, writeConversation } from '../../src/domain/conversation.ts'
import { freshId } from '../../src/domain/id.ts'
import { EARLIER_MESSAGE_LIMIT, MAX_EARLIER_MESSAGES, parseSeed, seedId } from '../../src/domain/seed.ts'

const turns: readonly ChatMessage[] = [
  { role: 'user', content: 'Hi?' },
  { role: 'assistant', content: 'Hello.' },
]
const baker: ChatMessage = { role: 'system', content: 'You are a baker.' }

test('puts the system prompt, the earlier messages and the prompt in their order', () => {
  expect(writeConversation({ system: 'Be brief.', earlier: turns, prompt: 'And now?' })).toEqual([
    { role: 'system', content: 'Be brief.' },
    ...turns,
    { role: 'user', content: 'And now?' },
  ])
  expect(writeConversation({ system: '', prompt: 'Why?' })).toEqual([{ role: 'user', content: 'Why?' }])
})

test('lets a conversation’s own system message take the place of the system prompt', () => {
  expect(writeConversation({ system: 'Be brief.', earlier: [baker, ...turns], prompt: 'And now?' })).toEqual([
    baker,
    ...turns,
    { role: 'user', content: 'And now?' },
  ])
  expect(findSystem('Be brief.', [baker])).toBe('')
  // A system message in the middle is about what follows it.
  expect(findSystem('Be brief.', [...turns, baker])).toBe('Be brief.')
})

test('hashes a text without earlier messages as versions did that had none', () => {
  const before = createHash('sha256').update('"Why?"').digest('hex')
  expect(hashConversation('Why?')).toBe(before)
  expect(hashConversation('Why?', [])).toBe(before)
  expect(new Set([before, hashConversation('Why?', turns), hashConversation('Why?', [baker])]).size).toBe(3)
})

const parse = (text: string, earlier?: readonly ChatMessage[]) =>
  parseSeed({ projectId: freshId('project'), text, earlier, source: 'a', line: 3, addedAt: 1 })

test('gives seeds of one text in different conversations different ids, and keeps the id of a text alone', () => {
  const [alone, empty, one, other] = [
    parse('And now?'),
    parse('And now?', []),
    parse('And now?', turns),
    parse('And now?', [baker, ...turns]),
  ].map((seed) => (seed.ok ? seed.value : undefined))
  expect(alone?.id).toBe(seedId('And now?'))
  expect(empty?.id).toBe(alone?.id)
  expect(empty).not.toHaveProperty('earlier')
  expect(one?.id).toBe(seedId('And now?', turns))
  expect(new Set([alone?.id, one?.id, other?.id]).size).toBe(3)
  expect(one?.earlier).toEqual(turns)
})

test('refuses messages that are too long, too many or not text, and names the message', () => {
  const sentence = (earlier: readonly ChatMessage[]): string | undefined => {
    const seed = parse('And now?', earlier)
    return seed.ok ? undefined : seed.problems[0]?.sentence
  }
  const long: ChatMessage = { role: 'assistant', content: 'a'.repeat(EARLIER_MESSAGE_LIMIT + 1) }
  expect(sentence([baker, long])).toMatch(/^Message 2 of the conversation has 32001 characters/)
  expect(sentence(Array.from({ length: MAX_EARLIER_MESSAGES + 1 }, () => baker))).toMatch(/201 messages/)
  expect(sentence([{ role: 'user', content: 'a\0b' }])).toMatch(/zero character/)
  expect(sentence([{ ...long, content: 'a'.repeat(EARLIER_MESSAGE_LIMIT) }])).toBeUndefined()
})
