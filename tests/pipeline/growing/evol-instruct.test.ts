// Evol-Instruct: operators, the four reasons to reject, a rejected version that leaves the one before, the same outcome whatever came before.
import { describe, expect, test } from 'vitest'
import type { CompletionRequest } from '../../../src/domain/completion-request.ts'
import type { Reply } from '../../../src/domain/reply.ts'
import { rejectAnswer, rejectText } from '../../../src/pipeline/growing/eliminate.ts'
import { evolInstruct } from '../../../src/pipeline/growing/evol-instruct.ts'
import type { GrownRound, Growth, GrowthEnd } from '../../../src/pipeline/growing/growth.ts'
import type { Call, Program } from '../../../src/pipeline/programs/program.ts'
import { OPERATORS } from '../../../src/pipeline/templates/evol-instruct.ts'
import { checked, projectId, runId, settingsWith, shot, teacher } from '../samples.ts'

const SEEDS = ['Explain why bread rises.', 'Name three uses of a jar.'].map(shot)
const growth = (changed: Partial<Growth> = {}): Growth => ({
  projectId,
  runId,
  step: 0,
  rngSeed: 1,
  teacher,
  contextLength: 2048,
  shown: SEEDS,
  seedTexts: SEEDS.map(({ text }) => text),
  conversations: { seeds: SEEDS.length, withTurns: 0, withSystem: 0 },
  prompts: [],
  requests: 0,
  order: 0,
  ...changed,
})

/** Runs programs with a machine that responds at once. */
function run<T>(program: Program<T, GrownRound>, respond: (call: Call) => Reply) {
  const rounds: GrownRound[] = []
  const calls: Call[] = []
  const drive = <R>(one: Program<R, GrownRound>): R => {
    let input: Reply | undefined
    for (;;) {
      const step = one.next(input)
      if (step.done) return step.value
      input = undefined
      if (step.value.kind === 'emit') rounds.push(step.value.value)
      else if (step.value.kind === 'all') for (const child of step.value.programs) drive(child)
      else if (step.value.kind === 'call') {
        calls.push(step.value.call)
        input = respond(step.value.call)
      }
    }
  }
  return { end: drive(program), rounds, calls }
}
const completion = (text: string, part: object = {}): Reply => ({
  kind: 'complete',
  result: { text, finishReason: 'end', promptTokens: 5, tokens: 7, ...part },
})
const isResponse = ({ id }: CompletionRequest): boolean => id.startsWith('response')
/** A teacher that evolves every task into a different one and can respond to each. */
const evolving = (
  evolve: (request: CompletionRequest, n: number) => string | Reply,
  response = 'A long and useful answer about bread.',
) =>
  (() => {
    let n = 0
    return (call: Call): Reply => {
      if (call.kind === 'score') return { kind: 'score', result: { logProbs: [-3, -0.1] } }
      if (call.kind !== 'complete') throw new Error('unexpected')
      if (isResponse(call.request)) return completion(response)
      const evolved = evolve(call.request, (n += 1))
      return typeof evolved === 'string' ? completion(evolved) : evolved
    }
  })()
const grow = (changed = {}, facts: Partial<Growth> = {}): Program<GrowthEnd, GrownRound> =>
  evolInstruct.grow(growth(facts), settingsWith(evolInstruct, { rounds: 3, ...changed }))

