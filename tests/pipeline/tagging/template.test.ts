// Knows: how a response to a template of a person's own is read into fields, and what cannot be read.
import { expect, test } from 'vitest'
import { MAX_FIELDS } from '../../../src/domain/fields.ts'
import type { Reply } from '../../../src/domain/reply.ts'
import type { StageContext, StageRow } from '../../../src/pipeline/stages/stage.ts'
import { listChoices, readNumber } from '../../../src/pipeline/tagging/expected.ts'
import { template } from '../../../src/pipeline/tagging/template.ts'
import { drive } from '../programs/drive.ts'
import { makeRow, settingsWith, teacher } from '../samples.ts'

const context: StageContext = { step: 2, rngSeed: 1, modelOf: () => ({ ref: teacher, contextLength: 2048 }) }
const ROW: StageRow = { ...makeRow(0, { prompt: 'Why?', completion: 'So.' }), reference: '42' }
type Changed = Parameters<typeof settingsWith<(typeof template)['settings']>>[1]
const written = (text: string, part: object = {}): Reply => ({
  kind: 'complete',
  result: { text, finishReason: 'end', promptTokens: 1, tokens: 1, ...part },
})
const run = (changed: Changed, reply: Reply, row = ROW) =>
  drive(template.each(row, settingsWith(template, changed), context), () => reply)

test('shows a model the filled in template and stores its response', () => {
  const { outcome, calls } = run(
    {
      template: '{{ prompt }}|{{ completion }}|{{ reference }}',
      system: 'Be brief.',
      into: 'mood',
      by: 'second',
    },
    written(' Calm. '),
  )
  expect(outcome).toMatchObject({ decision: { kind: 'kept' }, fields: { mood: 'Calm.' } })
  expect(calls).toHaveLength(1)
  expect(calls[0]).toMatchObject({
    kind: 'complete',
    role: 'second',
    request: {
      input: {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Why?|So.|42' },
        ],
      },
    },
  })
})

test('gives a template the whole conversation, of a completion and of a prompt', () => {
  const earlier = [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Hi!' },
  ] as const
  const settings = settingsWith(template, {
    template: '{{ prompt }}|{{ messages | length }}|{{ conversation }}',
  })
  const sent = [
    drive(template.each({ ...ROW, earlier }, settings, context), () => written('x')),
    drive(template.ofPrompts!.each({ ...ROW, text: 'Why?', earlier } as never, settings, context), () =>
      written('x'),
    ),
  ].map(({ calls }) => calls[0])
  for (const call of sent)
    expect(call).toMatchObject({
      request: {
        input: {
          messages: [
            {
              content: 'Why?|4|System: Be kind.\n\nUser: Hello\n\nAssistant: Hi!\n\nUser: Why?',
            },
          ],
        },
      },
    })
})

test('takes the most probable choice and keeps all probabilities', () => {
  const { outcome, calls } = run(
    { reads: 'choice', choices: 'good, bad\nneither,', into: 'quality' },
    { kind: 'score', result: { logProbs: [Math.log(0.1), Math.log(0.3), Math.log(0.1)] } },
  )
  expect(calls[0]).toMatchObject({ kind: 'score', request: { continuations: [' good', ' bad', ' neither'] } })
  expect(outcome.fields?.['quality']).toBe('bad')
  expect(Math.abs(Number(outcome.fields?.['quality probability']) - 0.6)).toBeLessThanOrEqual(1e-9)
  const { evidence = {} } = outcome.decision ?? {}
  expect(Math.abs(Number(evidence['good']) - 0.2)).toBeLessThanOrEqual(1e-9)
})

test.each([
  ['It is 7 of 10.', 7],
  ['About 1,250.5 words', 1250.5],
  ['−3 degrees', -3],
  ['GPT-4 wrote it', 4],
  ['No idea', undefined],
  ['9'.repeat(400), undefined],
])('reads the first number of %j', (response, number) => {
  expect(readNumber(response)).toBe(number)
  const { outcome } = run({ reads: 'number' }, written(response))
  expect(outcome.fields).toEqual(number === undefined ? undefined : { tag: number })
})

