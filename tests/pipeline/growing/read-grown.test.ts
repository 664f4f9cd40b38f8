import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kept, dropped } from '../../../src/domain/filter-decision.ts'
import {
  decideUsable,
  novelTexts,
  promptsFromSeeds,
  readGrown,
  promptsFromCandidates,
} from '../../../src/pipeline/growing/read-grown.ts'
import { planGrowth } from '../../../src/pipeline/growing/plan-growth.ts'
import { selfInstruct } from '../../../src/pipeline/growing/self-instruct.ts'
import { projectId, runId, settingsWith, shot, teacher } from '../samples.ts'

const settings = settingsWith(selfInstruct)
const seeds = Array.from({ length: 8 }, (_, i) => shot(`Seed number ${i} is about something.`))
const [request] = planGrowth({ next: 4, pool: { seeds, accepted: [] }, settings, rngSeed: 1 })
const read = (text: string, finishReason: 'end' | 'length' | 'aborted' = 'end') =>
  readGrown(request!, { text, finishReason }, settings)

test('splits a numbered response into prompts', () => {
  const found = read(
    ' write a short note to a baker\n10. Explain why Bread rises in Paris.\n11 . Name\n   three kinds of flour\n12) Say it more politely, please.',
  )
  expect(found.map(({ text, item, decision }) => [item, text, decision.kind])).toEqual([
    [0, 'Write a short note to a baker', 'kept'],
    [1, 'Explain why Bread rises in Paris.', 'kept'],
    [2, 'Name three kinds of flour', 'kept'],
    [3, 'Say it more politely, please.', 'kept'],
  ])
})

test('removes quotes and bold marks around a prompt, and those of a title', () => {
  const found = read(
    ' "Explain why bread rises."\n10. **Name three kinds of flour.**\n11. **Baking**: Explain what yeast does.\n12. “Wash” and “rinse” are verbs: explain both.\n13. *`Sort these five words.`*',
  )
  expect(found.map(({ text, decision }) => [text, decision.kind])).toEqual([
    ['Explain why bread rises.', 'kept'],
    ['Name three kinds of flour.', 'kept'],
    ['Baking: Explain what yeast does.', 'kept'],
    ['“Wash” and “rinse” are verbs: explain both.', 'dropped'], // starts outside ASCII, as the paper drops it
    ['Sort these five words.', 'kept'],
  ])
})

test('keeps a list inside a prompt in that prompt', () => {
  const found = read(
    ' Rank these cakes by weight:\n1. plum cake\n2. cheese cake\n10. Explain why bread rises.\n11. Sort these words by length:\n1. oven\n2. flour',
  )
  expect(found.map(({ text }) => text)).toEqual([
    'Rank these cakes by weight: 1. plum cake 2. cheese cake',
    'Explain why bread rises.',
    'Sort these words by length: 1. oven 2. flour',
  ])
})

test('drops only the last prompt of a response cut by length, with the reason', () => {
  const found = read(' One whole prompt is written here.\n10. This one was cut in the mid', 'length')
  expect(found.map(({ decision }) => decision.kind)).toEqual(['kept', 'dropped'])
  expect(found[1]!.decision).toMatchObject({ reason: 'cut by length' })
  expect(read(' A prompt that was being written', 'aborted')[0]!.decision).toMatchObject({
    reason: 'stopped during generation',
  })
})

test.each([
  ['Too few words', '3 words, fewer than 4'],
  [Array.from({ length: 151 }, () => 'word').join(' '), '151 words, more than 150'],
  ['Describe what this Picture shows us', 'mentions “picture”, which a text model cannot see or make'],
  ['Draw a cat in the garden', 'mentions “draw”, which a text model cannot see or make'],
  ['Go to the website and copy its first line', 'mentions “go to”, which a text model cannot see or make'],
  ['Write a program that sorts a list', 'starts with “Write a program”'],
  ['"Quoted text at the start of it', 'starts with punctuation'],
  ['- a dash before the whole prompt', 'starts with punctuation'],
  ['Über die Berge und weit weg', 'starts with a character outside ASCII'],
])('drops “%.40s”: %s', (text, reason) => {
  expect(decideUsable(text, settings)).toMatchObject({ kind: 'dropped', reason })
})