describe('Evol-Instruct', () => {
  test('evolves each seed round by round, each from the version before, and stores them together', () => {
    const { rounds, calls, end } = run(
      grow(),
      evolving((_, n) => `A harder task no. ${n} about it.`),
    )
    expect(end).toEqual({ requests: 2 })
    expect(rounds).toHaveLength(1)
    const { prompts, usable, tokens } = rounds[0]!
    expect(prompts).toHaveLength(6)
    expect({ usable, tokens }).toEqual({ usable: 6, tokens: 42 })
    expect(prompts.map(({ order }) => order)).toEqual([0, 1, 2, 3, 4, 5])
    const [first, second, third] = prompts
    expect(first?.origin).toMatchObject({ template: 'evol-instruct@1', shots: [SEEDS[0]?.id], request: 0 })
    expect(second?.origin).toMatchObject({ shots: [first?.id], request: 1 })
    expect(third?.seedId).toBe(SEEDS[0]?.id)
    expect(new Set(prompts.map(({ id }) => id)).size).toBe(6)
    // Each version: one request, one comparison with the one before, one response.
    expect(calls).toHaveLength(18)
    expect(JSON.stringify(calls[3])).toContain('A harder task no. 1 about it.')
  })

  test('draws all six operators over many seeds, the same ones each time', () => {
    const many = Array.from({ length: 60 }, (_, i) => shot(`Task number ${i} of many.`))
    const operators = (): (string | undefined)[] =>
      run(
        grow({ rounds: 1 }, { shown: many }),
        evolving((_, n) => `Task ${n} evolved.`),
      )
        .rounds.flatMap(({ prompts }) => prompts)
        .map(({ origin }) => (origin.kind === 'grown' ? origin.operator : undefined))
    expect(new Set(operators())).toEqual(new Set(OPERATORS))
    expect(operators()).toEqual(operators())
  })

  test('returns to the version before after one that is rejected', () => {
    const { rounds, calls } = run(
      grow({}, { shown: SEEDS.slice(0, 1) }),
      evolving((_, n) => (n === 2 ? 'Here is the rewritten task: do more.' : `Harder ${n}.`)),
    )
    const prompts = rounds[0]!.prompts
    expect(prompts.map(({ status }) => status)).toEqual(['accepted', 'dropped', 'accepted'])
    expect(prompts[2]?.origin).toMatchObject({ shots: [prompts[0]?.id] })
    const evolutions = calls.filter((call) => call.kind === 'complete' && !isResponse(call.request))
    expect(JSON.stringify(evolutions[2])).toContain('Harder 1.')
  })

  test('drops a version that the teacher finds equal, cannot respond to, or has cut', () => {
    const one = { shown: SEEDS.slice(0, 1) }
    const reasons = (respond: (call: Call) => Reply): unknown[] =>
      run(grow({ rounds: 1 }, one), respond).rounds.flatMap(({ prompts }) =>
        prompts.map(({ decisions }) => decisions[0]?.decision),
      )
    const equal = evolving(() => 'The same in other words.')
    expect(
      reasons((call) =>
        call.kind === 'score' ? { kind: 'score', result: { logProbs: [-0.1, -3] } } : equal(call),
      ),
    ).toEqual([
      expect.objectContaining({ kind: 'dropped', reason: expect.stringContaining('is the same task') }),
    ])
    expect(reasons(evolving(() => 'Do something odd.', 'Sorry, I cannot do that.'))).toEqual([
      expect.objectContaining({ reason: 'the teacher declines to respond to it' }),
    ])
    expect(reasons(evolving(() => completion('Half a ta', { finishReason: 'length' })))).toEqual([
      expect.objectContaining({ reason: 'cut by length' }),
    ])
    // A comparison that could not be read drops nothing.
    const fresh = evolving(() => 'Something quite new.')
    expect(
      reasons((call) =>
        call.kind === 'score'
          ? { kind: 'score', result: { logProbs: [], refusal: 'too long' } }
          : fresh(call),
      ),
    ).toEqual([expect.objectContaining({ kind: 'kept' })])
  })

  test('continues with the seeds that have no prompts yet, and stops early in a trial', () => {
    const whole = run(
      grow(),
      evolving((_, n) => `Harder ${n}.`),
    ).rounds[0]!
    const ofFirst = whole.prompts.filter(({ seedId }) => seedId === SEEDS[0]?.id)
    const rest = run(
      grow({}, { prompts: ofFirst, requests: 1, order: ofFirst.length }),
      evolving((_, n) => `Again ${n}.`),
    )
    expect(rest.rounds[0]?.prompts.every(({ seedId }) => seedId === SEEDS[1]?.id)).toBe(true)
    expect(rest.rounds[0]?.prompts[0]?.order).toBe(3)
    const trial = run(
      grow({}, { limit: { prompts: 2, rounds: 2 } }),
      evolving((_, n) => `Harder ${n}.`),
    )
    expect(trial.rounds[0]?.prompts).toHaveLength(2)
  })

  test('counts requests that return no task, which no prompt shows', () => {
    const { end, rounds } = run(
      grow({ rounds: 2 }),
      evolving((_, n) => (n === 1 ? '' : n === 2 ? completion('', { refusal: 'too long' }) : `Harder ${n}.`)),
    )
    expect(rounds[0]?.prompts).toHaveLength(2)
    expect(end.note).toBe('2 of the requests to evolve a prompt returned no task.')
  })

  test('evolves the last message of a conversation and keeps the messages before it', () => {
    const earlier = [
      { role: 'system', content: 'You bake.' },
      { role: 'user', content: 'My bread is flat.' },
      { role: 'assistant', content: 'Was the oven hot?' },
    ] as const
    const talk = { ...shot('Yes, very hot.'), earlier }
    const { rounds, calls } = run(
      grow({ rounds: 2 }, { shown: [talk] }),
      evolving((_, n) => `Yes, and message ${n}.`),
    )
    const { prompts } = rounds[0]!
    expect(prompts.map((prompt) => prompt.earlier)).toEqual([earlier, earlier])
    expect(prompts[0]?.origin).toMatchObject({ template: 'evol-instruct-conversation@1' })
    // The evolution, the comparison and the response to it all have the messages.
    const texts = calls.map((call) => JSON.stringify(call))
    expect(texts).toHaveLength(6)
    for (const text of texts) {
      expect(text).toContain('You bake.')
      expect(text).toContain('My bread is flat.')
    }
    expect(calls[2]).toMatchObject({
      request: { input: { messages: [...earlier, { role: 'user', content: 'Yes, and message 1.' }] } },
    })
    // Both draw by their texts alone; the same last message after other messages is drawn apart.
    const other = { ...talk, earlier: earlier.slice(0, 1) }
    const names = (shown: Growth['shown']): unknown =>
      run(
        grow({ rounds: 1 }, { shown }),
        evolving(() => 'More.'),
      ).calls.map((call) => call.kind === 'complete' && call.request.sampling.rngSeed)[0]
    expect(names([other])).not.toEqual(names([talk]))
    expect(names([talk])).toEqual(names([talk]))
  })

  test('shows a long conversation only as far as the context has room', () => {
    const earlier = Array.from({ length: 40 }, (_, i) => ({
      role: i % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content: `Turn ${i}. ${'flour '.repeat(100)}`,
    }))
    const { calls, rounds } = run(
      grow(
        { rounds: 1, maxTokens: 200 },
        { shown: [{ ...shot('And then?'), earlier }], contextLength: 1024 },
      ),
      evolving(() => 'And then, in detail?'),
    )
    const evolution = JSON.stringify(calls[0])
    expect(evolution).toContain('Turn 39.')
    expect(evolution).not.toContain('Turn 0.')
    expect(evolution).toContain('[…]')
    expect(evolution.length).toBeLessThan(824 * 2.5)
    expect(rounds[0]?.prompts[0]?.earlier).toHaveLength(40)
  })

  test('reports a teacher that refuses everything', () => {
    const { end } = run(grow(), () => completion('', { refusal: 'no context left', finishReason: 'aborted' }))
    expect(end.failure).toContain('no context left')
  })

  test('is a step like any other in a recipe', () => {
    const recipe = checked(
      'retort: 2\nsteps:\n  - grow: evol-instruct\n    rounds: 2\n  - complete: teacher\n',
    )
    expect(recipe.steps[0]).toMatchObject({ name: 'evol-instruct', settings: { rounds: 2, alsoSeeds: true } })
    expect(evolInstruct.countPrompts(settingsWith(evolInstruct, { rounds: 2 }), 10)).toBe(20)
    expect(evolInstruct.describe(settingsWith(evolInstruct), '10 seeds')).toMatch(
      /^Prompts evolved from 10 seeds by Evol-Instruct \(Xu et al. 2023\): 4 rounds/,
    )
  })
})