test.each([
  [{}, written(''), /empty/],
  [{}, written('', { refusal: 'too long for the model' }), /too long/],
  [{ reads: 'number' as const }, written('None'), /no number/],
  [{ template: '{% if reference == "x" %}y{% endif %}' }, written('a'), /gave no text/],
  [{ template: '{{ prompt - 1 }}' }, written('a'), /template failed|gave no text/],
  [
    { reads: 'choice' as const, choices: 'a,b' },
    { kind: 'score' as const, result: { logProbs: [Number.NaN, -1] } },
    /not numbers/,
  ],
])('keeps a row that cannot be read without a field, with the reason', (changed, reply, reason) => {
  const { outcome } = run(changed, reply)
  expect(outcome.fields).toBeUndefined()
  expect(outcome.decision?.kind).toBe('kept')
  expect(outcome.decision?.evidence['unreadable']).toMatch(reason)
})

test('adds no field to a row that is full', () => {
  const fields = Object.fromEntries(Array.from({ length: MAX_FIELDS }, (_, i) => [`f${i}`, i]))
  expect(run({}, written('a'), { ...ROW, fields }).outcome.fields).toBeUndefined()
  expect(run({ into: 'f1' }, written('a'), { ...ROW, fields }).outcome.fields).toEqual({ f1: 'a' })
})

test('reports templates, fields and choices that cannot work', () => {
  const check = (changed: Changed) =>
    template.check?.(settingsWith(template, changed)).map(({ field }) => field)
  expect(check({})).toEqual([])
  expect(check({ template: '{{ prompt' })).toEqual(['template'])
  expect(check({ template: ' ', into: ' ' })).toEqual(['template', 'into'])
  expect(check({ reads: 'choice', choices: 'one, one' })).toEqual(['choices'])
  expect(check({ reads: 'choice', choices: 'one, two' })).toEqual([])
  expect(listChoices('a, b\n\n a ,')).toEqual(['a', 'b'])
})

test.each([
  [{ expected: 'yes, no' }, 'Yes.', { tag: 'yes' }],
  [{ expected: 'yes, no' }, 'Perhaps.', /none of the expected values/],
  [{ reads: 'number' as const, expected: '1 to 5' }, 'A 4, I think.', { tag: 4 }],
  [{ reads: 'number' as const, expected: '1 to 5' }, '7', /the number is not from 1 to 5/],
  [{ reads: 'number' as const, expected: 'whole' }, '2.5', /the number is not whole/],
  [{ reads: 'json' as const, expected: 'a: number', into: '' }, '{"a": 2}', { a: 2 }],
  [{ reads: 'json' as const, expected: 'a: number', into: '' }, '{"a": "two"}', /“a” is no number/],
])('reads what is expected alone: %#', (changed, response, wanted) => {
  const settings: Changed = { ...changed }
  expect(template.check?.(settingsWith(template, settings))).toEqual([])
  const { outcome } = run(settings, written(response))
  if (wanted instanceof RegExp) {
    expect(outcome.fields).toBeUndefined()
    expect(outcome.decision?.evidence['unreadable']).toMatch(wanted)
    expect(outcome.decision?.evidence['response']).toBe(response)
  } else expect(outcome.fields).toEqual(wanted)
})

test('reports what it cannot expect', () => {
  const check = (changed: Changed) =>
    template.check?.(settingsWith(template, changed)).map(({ field, sentence }) => `${field}: ${sentence}`)
  expect(check({ reads: 'json' })).toEqual([expect.stringMatching(/^expected: .*there is no key/)])
  expect(check({ reads: 'number', expected: 'few' })).toEqual([expect.stringMatching(/^expected: /)])
  expect(check({ reads: 'json', expected: 'a: text', into: '' })).toEqual([])
})
