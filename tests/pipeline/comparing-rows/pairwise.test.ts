// Knows: how rows of a prompt are compared: which pairs, both orders, ties, and what is counted.
import { expect, test } from 'vitest'
import type { Reply } from '../../../src/domain/reply.ts'
import { listPairs, pairwise } from '../../../src/pipeline/comparing-rows/pairwise.ts'
import type { Call } from '../../../src/pipeline/programs/program.ts'
import type { StageContext } from '../../../src/pipeline/stages/stage.ts'
import { drive } from '../programs/drive.ts'
import { makeRow, settingsWith, teacher } from '../samples.ts'

const context: StageContext = { step: 2, rngSeed: 1, modelOf: () => ({ ref: teacher, contextLength: 2048 }) }
const rowsOf = (texts: readonly string[], prompt = 'Why is the sky blue?') =>
  texts.map((completion, order) => ({ ...makeRow(order, { prompt, completion }), variant: order }))

const chatOf = (call: Call): string =>
  call.kind === 'score' && call.request.input.kind === 'chat'
    ? (call.request.input.messages.at(-1)?.content ?? '')
    : ''
const prefers = (first: boolean): Reply => ({
  kind: 'score',
  result: { logProbs: first ? [-0.1, -2] : [-2, -0.1] },
})
/** Prefers the text with the higher number. */
const byNumber = (call: Call): Reply => {
  const [a = 0, b = 0] = [...chatOf(call).matchAll(/worth (\d+)/g)].map(([, worth]) => Number(worth))
  return prefers(a > b)
}
const run = (
  rows: ReturnType<typeof rowsOf>,
  changed: Parameters<typeof settingsWith<(typeof pairwise)['settings']>>[1] = {},
  reply = byNumber,
) => {
  const { outcome, calls } = drive(
    pairwise.together(
      rows.map((row) => pairwise.hold(row, settingsWith(pairwise, changed))),
      settingsWith(pairwise, changed),
      context,
    ),
    reply,
  )
  return { evidence: outcome.decisions.map(({ evidence }) => evidence), ...outcome, calls }
}

test('compares all pairs of a prompt in both orders and counts wins, losses and ties', () => {
  const { evidence, preferences, calls, decisions } = run(rowsOf(['worth 2', 'worth 9', 'worth 5']))
  expect(calls).toHaveLength(6)
  expect(calls.every((call) => call.kind === 'score' && call.role === 'judge')).toBe(true)
  expect(decisions.every(({ kind }) => kind === 'kept')).toBe(true)
  expect(evidence).toEqual([
    { wins: 0, losses: 2, ties: 0 },
    { wins: 2, losses: 0, ties: 0 },
    { wins: 1, losses: 1, ties: 0 },
  ])
  expect(preferences?.map(({ first, second, verdict }) => [first, second, verdict.outcome])).toEqual([
    [0, 1, 'second'],
    [1, 2, 'first'],
    [0, 2, 'second'],
  ])
})

test('takes a preference for a position as a tie', () => {
  const { evidence } = run(rowsOf(['worth 2', 'worth 9']), {}, () => prefers(true))
  expect(evidence).toEqual([
    { wins: 0, losses: 0, ties: 1 },
    { wins: 0, losses: 0, ties: 1 },
  ])
})

test('compares equal texts without a call, and rows of different prompts never', () => {
  const equal = run(rowsOf(['worth 2', ' worth 2 ']))
  expect(equal.calls).toEqual([])
  expect(equal.evidence[0]).toEqual({ wins: 0, losses: 0, ties: 1 })
  const apart = run([...rowsOf(['worth 1']), ...rowsOf(['worth 2'], 'Another prompt')])
  expect(apart.calls).toEqual([])
  expect(apart.evidence).toEqual([
    { wins: 0, losses: 0, ties: 0 },
    { wins: 0, losses: 0, ties: 0 },
  ])
})

test('counts comparisons that cannot be read apart from ties', () => {
  const { evidence, preferences } = run(rowsOf(['worth 1', 'worth 2']), {}, () => ({
    kind: 'score',
    result: { logProbs: [], refusal: 'too long' },
  }))
  expect(evidence[0]).toEqual({ wins: 0, losses: 0, ties: 0, unreadable: 1 })
  expect(preferences?.[0]?.verdict.unreadable).toBe('too long')
})

test.each([2, 3, 4, 5, 8, 9])('a tournament of %i rows needs one comparison less', (count) => {
  const texts = Array.from({ length: count }, (_, i) => `worth ${((i * 7) % 11) + 1}`)
  const { preferences, evidence, calls } = run(rowsOf(texts), { pairs: 'tournament' })
  expect(preferences).toHaveLength(count - 1)
  expect(calls).toHaveLength(2 * (count - 1))
  const worths = texts.map((text) => Number(text.slice(6)))
  const best = worths.indexOf(Math.max(...worths))
  expect(evidence[best]).toMatchObject({ losses: 0 })
  expect(evidence.filter(({ losses }) => losses === 1)).toHaveLength(count - 1)
})

test.each([2, 3, 4, 5, 6, 7])('lists every pair of %i items once, and fewer ones evenly', (count) => {
  const items = Array.from({ length: count }, (_, i) => i)
  const every = listPairs(items, 1000)
  expect(new Set(every.map(String)).size).toBe((count * (count - 1)) / 2)
  expect(every).toHaveLength((count * (count - 1)) / 2)
  const some = listPairs(items, count).flat()
  const seen = items.map((item) => some.filter((other) => other === item).length)
  expect(Math.max(...seen) - Math.min(...seen)).toBeLessThanOrEqual(1)
  expect(listPairs(items, 1)).toHaveLength(1)
})
