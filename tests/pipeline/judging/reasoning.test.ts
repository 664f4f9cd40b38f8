import { describe, expect, test } from 'vitest'
import {
  buildReasoningRequest,
  contextForJudge,
  findNoReasoning,
  withReasoning,
} from '../../../src/pipeline/judging/reasoning.ts'
import { buildVerdictRequest } from '../../../src/pipeline/judging/expected-score.ts'
import { rubricOf } from '../../../src/pipeline/templates/rubrics.ts'

const settings = { thinking: true, maxTokens: 100 }
const request = buildVerdictRequest(
  'r',
  { prompt: 'What is two and two?', completion: 'Four.' },
  rubricOf('helpfulness@1', ''),
)
const lastOf = (input: typeof request.input): string =>
  input.kind === 'chat' ? (input.messages.at(-1)?.content ?? '') : input.text

describe('a judge that may reason', () => {
  test('reasons about the same chat first, greedily and within its max tokens', () => {
    const reasoning = buildReasoningRequest(request, settings)
    expect(reasoning).toMatchObject({ id: 'r', thinking: true, input: request.input })
    expect(reasoning.sampling).toMatchObject({ temperature: 0, maxTokens: 100 })
  })

  test('is scored by the same continuations, with its reasoning as plain text of the last message', () => {
    const scored = withReasoning(request, ' Correct </think> and brief. ', settings)
    expect(scored).toMatchObject({
      id: 'r',
      answerPrefix: request.answerPrefix,
      continuations: request.continuations,
    })
    expect(lastOf(scored.input)).toBe(
      `${lastOf(request.input)}\n\nYour notes on this, written before:\nCorrect </think> and brief.`,
    )
    expect(lastOf(request.input)).not.toContain('notes')
  })

  test('is scored as before where it wrote no reasoning', () => {
    expect(withReasoning(request, undefined, settings)).toBe(request)
    expect(withReasoning(request, ' \n', settings)).toBe(request)
  })

  test('keeps room for its reasoning in the context, and cuts longer reasoning to that room', () => {
    expect(contextForJudge(2048, settings)).toBe(1948)
    expect(contextForJudge(2048, { ...settings, thinking: false })).toBe(2048)
    expect(contextForJudge(undefined, settings)).toBeUndefined()
    const added =
      lastOf(withReasoning(request, 'x'.repeat(5000), settings).input).length - lastOf(request.input).length
    expect(added).toBeLessThan(300)
  })

  test('has no verdict where the reasoning did not end, with that reason', () => {
    expect(findNoReasoning({ unfinishedReasoning: true }, settings)).toContain(
      'did not end within 100 tokens',
    )
    expect(findNoReasoning({ refusal: 'Too long.' }, settings)).toBe('Too long.')
    expect(findNoReasoning({}, settings)).toBeUndefined()
  })
})