test('keeps words that merely contain an excluded one', () => {
  for (const text of [
    'Explain photography and imagery to me',
    'Describe how a paragraph is built',
    'Write a programme for the evening',
  ]) {
    expect(decideUsable(text, settings).kind, text).toBe(
      text.startsWith('Write a program') ? 'dropped' : 'kept',
    )
  }
  expect(decideUsable('Über die Berge und weit weg', { ...settings, asciiStart: false }).kind).toBe('kept')
})

test('never throws on a response, and returns one-line prompts', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 400 }),
        fc
          .array(fc.constantFrom('\n9. ', '\n10 . ', '12)', '\n', '.', ' word', 'é', '😀', '\ud800'), {
            maxLength: 60,
          })
          .map((parts) => parts.join('')),
      ),
      fc.constantFrom('end' as const, 'length' as const, 'aborted' as const),
      (text, finishReason) => {
        for (const candidate of readGrown(request!, { text, finishReason }, settings)) {
          expect(candidate.text).not.toBe('')
          expect(candidate.text).not.toMatch(/[\n\r]/)
        }
      },
    ),
  )
})

test('stores seed, template and decisions with prompts, and drops surplus ones with a reason', () => {
  const candidates = [
    ...read(
      ' First good prompt is here.\n10. Too short\n11. Second good prompt is here.\n12. Third good prompt is here.\n13. Fourth one is not new.',
    ),
  ]
  expect(novelTexts(candidates)).toHaveLength(4)
  const novelty = [
    kept({ 'ROUGE-L': 0.1 }),
    kept({ 'ROUGE-L': 0.2 }),
    kept({ 'ROUGE-L': 0.3 }),
    dropped('too similar to an earlier prompt', { 'ROUGE-L': 0.9 }),
  ]
  const prompts = promptsFromCandidates({
    projectId,
    runId,
    step: 0,
    teacher,
    candidates,
    novelty,
    wanted: 2,
    order: 10,
  })
  expect(prompts.map(({ status, order }) => [status, order])).toEqual([
    ['accepted', 10],
    ['dropped', 11],
    ['accepted', 12],
    ['dropped', 13],
    ['dropped', 14],
  ])
  expect(prompts.every(({ seedId }) => seedId === request!.seedId)).toBe(true)
  expect(prompts[0]).toMatchObject({
    origin: { kind: 'grown', template: 'self-instruct@1', request: 4, item: 0, shots: request!.shots },
    decisions: [{ step: 0, decision: { evidence: { words: 5, 'ROUGE-L': 0.1 } } }],
  })
  expect(prompts[3]!.decisions[0]!.decision).toMatchObject({
    kind: 'dropped',
    reason: 'not needed: there were enough prompts',
  })
  expect(prompts[4]!.decisions[0]!.decision).toMatchObject({
    kind: 'dropped',
    reason: 'too similar to an earlier prompt',
  })
  expect(new Set(prompts.map(({ id }) => id)).size).toBe(5)
  expect(
    promptsFromCandidates({ projectId, runId, step: 0, teacher, candidates, novelty, wanted: 2, order: 10 }),
  ).toEqual(prompts)
})

test('throws if there are fewer novelty decisions than candidates', () => {
  expect(() =>
    promptsFromCandidates({
      projectId,
      runId,
      step: 0,
      teacher,
      candidates: read(' One whole prompt is written here.'),
      novelty: [],
      wanted: 2,
      order: 0,
    }),
  ).toThrow(RangeError)
})

test('uses seeds as prompts', () => {
  const prompts = promptsFromSeeds(
    seeds.map((seed) => ({ ...seed, projectId })),
    runId,
  )
  expect(prompts.map(({ text, seedId }) => [text, seedId])).toEqual(seeds.map(({ text, id }) => [text, id]))
  expect(prompts.every(({ status, origin }) => status === 'accepted' && origin.kind === 'seed')).toBe(true)
})

test('gives the prompt of a seed its conversation, its answer as the reference, and its fields', () => {
  const earlier = [{ role: 'system', content: 'You are a baker.' }] as const
  const [seed] = seeds.map((one) => ({ ...one, projectId }))
  const [plain, full] = promptsFromSeeds(
    [seed!, { ...seed!, earlier, answer: 'Rye.', fields: { day: '1' } }],
    runId,
  )
  expect(full).toEqual({ ...plain, order: 1, earlier, reference: 'Rye.', fields: { day: '1' } })
  expect(plain).not.toHaveProperty('earlier')
})
