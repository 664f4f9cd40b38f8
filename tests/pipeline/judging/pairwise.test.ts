import { expect, test } from 'vitest'
import type { ChatMessage } from '../../../src/domain/completion-request.ts'
import { buildPairRequests, readPair } from '../../../src/pipeline/judging/pairwise.ts'
import { rubricOf } from '../../../src/pipeline/templates/rubrics.ts'
import { teacher } from '../samples.ts'

const logs = (a: number, b: number): { logProbs: number[] } => ({ logProbs: [Math.log(a), Math.log(b)] })

test('builds requests for both orders', () => {
  const [one, two] = buildPairRequests(
    'r7',
    { prompt: 'Why?', first: 'Because.', second: 'Do not know.' },
    rubricOf('helpfulness@1', ''),
  )
  const shown = [one, two].map(({ input }) => (input.kind === 'chat' ? input.messages.at(-1)!.content : ''))
  expect([one.id, two.id]).toEqual(['r7/1', 'r7/2'])
  expect(shown[0]).toContain('Answer A:\nBecause.\n\nAnswer B:\nDo not know.')
  expect(shown[1]).toContain('Answer A:\nDo not know.\n\nAnswer B:\nBecause.')
})

test('shows the conversation before the prompt in both orders', () => {
  const pair = { prompt: 'And now?', first: 'Rye.', second: 'Spelt.' }
  const shown = (earlier?: readonly ChatMessage[]): string[] =>
    buildPairRequests('r7', { ...pair, earlier }, rubricOf('helpfulness@1', '')).map(({ input }) =>
      input.kind === 'chat' ? input.messages.at(-1)!.content : '',
    )
  const before = 'Conversation before the question:\nUser: Hi?\n\n'
  expect(shown([{ role: 'user', content: 'Hi?' }])).toEqual(shown().map((text) => before + text))
})

test('lets a text win only if it is preferred in both orders', () => {
  expect(readPair(logs(0.6, 0.2), logs(0.1, 0.3), teacher)).toMatchObject({
    outcome: 'first',
    shownFirst: expect.closeTo(0.75, 12),
    shownSecond: expect.closeTo(0.75, 12),
  })
  expect(readPair(logs(0.1, 0.3), logs(0.3, 0.1), teacher)).toMatchObject({ outcome: 'second' })
})

test('reads a preference for a position as a tie', () => {
  expect(readPair(logs(0.9, 0.1), logs(0.9, 0.1), teacher)).toMatchObject({ outcome: 'tie' })
  expect(readPair(logs(0.1, 0.9), logs(0.1, 0.9), teacher)).toMatchObject({ outcome: 'tie' })
  expect(readPair(logs(0.5, 0.5), logs(0.1, 0.9), teacher)).toMatchObject({ outcome: 'tie' })
})

test('reads equal texts as a tie, whatever the probabilities', () => {
  expect(
    readPair(logs(0.9, 0.1), logs(0.1, 0.9), teacher, { first: 'Same. ', second: 'Same.' }),
  ).toMatchObject({ outcome: 'tie' })
})

test('marks an unreadable comparison', () => {
  for (const broken of [
    { logProbs: [] },
    { logProbs: [Number.NaN, -1] },
    { logProbs: [-Infinity, -Infinity] },
  ]) {
    expect(readPair(broken, logs(0.1, 0.9), teacher)).toMatchObject({
      outcome: 'tie',
      unreadable: expect.any(String),
      shownFirst: 0.5,
    })
  }
  expect(readPair(logs(0.6, 0.2), logs(0.1, 0.3), teacher)).not.toHaveProperty('unreadable')
})
