// Knows: that a step appears in the recipe's check, text, suggestions, form, gallery and graph by its declaration alone.
import { flushSync, mount, unmount } from 'svelte'
import { describe, expect, it, vi } from 'vitest'
import { makeProject } from '../../../src/domain/project.ts'
import type * as filters from '../../../src/pipeline/filters/index.ts'
import { Recipe } from '../../../src/state/project/recipe.svelte.ts'
import { putProject } from '../../../src/storage/projects.ts'
import OfferedStepCard from '../../../src/ui/recipe/OfferedStepCard.svelte'
import { makeEnvironment } from '../make-environment.ts'

vi.mock('../../../src/pipeline/filters/index.ts', async (original) => {
  const { filterMembers, ...others } = await original<typeof filters>()
  const { defineFilter } = await import('../../../src/pipeline/filters/filter.ts')
  const { wholeNumber } = await import('../../../src/domain/settings.ts')
  const { kept } = await import('../../../src/domain/filter-decision.ts')
  const palindromes = defineFilter({
    name: 'palindromes',
    title: 'No palindromes',
    help: 'Drops completions that read the same backwards.',
    source: { citation: 'Nobody 1881', link: 'https://example.org/palindromes' },
    settings: {
      shortest: wholeNumber({ label: 'Shortest', help: 'In letters.', from: 1, to: 9, default: 3 }),
    },
    needs: () => [
      { role: 'reader', ability: 'scores', without: (model) => `${model} cannot read backwards.` },
    ],
    decide: () => kept({}),
  })
  return { ...others, filterMembers: [...filterMembers, palindromes] }
})

async function makeRecipe(): Promise<Recipe> {
  const env = await makeEnvironment()
  const project = makeProject('Shop', 1)
  await putProject(env.machines.db, project)
  return new Recipe(env, project.id, undefined)
}

const offerOf = (recipe: Recipe) => {
  const [family] = recipe.offer('palindromes', undefined)
  const offer = family?.steps[0]
  if (family === undefined || offer === undefined) throw new Error('the step is not offered')
  return { family: family.family, offer }
}

describe('a made-up step', () => {
  it('is found in the gallery, inserted in its place, and valid', async () => {
    const recipe = await makeRecipe()
    const { family, offer } = offerOf(recipe)
    expect(family).toBe('filter')
    const at = recipe.add(offer.declaration)
    expect(at).toBe(offer.place.at)
    expect(recipe.draft.steps[at - 1]?.family).toBe('filter')
    expect(recipe.problems).toEqual([])
    expect(recipe.text).toContain('  - filter: palindromes\n    shortest: 3\n')
    expect(recipe.declarationOf(recipe.draft.steps[at]!)?.settings).toHaveProperty('shortest')
    expect(recipe.graph.nodes.map(({ title }) => title)).toContain('No palindromes')
    recipe.set(at, 'shortest', 12)
    expect(recipe.problemsOf(at).map(({ field }) => field)).toEqual(['shortest'])
  })

  it('is suggested while the text is written, and so are its settings', async () => {
    const recipe = await makeRecipe()
    const suggest = (text: string) => {
      recipe.write(text)
      return recipe.suggest(text.length)?.items.map((item) => item.text)
    }
    const head = 'retort: 2\nsteps:\n  - complete: teacher\n'
    expect(suggest(`${head}  - filter: pal`)).toEqual(['palindromes'])
    expect(suggest(`${head}  - filter: palindromes\n    s`)).toEqual(['shortest: '])
  })

  it('has a card with its texts, what it takes and gives, its needs and its source', async () => {
    const recipe = await makeRecipe()
    const onAdd = vi.fn()
    const card = mount(OfferedStepCard, {
      target: document.body,
      props: { offer: offerOf(recipe).offer, onAdd, onReplace: () => undefined },
    })
    flushSync()
    const text = document.body.textContent?.replaceAll(/\s+/g, ' ') ?? ''
    for (const part of [
      'No palindromes',
      'filter: palindromes',
      'Drops completions that read the same backwards.',
      'Takes prompts or completions',
      'Gives those it keeps',
      'reader: scores',
      'Nobody 1881',
    ])
      expect(text).toContain(part)
    expect(document.querySelector('a')?.href).toBe('https://example.org/palindromes')
    document.querySelector('button')?.click()
    expect(onAdd).toHaveBeenCalledOnce()
    await unmount(card)
  })
})
