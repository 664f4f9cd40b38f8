import fc from 'fast-check'
import type { ChatMessage } from '../../../src/domain/completion-request.ts'
import { expect, test } from 'vitest'
import { countMaxRequests, growthEnded, planGrowth } from '../../../src/pipeline/growing/plan-growth.ts'
import { selfInstruct } from '../../../src/pipeline/growing/self-instruct.ts'
import { growInRounds } from '../../../src/pipeline/growing/grow-program.ts'
import { kept } from '../../../src/domain/filter-decision.ts'
import type { Reply } from '../../../src/domain/reply.ts'
import type { Growth } from '../../../src/pipeline/growing/growth.ts'
import { countConversations } from '../../../src/pipeline/growing/seed-conversations.ts'
import { drive } from '../programs/drive.ts'
import { projectId, runId, settingsWith, shot, teacher } from '../samples.ts'

const seeds = Array.from({ length: 20 }, (_, i) => shot(`Write reply number ${i} to a customer.`))
const grown = Array.from({ length: 5 }, (_, i) => ({
  id: `p${i}`,
  text: `Grown prompt ${i} about the shop.`,
}))
const settings = settingsWith(selfInstruct)
const textOf = (plan: ReturnType<typeof planGrowth>[number]): string =>
  plan.request.input.kind === 'raw' ? plan.request.input.text : ''

test('lists six seeds and two grown prompts and ends with the next number', () => {
  const [first] = planGrowth({ next: 3, pool: { seeds, accepted: grown }, settings, rngSeed: 1 })
  const text = textOf(first!)
  expect(text.startsWith('Come up with a series of tasks:\n1. ')).toBe(true)
  expect(text.endsWith('\n9.')).toBe(true)
  expect(first!.shots.filter((id) => grown.some((one) => one.id === id))).toHaveLength(2)
  expect(first!.shots.filter((id) => seeds.some((one) => one.id === id))).toHaveLength(6)
  expect(new Set(first!.shots).size).toBe(8)
  expect(first!.request).toMatchObject({
    id: 'grow-3',
    sampling: { temperature: 0.7, stop: ['\n\n', '\n16.', '\n16 .'] },
  })
})

test('replaces missing grown prompts by seeds, and shows all seeds if there are few', () => {
  expect(planGrowth({ next: 0, pool: { seeds, accepted: [] }, settings, rngSeed: 1 })[0]!.shots).toHaveLength(
    8,
  )
  expect(
    planGrowth({ next: 0, pool: { seeds: seeds.slice(0, 1), accepted: [] }, settings, rngSeed: 1 })[0]!.shots,
  ).toEqual([seeds[0]!.id])
  expect(planGrowth({ next: 0, pool: { seeds: [], accepted: [] }, settings, rngSeed: 1 })).toEqual([])
})

test('plans by pool, rngSeed and request number, in any order of storage', () => {
  const plan = planGrowth({ next: 2, pool: { seeds, accepted: grown }, settings, rngSeed: 9 })
  expect(
    planGrowth({ next: 2, pool: { seeds: seeds.toReversed(), accepted: grown }, settings, rngSeed: 9 }),
  ).toEqual(plan)
  expect(planGrowth({ next: 3, pool: { seeds, accepted: grown }, settings, rngSeed: 9 })[0]).toEqual(plan[1])
  expect(
    textOf(planGrowth({ next: 2, pool: { seeds, accepted: grown }, settings, rngSeed: 10 })[0]!),
  ).not.toBe(textOf(plan[0]!))
})

test('assigns every request to a seed among its examples', () => {
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 300, max: 900 }),
      (rngSeed, count, accepted, contextLength) => {
        const pool = { seeds: seeds.slice(0, count), accepted: grown.slice(0, accepted) }
        for (const { seedId, shots } of planGrowth({ next: 0, pool, settings, rngSeed, contextLength })) {
          expect(shots).toContain(seedId)
          expect(pool.seeds.some(({ id }) => id === seedId)).toBe(true)
        }
      },
    ),
  )
})

