// Knows: that every recipe of public/recipes can be used, has a card, and shows what its card says.
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkRecipeText } from '../../../src/pipeline/recipes/check-recipe.ts'
import { parseRecipeIndex } from '../../../src/pipeline/recipes/library.ts'
import { listNeeds } from '../../../src/pipeline/recipes/offer-steps.ts'

const folder = fileURLToPath(new URL('../../../public/recipes/', import.meta.url))
const read = (file: string): string => readFileSync(folder + file, 'utf8')
const index = parseRecipeIndex(JSON.parse(read('index.json')))
const cards = index.ok ? index.value : []

describe('the library of recipes', () => {
  it('has a card for every file and a file for every card', () => {
    expect(index.ok ? [] : index.problems).toEqual([])
    const files = readdirSync(folder).filter((file) => file !== 'index.json')
    expect(cards.map(({ file }) => file).toSorted()).toEqual(files.toSorted())
    expect(cards.length).toBeGreaterThanOrEqual(4)
    expect(new Set(cards.map(({ title }) => title)).size).toBe(cards.length)
  })

  it.each(cards.map(({ file, title }) => [file, title] as const))(
    'has a valid recipe in %s',
    (file, title) => {
      const text = read(file)
      const checked = checkRecipeText(text)
      expect(checked.ok ? [] : checked.problems).toEqual([])
      if (!checked.ok) return
      expect(checked.value.name).toBe(title)
      expect(checked.value.steps.length).toBeGreaterThan(1)
      expect(text.startsWith('#')).toBe(true) // its first line says what it is
    },
  )

  it('knows what a recipe needs of the models, each need once', () => {
    const checked = checkRecipeText(read('self-instruct.yaml'))
    if (!checked.ok) throw new Error(checked.problems[0]?.sentence)
    const needs = listNeeds(checked.value.steps).map(({ role, ability }) => `${role}: ${ability}`)
    expect(needs).toEqual(['teacher: rawPrompts', 'teacher: chat', 'judge: scores', 'judge: chat'])
    const twice = [...checked.value.steps, ...checked.value.steps]
    expect(listNeeds(twice)).toHaveLength(needs.length)
  })
})

it('a list with a wrong entry is refused with its place', () => {
  const [good] = cards
  const refuse = (change: object) => {
    const result = parseRecipeIndex({ recipes: [{ ...good, ...change }] })
    return result.ok ? undefined : result.problems[0]?.sentence
  }
  expect(refuse({})).toBeUndefined()
  expect(refuse({ file: '../secret.yaml' })).toMatch(/recipes\.0\.file/)
  expect(refuse({ minutes: 0 })).toMatch(/recipes\.0\.minutes/)
  expect(refuse({ paper: { citation: 'x', link: 'javascript:alert(1)' } })).toMatch(/paper\.link/)
  expect(refuse({ shows: ' ' })).toMatch(/shows/)
  expect(parseRecipeIndex('no list').ok).toBe(false)
})
