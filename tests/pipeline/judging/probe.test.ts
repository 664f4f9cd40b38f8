import { expect, test } from 'vitest'
import type { RowId } from '../../../src/domain/id.ts'
import { planProbe, readProbe } from '../../../src/pipeline/judging/probe.ts'
import { rubricOf } from '../../../src/pipeline/templates/rubrics.ts'
import { advisedRow } from '../advice/make-facts.ts'

const rubric = rubricOf('helpfulness@1', '')
const rows = (count: number, promptOf = (i: number) => `Prompt number ${i}`) =>
  Array.from({ length: count }, (_, i) => {
    const { completion, verdicts } = advisedRow('end', [], 4)
    return {
      id: `row ${i}` as RowId,
      prompt: promptOf(i),
      completion: { ...completion, text: `Completion number ${i}` },
      verdict: verdicts?.[0]?.verdict,
    }
  })

test('planProbe shows up to eight completions with the prompt of another row', () => {
  const probe = planProbe(rows(12), rubric)
  expect(probe?.requests).toHaveLength(8)
  const texts = probe?.requests.map(({ input }) => JSON.stringify(input)) ?? []
  expect(texts[0]).toContain('Completion number 0')
  expect(texts[0]).toContain('Prompt number 1')
  expect(texts[0]).not.toContain('Prompt number 0')
  expect(texts[7]).toContain('Prompt number 0')
})

test('planProbe needs four rows with different prompts', () => {
  expect(planProbe(rows(3), rubric)).toBeUndefined()
  expect(
    planProbe(
      rows(12, () => 'The same prompt'),
      rubric,
    ),
  ).toBeUndefined()
})

test('readProbe counts the foreign scores that are not lower', () => {
  const own = new Map([0, 1, 2, 3].map((i) => [`probe-${i}`, 4]))
  const foreign = new Map([
    ['probe-0', 1],
    ['probe-1', 4],
    ['probe-2', 4.5],
    ['probe-3', 2],
  ])
  expect(readProbe({ own }, foreign)).toEqual({
    pairs: 4,
    foreignAsHigh: 2,
    meanOwn: 4,
    meanForeign: 2.875,
  })
  expect(readProbe({ own }, new Map([['probe-0', 1]]))).toBeUndefined()
})