test('drops examples that would not leave room for the response', () => {
  const long = Array.from({ length: 10 }, (_, i) =>
    shot(`Task ${i}: ${'many words of a long example '.repeat(20)}`),
  )
  const [wide] = planGrowth({ next: 0, pool: { seeds: long, accepted: [] }, settings, rngSeed: 1 })
  const [narrow] = planGrowth({
    next: 0,
    pool: { seeds: long, accepted: [] },
    settings,
    rngSeed: 1,
    contextLength: 1024,
  })
  expect(wide!.shots).toHaveLength(8)
  expect(narrow!.shots.length).toBeLessThan(8)
  expect(textOf(narrow!).length).toBeLessThanOrEqual((1024 - settings.maxTokens) * 2.5)
})

test('writes shots on one line without a final colon', () => {
  const [only] = planGrowth({
    next: 0,
    pool: { seeds: [shot('Rewrite this\n\n  text kindly:')], accepted: [] },
    settings,
    rngSeed: 1,
  })
  expect(textOf(only!)).toBe('Come up with a series of tasks:\n1. Rewrite this text kindly\n2.')
})

const countPlanned = (accepted: number): number =>
  planGrowth({
    next: 0,
    pool: { seeds, accepted: Array.from({ length: accepted }, (_, i) => shot(`g ${i}`)) },
    settings,
    rngSeed: 1,
  }).length

test('plans no more requests than the missing prompts need', () => {
  expect(countPlanned(0)).toBe(8)
  expect(countPlanned(36)).toBe(1)
  expect(countPlanned(40)).toBe(0)
})

test('ends with enough prompts, or with a sentence if the teacher returns nothing new', () => {
  expect(growthEnded({ accepted: 40, requests: 2, settings })).toEqual({ ended: true })
  expect(growthEnded({ accepted: 3, requests: 5, settings })).toEqual({ ended: false })
  const over = growthEnded({ accepted: 3, requests: countMaxRequests(settings), settings })
  expect(over.ended && over.sentence).toContain('3 of 40 prompts')
})

const system = { role: 'system', content: 'You run a shop.' } as const
const turns = [
  { role: 'user', content: 'Hello.' },
  { role: 'assistant', content: 'Hello!' },
] as const

test('reports conversations whose messages the grown prompts lack, with counts', () => {
  const leavesOut = (...some: { earlier?: readonly ChatMessage[] }[]) =>
    selfInstruct.leavesOut?.(countConversations(some))
  expect(leavesOut({}, {})).toBeUndefined()
  expect(leavesOut({ earlier: [system] }, { earlier: [system] })).toBeUndefined()
  expect(leavesOut({ earlier: turns }, {}, {})).toMatch(/^1 of 3 seeds is a conversation: .*Evolve prompts/)
  expect(leavesOut({ earlier: [system] }, {})).toMatch(/^1 of 2 seeds has a system message, which not all/)
  expect(
    leavesOut({ earlier: [system, ...turns] }, { earlier: [{ ...system, content: 'Other.' }, ...turns] }),
  ).toMatch(/^2 of 2 seeds are conversations: .* 2 of 2 seeds have system messages/)
})

test('gives grown prompts the system message that all seeds share', () => {
  const growth = (shown: Growth['shown']): Growth => ({
    projectId,
    runId,
    step: 0,
    rngSeed: 1,
    teacher,
    contextLength: 2048,
    shown,
    seedTexts: shown.map(({ text }) => text),
    conversations: countConversations(shown),
    prompts: [],
    requests: 0,
    order: 0,
  })
  const earlierOf = (shown: Growth['shown']): unknown =>
    drive(growInRounds(growth(shown), { ...settings, prompts: 1 }), (call): Reply =>
      call.kind === 'novelty'
        ? { kind: 'novelty', decisions: call.candidates.map(() => kept()) }
        : {
            kind: 'complete',
            result: {
              text: ' Write a reply to a late parcel.',
              finishReason: 'end',
              promptTokens: 1,
              tokens: 9,
            },
          },
    ).emitted.flatMap(({ prompts }) => prompts.map(({ earlier }) => earlier))
  const [one, two] = [seeds[0]!, seeds[1]!]
  expect(earlierOf([{ ...one, earlier: [system] }])).toEqual([[system]])
  expect(earlierOf([{ ...one, earlier: [system] }, two])).toEqual([undefined])
})
