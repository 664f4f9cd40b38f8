import { expect, test } from 'vitest'
import type { ScoreRequest } from '../../../src/domain/completion-request.ts'
import type { Reply } from '../../../src/domain/reply.ts'
import { judgeText, scoreAfterReasoning, type Judging } from '../../../src/pipeline/judging/judge-program.ts'
import type { Call, Program } from '../../../src/pipeline/programs/program.ts'
import { MODEL } from '../../stand-ins/sample-project.ts'

/** Runs a program whose calls get these replies in order; returns its outcome and calls. */
function drive<T>(program: Program<T>, replies: readonly Reply[]): { outcome: T; calls: Call[] } {
  const calls: Call[] = []
  let step = program.next(undefined)
  while (!step.done) {
    if (step.value.kind !== 'call') throw new Error('unexpected')
    calls.push(step.value.call)
    step = program.next(replies[calls.length - 1])
  }
  return { outcome: step.value, calls }
}
const completed = (part: object): Reply => ({
  kind: 'complete',
  result: { text: 'Score: 1', finishReason: 'end', promptTokens: 1, tokens: 1, ...part },
})
const scored = (logProbs: readonly number[]): Reply => ({ kind: 'score', result: { logProbs } })
const REQUEST: ScoreRequest = {
  id: 'a',
  input: { kind: 'chat', messages: [{ role: 'user', content: 'Text' }] },
  continuations: [' 1', ' 2'],
}
const judging = (settings: Partial<Judging['settings']> = {}): Judging => ({
  rubric: { name: 'helpfulness@1', text: 'Is it helpful?', examples: [] },
  judge: MODEL,
  settings: { minMass: 0.01, thinking: false, maxTokens: 64, ...settings },
})

test('without reasoning there is one score request', () => {
  const { outcome, calls } = drive(
    scoreAfterReasoning('judge', REQUEST, { thinking: false, maxTokens: 64 }),
    [scored([-1, -2])],
  )
  expect(outcome).toEqual({ logProbs: [-1, -2] })
  expect(calls).toEqual([{ kind: 'score', role: 'judge', request: REQUEST }])
})

test('with reasoning it is generated first, shown to the judge, and comes back with the score', () => {
  const { outcome, calls } = drive(scoreAfterReasoning('judge', REQUEST, { thinking: true, maxTokens: 64 }), [
    completed({ reasoning: 'It is short.' }),
    scored([-1, -2]),
  ])
  expect(outcome).toEqual({ logProbs: [-1, -2], reasoning: 'It is short.' })
  expect(calls.map(({ kind }) => kind)).toEqual(['complete', 'score'])
  expect(calls[0]).toMatchObject({ request: { thinking: true, sampling: { maxTokens: 64, temperature: 0 } } })
  expect(JSON.stringify(calls[1])).toContain('It is short.')
})

test('reasoning that does not end is refused with what to do, and no score is read', () => {
  const { outcome, calls } = drive(scoreAfterReasoning('judge', REQUEST, { thinking: true, maxTokens: 64 }), [
    completed({ text: '', finishReason: 'length', unfinishedReasoning: true }),
  ])
  expect(outcome).toEqual({
    logProbs: [],
    refusal: expect.stringMatching(/did not end within 64 tokens: raise/),
  })
  expect(calls).toHaveLength(1)
})

test('an empty text has the lowest score without a call; a refusal is unreadable, with its reason', () => {
  expect(drive(judgeText('a', { prompt: 'p', completion: ' \n' }, judging()), [])).toMatchObject({
    outcome: { kind: 'score', score: 1 },
    calls: [],
  })
  const refused: Reply = { kind: 'score', result: { logProbs: [], refusal: 'too long' } }
  expect(drive(judgeText('a', { prompt: 'p', completion: 'c' }, judging()), [refused]).outcome).toEqual({
    kind: 'unreadable',
    rubric: 'helpfulness@1',
    judge: MODEL,
    reason: 'too long',
  })
})
