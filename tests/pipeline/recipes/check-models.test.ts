import { expect, test } from 'vitest'
import { ALL_CAPABILITIES } from '../../stand-ins/teacher.ts'
import { adviseOnTeacher } from '../../../src/pipeline/recipes/advise-on-teacher.ts'
import { checkModels } from '../../../src/pipeline/recipes/check-models.ts'
import { defaultRecipe } from '../../../src/pipeline/recipes/default-recipe.ts'
import { checked, description } from '../samples.ts'

const recipe = checked(defaultRecipe())
const problemsOf = (
  changed: Parameters<typeof description>[0],
  of = recipe,
): [number | undefined, string][] =>
  checkModels(of, () => description(changed)).map(({ step, sentence }) => [step, sentence])

test('finds no problem with a teacher that supports everything', () => {
  expect(problemsOf({})).toEqual([])
})

test('reports a missing capability at the step that needs it', () => {
  expect(problemsOf({ capabilities: { ...ALL_CAPABILITIES, rawPrompts: false } })).toEqual([
    [0, expect.stringContaining('continues raw text')],
  ])
  expect(problemsOf({ capabilities: { ...ALL_CAPABILITIES, scores: false } })).toEqual([
    [6, expect.stringContaining('token probabilities')],
  ])
  expect(problemsOf({ capabilities: { ...ALL_CAPABILITIES, chat: false } }).map(([step]) => step)).toEqual([
    1, 6,
  ])
})

test('requires token probabilities for losses that need them', () => {
  const texts = 'retort: 2\nsteps:\n  - complete: teacher\n  - freeze: split\n  - train: teacher-text\n'
  expect(problemsOf({ capabilities: { ...ALL_CAPABILITIES, softTargets: false } }, checked(texts))).toEqual(
    [],
  )
  for (const loss of ['forward-kl', 'on-policy']) {
    expect(
      problemsOf(
        { capabilities: { ...ALL_CAPABILITIES, softTargets: false } },
        checked(texts.replace('teacher-text', loss)),
      ),
    ).toEqual([[2, expect.stringContaining('needs token probabilities')]])
    expect(problemsOf({}, checked(texts.replace('teacher-text', loss)))).toEqual([])
  }
})

test('reports an unsupported sampling setting only if it has an effect', () => {
  const withPenalty = (penalty: number) =>
    checked(`retort: 2\nsteps:\n  - complete: teacher\n    repetitionPenalty: ${penalty}\n    topP: 0.9\n`)
  const capabilities = { ...ALL_CAPABILITIES, sampling: ['topP'] as const }
  expect(problemsOf({ capabilities }, withPenalty(1.1))).toEqual([
    [0, expect.stringContaining('`repetitionPenalty`. Set it to 1')],
  ])
  expect(problemsOf({ capabilities }, withPenalty(1))).toEqual([])
})

test('reports settings that leave no room in the context', () => {
  expect(problemsOf({ contextLength: 160 }).map(([step]) => step)).toEqual([0, 1, 6])
})

test('requires no raw text if the seeds are the prompts', () => {
  const seedsOnly = checked(
    'retort: 2\nsteps:\n  - grow: self-instruct\n    prompts: 0\n  - complete: teacher\n',
  )
  expect(
    problemsOf({ capabilities: { ...ALL_CAPABILITIES, rawPrompts: false, scores: false } }, seedsOnly),
  ).toEqual([])
})

test('warns of a small judge, and only in a recipe with a judge', () => {
  expect(adviseOnTeacher(recipe, description())[0]).toContain('135 million parameters')
  expect(adviseOnTeacher(recipe, description({ card: { ...description().card, parameters: 8e9 } }))).toEqual(
    [],
  )
  expect(adviseOnTeacher(checked('retort: 2\nsteps:\n  - complete: teacher\n'), description())).toEqual([])
})

test('reads the judge’s own model for what concerns the judge, and the teacher for the rest', () => {
  const [small, large] = [135e6, 8e9].map((parameters) =>
    description({ card: { ...description().card, parameters, name: `${parameters}` } }),
  )
  expect(adviseOnTeacher(recipe, small!, undefined, large)).toEqual([])
  expect(adviseOnTeacher(recipe, large!, undefined, small)).toEqual([
    expect.stringMatching(/^135000000 has 135 million parameters\. Judges below/),
  ])
  const mute = description({ capabilities: { ...ALL_CAPABILITIES, scores: false } })
  const problems = (teacher: typeof mute, judge: typeof mute): unknown[] =>
    checkModels(recipe, (role) => (role === 'judge' ? judge : teacher)).filter(({ sentence }) =>
      sentence.includes('verdicts are read from token probabilities'),
    )
  expect([problems(mute, description()).length, problems(description(), mute).length]).toEqual([0, 1])
})

test('says that the setting “Reasoning” has no effect on a model without a switch, and keeps it out of hashes where it is off', () => {
  const on = checked('retort: 2\nsteps:\n  - complete: teacher\n    thinking: true\n')
  const off = checked('retort: 2\nsteps:\n  - complete: teacher\n    thinking: false\n')
  const { card } = description()
  expect(adviseOnTeacher(on, description())).toEqual([expect.stringContaining('no switch for reasoning')])
  expect(adviseOnTeacher(on, description({ card: { ...card, reasoning: 'switch' } }))).toEqual([])
  expect(adviseOnTeacher(on, description({ card: { ...card, form: 'endpoint' } }))).toEqual([])
  expect(off.hash).toBe(checked('retort: 2\nsteps:\n  - complete: teacher\n').hash)
  expect(on.hash).not.toBe(off.hash)
})

test('says the same of a judge, keeps its reasoning out of hashes where it is off, and refuses reasoning that fills the context', () => {
  const judged = (settings = ''): ReturnType<typeof checked> =>
    checked(`retort: 2\nsteps:\n  - complete: teacher\n  - judge: rubric\n${settings}`)
  const on = judged('    thinking: true\n')
  const large = { card: { ...description().card, parameters: 8e9 } }
  expect(adviseOnTeacher(on, description(large))).toEqual([
    expect.stringContaining('“Reasoning” of step 2 has no effect'),
  ])
  expect(judged('    thinking: false\n    maxTokens: 512\n').hash).toBe(judged().hash)
  // The hash of this recipe before judges had the setting.
  expect(judged().hash).toBe('0028bcfeb84782f031c1edcb255b93c85cc4f6dd8c9c039d02cf47afe199fedd')
  expect(on.hash).not.toBe(judged().hash)
  expect(problemsOf({ contextLength: 1024 }, on)).toEqual([])
  expect(problemsOf({ contextLength: 1000 }, on)).toEqual([
    [1, expect.stringContaining('Lower `maxTokens` to 500 or less')],
  ])
})

test('checks each role’s model: a judge of its own may lack what only the teacher needs', () => {
  const judge = description({ capabilities: { ...ALL_CAPABILITIES, rawPrompts: false } })
  const problems = checkModels(recipe, (role) => (role === 'judge' ? judge : description()))
  expect(problems).toEqual([])
  expect(
    checkModels(recipe, (role) => (role === 'judge' ? description() : judge)).map(({ step }) => step),
  ).toEqual([0])
})
