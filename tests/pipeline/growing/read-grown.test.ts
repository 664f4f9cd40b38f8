import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kept, dropped } from '../../../src/domain/filter-answer.ts'
import {
  decideUsable,
  novelTexts,
  promptsFromSeeds,
  readGrown,
  settlePrompts,
} from '../../../src/pipeline/growing/read-grown.ts'
import { planGrowth, selfInstruct } from '../../../src/pipeline/growing/self-instruct.ts'
import { projectId, runId, settingsWith, shot, teacher } from '../samples.ts'

const settings = settingsWith(selfInstruct)
const seeds = Array.from({ length: 8 }, (_, i) => shot(`Seed number ${i} asks for something.`))
const [request] = planGrowth({ next: 4, pool: { seeds, accepted: [] }, settings, rngSeed: 1 })
const read = (text: string, ending: 'end' | 'length' | 'aborted' = 'end') =>
  readGrown(request!, { text, ending }, settings)

test('a numbered answer becomes prompts', () => {
  const found = read(
    ' write a short note to a baker\n10. Explain why Bread rises in Paris.\n11 . Name\n   three kinds of flour\n12) Say it more politely, please.',
  )
  expect(found.map(({ text, item, answer }) => [item, text, answer.kind])).toEqual([
    [0, 'Write a short note to a baker', 'kept'],
    [1, 'Explain why Bread rises in Paris.', 'kept'],
    [2, 'Name three kinds of flour', 'kept'],
    [3, 'Say it more politely, please.', 'kept'],
  ])
})

test('an answer cut by length loses its last prompt only, with the reason', () => {
  const found = read(' One whole prompt stands here.\n10. This one was cut in the mid', 'length')
  expect(found.map(({ answer }) => answer.kind)).toEqual(['kept', 'dropped'])
  expect(found[1]!.answer).toMatchObject({ reason: 'cut by length' })
  expect(read(' A prompt that was being written', 'aborted')[0]!.answer).toMatchObject({
    reason: 'stopped while it was being written',
  })
})

test.each([
  ['Too few words', '3 words, fewer than 4'],
  [Array.from({ length: 151 }, () => 'word').join(' '), '151 words, more than 150'],
  ['Describe what this Picture shows us', 'speaks of “picture”, which a text model cannot see or make'],
  ['Draw a cat in the garden', 'speaks of “draw”, which a text model cannot see or make'],
  ['Tell me how to go to the station', 'speaks of “go to”, which a text model cannot see or make'],
  ['Write a program that sorts a list', 'starts with “Write a program”'],
  ['"Quoted text at the start of it', 'starts with punctuation'],
  ['- a dash before the whole prompt', 'starts with punctuation'],
  ['Über die Berge und weit weg', 'starts with a character outside ASCII'],
])('“%.40s” is dropped: %s', (text, reason) => {
  expect(decideUsable(text, settings)).toMatchObject({ kind: 'dropped', reason })
})

test('words that merely hold a forbidden one are not forbidden', () => {
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

test('reading an answer never throws, and every prompt is one line', () => {
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
      (text, ending) => {
        for (const candidate of readGrown(request!, { text, ending }, settings)) {
          expect(candidate.text).not.toBe('')
          expect(candidate.text).not.toMatch(/[\n\r]/)
        }
      },
    ),
  )
})

test('prompts keep their seed, their template and every answer; good ones beyond the wanted number say that they were not needed', () => {
  const candidates = [
    ...read(
      ' First good prompt is here.\n10. Too short\n11. Second good prompt is here.\n12. Third good prompt is here.\n13. Fourth one is not new.',
    ),
  ]
  expect(novelTexts(candidates)).toHaveLength(4)
  const novelty = [
    kept({ likeness: 0.1 }),
    kept({ likeness: 0.2 }),
    kept({ likeness: 0.3 }),
    dropped('too like a prompt already there', { likeness: 0.9 }),
  ]
  const prompts = settlePrompts({
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
    answers: [{ step: 0, answer: { evidence: { words: 5, likeness: 0.1 } } }],
  })
  expect(prompts[3]!.answers[0]!.answer).toMatchObject({
    kind: 'dropped',
    reason: 'not needed: enough prompts were there',
  })
  expect(prompts[4]!.answers[0]!.answer).toMatchObject({
    kind: 'dropped',
    reason: 'too like a prompt already there',
  })
  expect(new Set(prompts.map(({ id }) => id)).size).toBe(5)
  expect(
    settlePrompts({ projectId, runId, step: 0, teacher, candidates, novelty, wanted: 2, order: 10 }),
  ).toEqual(prompts)
})

test('too few answers on novelty are a bug that is told, not a prompt that is kept', () => {
  expect(() =>
    settlePrompts({
      projectId,
      runId,
      step: 0,
      teacher,
      candidates: read(' One whole prompt stands here.'),
      novelty: [],
      wanted: 2,
      order: 0,
    }),
  ).toThrow(RangeError)
})

test('seeds can be asked as they are', () => {
  const prompts = promptsFromSeeds(
    seeds.map((seed) => ({ ...seed, projectId })),
    runId,
  )
  expect(prompts.map(({ text, seedId }) => [text, seedId])).toEqual(seeds.map(({ text, id }) => [text, id]))
  expect(prompts.every(({ status, origin }) => status === 'accepted' && origin.kind === 'seed')).toBe(true)
})
