import fc from 'fast-check'
import { expect, test } from 'vitest'
import { promptId } from '../../../src/domain/prompt.ts'
import { seedId } from '../../../src/domain/seed.ts'
import { complete, findNoResponse, planCompletions } from '../../../src/pipeline/completing/complete.ts'
import { settingsWith, teacher } from '../samples.ts'

const prompts = ['Why is the sky blue?', 'Name three fruits.'].map((text) => ({
  id: promptId(text),
  seedId: seedId(text),
  text,
}))
const settings = settingsWith(complete, { n: 3, system: ' Be brief. ', topK: 40, minP: 0.05 })
const plan = planCompletions({ prompts, settings, rngSeed: 5, teacher })

test('plans n requests per prompt, in order, with the step’s settings', () => {
  expect(plan.map(({ order, variant, prompt }) => [order, variant, prompt])).toEqual(
    prompts.flatMap(({ text }, i) => [0, 1, 2].map((variant) => [3 * i + variant, variant, text])),
  )
  expect(plan[0]!.request).toMatchObject({
    id: plan[0]!.id,
    input: {
      kind: 'chat',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Why is the sky blue?' },
      ],
    },
    sampling: {
      temperature: 0.7,
      topK: 40,
      topP: 0.95,
      minP: 0.05,
      repetitionPenalty: 1,
      maxTokens: 512,
      stop: [],
    },
  })
})

test('sends no system message if the system prompt is empty', () => {
  const [row] = planCompletions({ prompts, settings: settingsWith(complete), rngSeed: 5, teacher })
  expect(row!.request!.input).toEqual({
    kind: 'chat',
    messages: [{ role: 'user', content: 'Why is the sky blue?' }],
  })
})

test('sends the messages before a prompt, and copies them and the prompt’s fields into its rows', () => {
  const turns = [
    { role: 'user', content: 'Is it dark?' },
    { role: 'assistant', content: 'Yes.' },
  ] as const
  const own = { role: 'system', content: 'You are an astronomer.' } as const
  const [plain, talk, ruled] = [undefined, turns, [own, ...turns]].map(
    (earlier) =>
      planCompletions({
        prompts: [{ ...prompts[0]!, ...(earlier ? { earlier, fields: { topic: 'sky' } } : {}) }],
        settings,
        rngSeed: 5,
        teacher,
      })[0]!,
  )
  expect(talk!.request!.input).toEqual({
    kind: 'chat',
    messages: [
      { role: 'system', content: 'Be brief.' },
      ...turns,
      { role: 'user', content: 'Why is the sky blue?' },
    ],
  })
  expect(talk).toMatchObject({ earlier: turns, fields: { topic: 'sky' }, system: 'Be brief.' })
  // Its own system message is sent in place of the step's.
  expect(ruled!.request!.input).toMatchObject({
    messages: [own, ...turns, { role: 'user', content: 'Why is the sky blue?' }],
  })
  expect(ruled!.system).toBe('')
  expect(new Set([plain, talk, ruled].map((row) => row!.sampling.rngSeed)).size).toBe(3)
  // Rows of prompts without a conversation keep the ids and draws that they had.
  expect(plain).toEqual(plan[0])
  expect(plan[0]!.sampling.rngSeed).toMatch(/^5\/complete\/[0-9a-f]{16}\/0$/)
  expect(plan[0]!.id).toBe('5252494b023408fc1c99eae1')
})

test('gives a row the same id and draws whatever other rows are planned', () => {
  const alone = planCompletions({ prompts: prompts.slice(1), settings, rngSeed: 5, teacher, first: 1 })
  expect(alone).toEqual(plan.slice(3))
  expect(planCompletions({ prompts, settings, rngSeed: 5, teacher })).toEqual(plan)
})

test('changes the ids with everything that determines a completion', () => {
  const ids = (changed: Partial<Parameters<typeof planCompletions>[0]>): string[] =>
    planCompletions({ prompts, settings, rngSeed: 5, teacher, ...changed }).map(({ id }) => id)
  const all = [
    plan.map(({ id }) => id),
    ids({ rngSeed: 6 }),
    ids({ teacher: { ...teacher, fingerprint: 'other' } }),
    ids({ settings: { ...settings, temperature: 0.8 } }),
    ids({ settings: { ...settings, system: 'Be long.' } }),
  ].flat()
  expect(new Set(all).size).toBe(all.length)
})

test('gives every row of a run its own id and rngSeed', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 8 }),
      (texts, n) => {
        const rows = planCompletions({
          prompts: texts.map((text) => ({ id: promptId(text), seedId: seedId(text), text })),
          settings: { ...settings, n },
          rngSeed: 1,
          teacher,
        })
        expect(new Set(rows.map(({ sampling }) => sampling.rngSeed)).size).toBe(texts.length * n)
        expect(new Set(rows.map(({ id }) => id)).size).toBe(texts.length * n)
      },
    ),
  )
})

test('requests reasoning only where the setting is on, and leaves the ids of other rows as they were', () => {
  const on = planCompletions({ prompts, settings: { ...settings, thinking: true }, rngSeed: 5, teacher })
  expect(on[0]!.request!.thinking).toBe(true)
  expect(plan[0]!.request).not.toHaveProperty('thinking')
  expect(on.map(({ id }) => id)).not.toEqual(plan.map(({ id }) => id))
  const { thinking: _, ...before } = settings
  expect(
    planCompletions({ prompts, settings: before as typeof settings, rngSeed: 5, teacher }).map(
      ({ id }) => id,
    ),
  ).toEqual(plan.map(({ id }) => id))
})

test('finds that a completion which ended inside its reasoning is no response', () => {
  expect(findNoResponse({ unfinishedReasoning: true })).toMatch(/reasoning never ended/)
  expect(findNoResponse({ refusal: 'Too long.', unfinishedReasoning: true })).toBe('Too long.')
  expect(findNoResponse({})).toBeUndefined()
})