describe('elimination', () => {
  test('by the text', () => {
    expect(rejectText('Write a poem about rain.', 'Write a poem.', 200)).toBeUndefined()
    expect(rejectText('', 'a', 200)).toMatchObject({ reason: 'the teacher returned no task' })
    expect(rejectText('The rewritten prompt: hi', 'a', 200)).toMatchObject({
      evidence: { words: 'rewritten prompt' },
    })
    // A task that had the words before may keep them.
    expect(rejectText('Shorten the given prompt twice.', 'Shorten the given prompt.', 200)).toBeUndefined()
    expect(rejectText('SAME', 'same', 200)).toMatchObject({ reason: 'is the same text as before' })
    expect(rejectText('a b c d', 'x', 3)).toMatchObject({ reason: '4 words, more than 3' })
  })

  test('by the response', () => {
    const long = `I am sorry to hear that. ${'It depends on the yeast and the warmth of the dough. '.repeat(10)}`
    expect(rejectAnswer(long)).toBeUndefined()
    expect(rejectAnswer('Sorry, no.')).toMatchObject({ reason: 'the teacher declines to respond to it' })
    expect(rejectAnswer('Unsorryful bread.')).toBeUndefined()
    for (const empty of ['', '?! …', 'It is what it is.', 'and the'])
      expect(rejectAnswer(empty)).toMatchObject({ reason: 'the response to it has no content' })
  })
})
