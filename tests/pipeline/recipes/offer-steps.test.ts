import { describe, expect, it } from 'vitest'
import type { ModelOf, StepDeclaration } from '../../../src/domain/recipe.ts'
import { FAMILIES } from '../../../src/domain/recipe.ts'
import { wholeNumber } from '../../../src/domain/settings.ts'
import { defaultRecipe } from '../../../src/pipeline/recipes/default-recipe.ts'
import { offerSteps, type OfferedStep } from '../../../src/pipeline/recipes/offer-steps.ts'
import { stepDeclarations } from '../../../src/pipeline/steps.ts'
import { ALL_CAPABILITIES, DESCRIPTION } from '../../stand-ins/teacher.ts'

/** A member that exists only here. */
const madeUp: StepDeclaration = {
  family: 'filter',
  name: 'palindromes',
  title: 'Palindromes',
  help: 'Drops completions that read the same backwards.',
  source: { citation: 'Nobody 1881', link: 'https://example.org/palindromes' },
  settings: { shortest: wholeNumber({ label: 'Shortest', help: 'In letters.', from: 1, to: 9, default: 3 }) },
  takes: ['prompts'],
  needs: () => [{ role: 'reader', ability: 'scores', without: (model) => `${model} cannot read backwards.` }],
  checkModels: ({ shortest }, modelOf) =>
    Number(shortest) > modelOf('reader').contextLength ? [{ sentence: 'The context is too short.' }] : [],
}
const all = [...stepDeclarations, madeUp]
const { steps } = defaultRecipe()
const flat = (query: string, modelOf?: ModelOf): readonly OfferedStep[] =>
  offerSteps(all, steps, query, modelOf).flatMap((family) => family.steps)
const names = (query: string): string[] => flat(query).map(({ declaration }) => declaration.name)

const modelWith =
  (scores: boolean, contextLength = 512): ModelOf =>
  () => ({
    ...DESCRIPTION,
    card: { ...DESCRIPTION.card, name: 'tiny' },
    contextLength,
    capabilities: { ...ALL_CAPABILITIES, scores },
  })

describe('offered steps', () => {
  it('are all members, each once, by family in the order of a recipe', () => {
    const families = offerSteps(all, steps)
    const order = families.map(({ family }) => family)
    expect(order).toEqual(FAMILIES.filter((family) => order.includes(family)))
    expect(
      flat('')
        .map(({ declaration }) => declaration)
        .toSorted(byName),
    ).toEqual(all.toSorted(byName))
  })

  it('include a made-up member with everything that it declares', () => {
    const offer = flat('').find(({ declaration }) => declaration === madeUp)
    expect(offer).toMatchObject({
      takes: ['prompts'],
      gives: ['prompts', 'completions'],
      needs: [{ role: 'reader', ability: 'scores' }],
      misfits: [],
      count: 0,
      place: { problems: [] },
    })
    expect(offer?.needs[0]).not.toHaveProperty('isMet')
  })

  it('are found by every word of title, help, name, family, source and settings, in any case', () => {
    for (const query of ['PALIN', 'backwards reads', 'nobody 1881', 'shortest', 'filter palindromes'])
      expect(names(query.replace('reads', 'read'))).toEqual(['palindromes'])
    expect(names('  ')).toHaveLength(all.length)
    expect(names('palindromes zebra')).toEqual([])
    expect(offerSteps(all, steps, 'palindromes').map(({ family }) => family)).toEqual(['filter'])
  })

  it('report which needs the models meet, and why not', () => {
    const [met] = flat('palindromes', modelWith(true))
    expect(met?.needs).toEqual([{ role: 'reader', ability: 'scores', isMet: true }])
    const [unmet] = flat('palindromes', modelWith(false, 2))
    expect(unmet?.needs).toEqual([
      { role: 'reader', ability: 'scores', isMet: false, sentence: 'tiny cannot read backwards.' },
    ])
    expect(unmet?.misfits).toEqual(['The context is too short.'])
  })

  it('replace a step of their family where a recipe can have only one', () => {
    const train = steps.findIndex(({ family }) => family === 'train')
    const others = flat('').filter(({ declaration, count }) => declaration.family === 'train' && count === 0)
    expect(others.length).toBeGreaterThan(5)
    for (const offer of others) expect(offer.replaces).toBe(train)
    const [present] = flat('').filter(({ declaration }) => declaration.name === steps[train]?.name)
    expect(present).toMatchObject({ count: 1 })
    expect(present).not.toHaveProperty('replaces')
  })
})

const byName = (a: StepDeclaration, b: StepDeclaration): number =>
  `${a.family}/${a.name}` < `${b.family}/${b.name}` ? -1 : 1
