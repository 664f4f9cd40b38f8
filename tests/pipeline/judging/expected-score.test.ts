import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  buildVerdictRequest,
  readVerdict,
  SCORE_CONTINUATIONS,
} from '../../../src/pipeline/judging/expected-score.ts'
import { rubricOfSettings, rubric as step } from '../../../src/pipeline/judging/rubric.ts'
import { rubricOf, RUBRIC_NAMES } from '../../../src/pipeline/templates/rubrics.ts'
import { settingsWith, teacher } from '../samples.ts'

const reading = { rubric: 'helpfulness@1', judge: teacher, minMass: 0.01 }
const logs = (...probabilities: number[]): { logProbs: number[] } => ({
  logProbs: probabilities.map(Math.log),
})

test('computes the score as the expected value of the five probabilities, and the mass as their sum', () => {
  const verdict = readVerdict(logs(0.05, 0.05, 0.1, 0.2, 0.4), reading)
  expect(verdict.kind).toBe('score')
  if (verdict.kind !== 'score') return
  expect(Math.abs(verdict.mass - 0.8)).toBeLessThanOrEqual(1e-12)
  expect(Math.abs(verdict.score - (0.05 + 0.1 + 0.3 + 0.8 + 2) / 0.8)).toBeLessThanOrEqual(1e-12)
  verdict.distribution.forEach((p, i) =>
    expect(Math.abs(p - [0.0625, 0.0625, 0.125, 0.25, 0.5][i]!)).toBeLessThanOrEqual(1e-12),
  )
})

test('marks a response without a score unreadable, with the reason: never zero, never a guess', () => {
  expect(readVerdict(logs(0.001, 0.001, 0.001, 0.001, 0.001), reading)).toMatchObject({
    kind: 'unreadable',
    reason: expect.stringContaining('total probability below 0.01'),
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

test('reads a log-probability of −∞ as probability zero', () => {
  const verdict = readVerdict(
    { logProbs: [-Infinity, -Infinity, -Infinity, -Infinity, Math.log(0.5)] },
    reading,
  )
  expect(verdict).toMatchObject({ kind: 'score', score: 5, mass: 0.5, distribution: [0, 0, 0, 0, 1] })
})

test('reads any five log-probabilities as a score from 1 to 5 or as unreadable', () => {
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

test('puts the rubric and its examples first for all rows, and the row’s own text last', () => {
  const requests = ['one', 'two'].map((word) =>
    buildVerdictRequest(
      word,
      { prompt: `prompt ${word}`, completion: `completion ${word}` },
      rubricOf('helpfulness@1', ''),
    ),
  )
  const [one, two] = requests.map((request) => (request.input.kind === 'chat' ? request.input.messages : []))
  expect(one!.slice(0, -1)).toEqual(two!.slice(0, -1))
  expect(one!.at(-1)).toEqual({ role: 'user', content: 'Question:\nprompt one\n\nAnswer:\ncompletion one' })
  expect(requests[0]).toMatchObject({
    id: 'one',
    answerPrefix: 'Score:',
    continuations: [' 1', ' 2', ' 3', ' 4', ' 5'],
  })
  expect(SCORE_CONTINUATIONS).toHaveLength(5)
})

test('continues the prefix in every example with one of the scored continuations', () => {
  for (const name of RUBRIC_NAMES) {
    const { input, answerPrefix, continuations } = buildVerdictRequest(
      'x',
      { prompt: 'p', completion: 'c' },
      rubricOf(name, ''),
    )
    const examples = input.kind === 'chat' ? input.messages.filter(({ role }) => role === 'assistant') : []
    expect(examples.length).toBeGreaterThan(4)
    for (const { content } of examples) expect(continuations).toContain(content.slice(answerPrefix!.length))
    expect(new Set(examples.map(({ content }) => content)).size).toBe(5) // every score has an example
  }
})

test('uses an own rubric verbatim, without our examples', () => {
  const own = rubricOfSettings(settingsWith(step, { rubric: 'own', own: '  Must rhyme.  ' }))
  expect(own).toEqual({ name: 'own', text: 'Must rhyme.', examples: [] })
  const { input } = buildVerdictRequest('x', { prompt: 'p', completion: 'c' }, own)
  expect(input.kind === 'chat' && input.messages.map(({ role }) => role)).toEqual(['system', 'user'])
})

test('cuts the middle out of a huge completion, visibly', () => {
  const { input } = buildVerdictRequest(
    'x',
    { prompt: 'p', completion: `start ${'x'.repeat(100_000)} finish` },
    rubricOf('own', 'Be good.'),
  )
  const shown = input.kind === 'chat' ? input.messages.at(-1)!.content : ''
  expect(shown.length).toBeLessThan(4000)
  expect(shown).toContain('\n[…]\n')
  expect(shown.endsWith('finish')).toBe(true)
})

const countCharacters = (contextLength: number, length: number): number => {
  const { input } = buildVerdictRequest(
    'x',
    { prompt: 'p'.repeat(length), completion: 'c'.repeat(length) },
    rubricOf('helpfulness@1', ''),
    contextLength,
  )
  return input.kind === 'chat' ? input.messages.reduce((sum, { content }) => sum + content.length, 0) : 0
}

test('fits the request into the judge’s context, and short texts whole', () => {
  expect(countCharacters(2048, 50_000)).toBeLessThanOrEqual(2048 * 2.5)
  expect(countCharacters(1024, 50_000)).toBeLessThanOrEqual(1024 * 2.5)
  expect(countCharacters(2048, 600)).toBe(countCharacters(100_000, 600))
})

const shownTo = (text: Parameters<typeof buildVerdictRequest>[1], contextLength?: number): string => {
  const { input } = buildVerdictRequest('a', text, rubricOf('helpfulness@1', ''), contextLength)
  return input.kind === 'chat' ? (input.messages.at(-1)?.content ?? '') : ''
}

test('shows the judge the conversation before the prompt', () => {
  const item = { prompt: 'And now?', completion: 'Rye.' }
  expect(shownTo(item)).toBe('Question:\nAnd now?\n\nAnswer:\nRye.')
  expect(shownTo({ ...item, earlier: [] })).toBe(shownTo(item))
  expect(
    shownTo({
      ...item,
      earlier: [
        { role: 'system', content: 'You are a baker.' },
        { role: 'user', content: 'Hi?' },
        { role: 'assistant', content: 'Hello.' },
      ],
    }),
  ).toBe(
    `Conversation before the question:\nSystem: You are a baker.\n\nUser: Hi?\n\nAssistant: Hello.\n\n${shownTo(item)}`,
  )
})

test('leaves out the first messages of a conversation that does not fit, visibly', () => {
  const earlier = Array.from({ length: 100 }, (_, i) => ({
    role: i % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: `Message ${i} ${'word '.repeat(40)}`,
  }))
  const shown = shownTo({ prompt: 'And now?', completion: 'Rye.', earlier }, 1024)
  expect(shown).toContain('question:\n[…]\n\n')
  expect(shown).not.toContain('Message 1 ')
  expect(shown).toMatch(/Message 99 (word )+\n/)
  expect(shown.length).toBeLessThan(1024 * 2.5)
})
