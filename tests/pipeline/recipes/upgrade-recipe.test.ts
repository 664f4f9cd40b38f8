// Recipes of version 1, as stored by Retort 0.1, in links and in files.
import { readFileSync } from 'node:fs'
import { strFromU8, unzipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { checkRecipeText } from '../../../src/pipeline/recipes/check-recipe.ts'
import { lineOfProblem, parseRecipe } from '../../../src/pipeline/recipes/parse-recipe.ts'
import { findNewKey } from '../../../src/pipeline/recipes/upgrade-recipe.ts'
import { writeRecipe } from '../../../src/pipeline/recipes/write-recipe.ts'
import { listSteps } from '../../../src/pipeline/steps.ts'
import { checked } from '../samples.ts'

/** A recipe of a version with one train step and one of its settings. */
const recipe = (version: number, loss: string, setting: string): string =>
  `retort: ${version}\nsteps:\n  - complete: teacher\n  - freeze: split\n  - train: ${loss}\n    ${setting}\n`
const sentencesOf = (text: string): string =>
  ((read) => (read.ok ? '' : read.problems.map(({ sentence }) => sentence).join('\n')))(checkRecipeText(text))

const COMMON = [
  ['batch', 'batchSize', 5],
  ['accumulate', 'gradientAccumulation', 2],
  ['clip', 'maxGradientNorm', 3.5],
  ['averaging', 'emaDecay', 0.5],
] as const
const TOP_K = ['choices', 'topK', 7] as const
const OWN: Readonly<Record<string, readonly (readonly [string, string, number])[]>> = {
  'forward-kl': [TOP_K],
  'reverse-kl': [TOP_K],
  'jensen-shannon': [TOP_K],
  'on-policy': [
    TOP_K,
    ['ownFrom', 'textWarmUp', 0.7],
    ['answerTokens', 'maxTokens', 33],
    ['answerTemperature', 'samplingTemperature', 0.3],
  ],
  grpo: [
    ['answers', 'completionsPerPrompt', 5],
    ['answerTokens', 'maxTokens', 33],
  ],
}
const RENAMED = listSteps('train').flatMap(({ name }) =>
  [...COMMON, ...(OWN[name] ?? [])].map(([old, key, value]) => ({ name, old, key, value })),
)

describe('a recipe of version 1', () => {
  test.each(RENAMED)('reads $old of $name as $key', ({ name, old, key, value }) => {
    const upgraded = checked(recipe(1, name, `${old}: ${value}`))
    expect(upgraded.steps.at(-1)?.settings[key]).toBe(value)
    expect(upgraded).toEqual(checked(recipe(2, name, `${key}: ${value}`)))
  })

  test.each(RENAMED)('refuses $key of $name and names the old key', ({ name, old, key, value }) => {
    const text = recipe(1, name, `${key}: ${value}`)
    expect(sentencesOf(text)).toContain(`\`${key}\` is not a setting here: version 1 calls it \`${old}\``)
    const read = checkRecipeText(text)
    expect(read.ok ? [] : read.problems.map((problem) => lineOfProblem(text, problem))).toEqual([6])
  })

  test('keeps all other settings and their order', () => {
    const text = recipe(1, 'forward-kl', 'steps: 9\n    choices: 4\n    temperature: 2')
    const draft = parseRecipe(text)
    expect(draft.ok && Object.entries(draft.value.steps.at(-1)!.settings)).toEqual([
      ['steps', 9],
      ['topK', 4],
      ['temperature', 2],
    ])
  })

  test('is written as version 2', () => {
    const draft = parseRecipe(recipe(1, 'teacher-text', 'batch: 5'))
    const text = draft.ok ? writeRecipe(draft.value) : ''
    expect(text).toMatch(/^retort: 2\n/)
    expect(text).toContain('    batchSize: 5\n')
    expect(checked(recipe(1, 'teacher-text', 'batch: 5')).text).toMatch(/^retort: 2\n/)
  })

  test('reports an invalid value on its own line', () => {
    const text = recipe(1, 'teacher-text', 'batch: 0')
    const read = checkRecipeText(text)
    expect(read.ok ? [] : read.problems.map((problem) => lineOfProblem(text, problem))).toEqual([6])
  })
})

describe('a recipe of version 2', () => {
  test.each(RENAMED)('refuses $old of $name and names the new key', ({ name, old, key, value }) => {
    const sentences = sentencesOf(recipe(2, name, `${old}: ${value}`))
    expect(sentences).toContain(`\`${old}\` is not a setting here.`)
    expect(sentences).toContain(`\`${old}\` is now called \`${key}\`.`)
  })

  test('has no setting under an old key', () => {
    for (const declaration of listSteps('train'))
      for (const key of Object.keys(declaration.settings))
        expect(findNewKey(declaration, key), `${declaration.name}.${key}`).toBeUndefined()
  })
})

test('reads the recipes of a project saved by version 0.1, with the hashes of its runs and datasets', () => {
  const zip = unzipSync(readFileSync(new URL('../../fixtures/project-of-0.1.retort.zip', import.meta.url)), {
    filter: ({ name }) => /^(retort\.json|(runs|datasets)\.jsonl)$/.test(name),
  })
  const readLines = (name: string): { recipeText: string; recipeHash: string }[] =>
    strFromU8(zip[name]!)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  const { project } = JSON.parse(strFromU8(zip['retort.json']!)) as { project: { recipeText: string } }
  expect(checked(project.recipeText).steps.at(-1)?.settings).toMatchObject({ batchSize: 4, preset: 'nano' })
  const stored = [...readLines('runs.jsonl'), ...readLines('datasets.jsonl')]
  expect(stored).toHaveLength(3)
  for (const { recipeText, recipeHash } of stored) expect(checked(recipeText).hash).toBe(recipeHash)
})
