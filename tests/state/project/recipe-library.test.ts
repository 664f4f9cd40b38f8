import { describe, expect, test } from 'vitest'
import { RecipeLibrary } from '../../../src/state/project/recipe-library.svelte.ts'

const CARD = { title: 'Plain', shows: 'A recipe.', needs: 'Nothing.', minutes: 1 }
const GOOD = '# Plain.\nretort: 2\nname: Plain\nsteps:\n  - complete: teacher\n'

function makeLibrary(files: Readonly<Record<string, string>>): { library: RecipeLibrary; fetched: string[] } {
  const fetched: string[] = []
  const fetch = async (address: string): Promise<Response> => {
    fetched.push(address)
    const text = files[address.replace('http://localhost/app/recipes/', '')]
    return text === undefined ? new Response('', { status: 404 }) : new Response(text)
  }
  return { library: new RecipeLibrary({ fetch, page: 'http://localhost/app/' }), fetched }
}
const indexOf = (...names: readonly string[]): string =>
  JSON.stringify({ recipes: names.map((name) => ({ ...CARD, file: `${name}.yaml`, title: name })) })

describe('recipes to start from', () => {
  test('are fetched from the page’s own host, and only when the list is opened', async () => {
    const { library, fetched } = makeLibrary({ 'index.json': indexOf('a'), 'a.yaml': GOOD })
    expect(fetched).toEqual([])
    await library.refresh()
    expect(fetched).toEqual([
      'http://localhost/app/recipes/index.json',
      'http://localhost/app/recipes/a.yaml',
    ])
    expect(library.list).toMatchObject([{ card: { title: 'a' }, text: GOOD, problems: [] }])
    const { recipe } = library.list[0]!
    expect(library.titlesOf(recipe!)).toEqual(['Complete'])
    expect(library.needsOf(recipe!, undefined)).toEqual([{ role: 'teacher', ability: 'chat' }])
  })

  test('are listed with what is wrong if a file is missing or cannot be used, next to the others', async () => {
    const { library } = makeLibrary({
      'index.json': indexOf('missing', 'wrong', 'good'),
      'wrong.yaml': 'retort: 2\nsteps:\n  - complete: nobody\n',
      'good.yaml': GOOD,
    })
    await library.refresh()
    const [missing, wrong, good] = library.list
    expect(missing).toMatchObject({
      problems: [{ sentence: expect.stringMatching(/missing\.yaml could not be fetched/) }],
    })
    expect(wrong?.problems[0]?.sentence).toMatch(/nobody/)
    expect([missing?.recipe, wrong?.recipe]).toEqual([undefined, undefined])
    expect(good?.recipe).toBeDefined()
  })

  test('stay if the list cannot be read again, with a sentence', async () => {
    const files: Record<string, string> = { 'index.json': indexOf('a'), 'a.yaml': GOOD }
    const { library } = makeLibrary(files)
    await library.refresh()
    files['index.json'] = '{'
    await library.refresh()
    expect(library.reading.error).toMatch(/list of recipes/)
    expect(library.list).toHaveLength(1)
    delete files['index.json']
    await library.refresh()
    expect(library.reading.error).toMatch(/could not be fetched/)
  })
})
