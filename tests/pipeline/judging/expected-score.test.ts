import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  askVerdict,
  readVerdict,
  rubricOfSettings,
  SCORE_CONTINUATIONS,
} from '../../../src/pipeline/judging/expected-score.ts'
import { rubric as step } from '../../../src/pipeline/judging/rubric.ts'
import { rubricOf, RUBRIC_NAMES } from '../../../src/pipeline/templates/rubrics.ts'
import { settingsWith, teacher } from '../samples.ts'

const reading = { rubric: 'helpfulness@1', judge: teacher, minMass: 0.01 }
const logs = (...probabilities: number[]): { logProbs: number[] } => ({
  logProbs: probabilities.map(Math.log),
})

test('the score is the expected value of the five probabilities, and the mass is their sum', () => {
  const verdict = readVerdict(logs(0.05, 0.05, 0.1, 0.2, 0.4), reading)
  expect(verdict.kind).toBe('score')
  if (verdict.kind !== 'score') return
  expect(Math.abs(verdict.mass - 0.8)).toBeLessThanOrEqual(1e-12)
  expect(Math.abs(verdict.score - (0.05 + 0.1 + 0.3 + 0.8 + 2) / 0.8)).toBeLessThanOrEqual(1e-12)
  verdict.distribution.forEach((p, i) =>
    expect(Math.abs(p - [0.0625, 0.0625, 0.125, 0.25, 0.5][i]!)).toBeLessThanOrEqual(1e-12),
  )
})

test('a judge that does not answer with a score is unreadable, with the reason: never a zero, never a guess', () => {
  expect(readVerdict(logs(0.001, 0.001, 0.001, 0.001, 0.001), reading)).toMatchObject({
    kind: 'unreadable',
    reason: expect.stringContaining('less probability than 0.01'),
    mass: expect.closeTo(0.005, 9),
  })
  for (const logProbs of [
    [],
    [0, 0, 0, 0],
    [Number.NaN, -1, -1, -1, -1],
    [-1, -1, -1, -1, Infinity],
    Array.from({ length: 5 }, () => -Infinity),
  ]) {
    const verdict = readVerdict({ logProbs }, reading)
    expect(verdict.kind, String(logProbs)).toBe('unreadable')
    expect(verdict).not.toHaveProperty('score')
  }
})

test('a score that the judge holds impossible has probability zero and the others are read', () => {
  const verdict = readVerdict(
    { logProbs: [-Infinity, -Infinity, -Infinity, -Infinity, Math.log(0.5)] },
    reading,
  )
  expect(verdict).toMatchObject({ kind: 'score', score: 5, mass: 0.5, distribution: [0, 0, 0, 0, 1] })
})

test('any five log-probabilities give a score from 1 to 5 with a distribution of 1, or no score at all', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.double({ min: -800, max: 0 }), fc.double()), { minLength: 5, maxLength: 5 }),
      (logProbs) => {
        const verdict = readVerdict({ logProbs }, { ...reading, minMass: 0 })
        if (verdict.kind === 'unreadable') return
        expect(verdict.score >= 1 && verdict.score <= 5).toBe(true)
        expect(Math.abs(verdict.distribution.reduce((a, b) => a + b, 0) - 1)).toBeLessThanOrEqual(1e-9)
        expect(verdict.mass >= 0 && verdict.mass <= 1).toBe(true)
      },
    ),
  )
})

test('the rubric and its examples are the same words for all rows, and the row’s own text comes last', () => {
  const asked = ['one', 'two'].map((word) =>
    askVerdict(
      word,
      { prompt: `prompt ${word}`, completion: `completion ${word}` },
      rubricOf('helpfulness@1', ''),
    ),
  )
  const [one, two] = asked.map((request) => (request.asked.kind === 'chat' ? request.asked.messages : []))
  expect(one!.slice(0, -1)).toEqual(two!.slice(0, -1))
  expect(one!.at(-1)).toEqual({ role: 'user', content: 'Question:\nprompt one\n\nAnswer:\ncompletion one' })
  expect(asked[0]).toMatchObject({
    id: 'one',
    answerPrefix: 'Score:',
    continuations: [' 1', ' 2', ' 3', ' 4', ' 5'],
  })
  expect(SCORE_CONTINUATIONS).toHaveLength(5)
})

test('what follows an example’s prefix is exactly one of the continuations that are scored', () => {
  for (const name of RUBRIC_NAMES) {
    const { asked, answerPrefix, continuations } = askVerdict(
      'x',
      { prompt: 'p', completion: 'c' },
      rubricOf(name, ''),
    )
    const said = asked.kind === 'chat' ? asked.messages.filter(({ role }) => role === 'assistant') : []
    expect(said.length).toBeGreaterThan(4)
    for (const { content } of said) expect(continuations).toContain(content.slice(answerPrefix!.length))
    expect(new Set(said.map(({ content }) => content)).size).toBe(5) // every score is shown once at least
  }
})

test('a rubric of one’s own is shown in its own words, without our examples', () => {
  const own = rubricOfSettings(settingsWith(step, { rubric: 'own', own: '  Must rhyme.  ' }))
  expect(own).toEqual({ name: 'own', text: 'Must rhyme.', examples: [] })
  const { asked } = askVerdict('x', { prompt: 'p', completion: 'c' }, own)
  expect(asked.kind === 'chat' && asked.messages.map(({ role }) => role)).toEqual(['system', 'user'])
})

test('a huge completion is shown with its middle left out, visibly', () => {
  const { asked } = askVerdict(
    'x',
    { prompt: 'p', completion: `start ${'x'.repeat(100_000)} finish` },
    rubricOf('own', 'Be good.'),
  )
  const shown = asked.kind === 'chat' ? asked.messages.at(-1)!.content : ''
  expect(shown.length).toBeLessThan(4000)
  expect(shown).toContain('\n[…]\n')
  expect(shown.endsWith('finish')).toBe(true)
})

const measureAsked = (contextLength: number, length: number): number => {
  const { asked } = askVerdict(
    'x',
    { prompt: 'p'.repeat(length), completion: 'c'.repeat(length) },
    rubricOf('helpfulness@1', ''),
    contextLength,
  )
  return asked.kind === 'chat' ? asked.messages.reduce((sum, { content }) => sum + content.length, 0) : 0
}

test('what is asked fits the judge’s context, and short texts are shown whole', () => {
  expect(measureAsked(2048, 50_000)).toBeLessThanOrEqual(2048 * 2.5)
  expect(measureAsked(1024, 50_000)).toBeLessThanOrEqual(1024 * 2.5)
  expect(measureAsked(2048, 600)).toBe(measureAsked(100_000, 600))
})
