// The examples that ship with the page, as the page fetches them.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { PageFiles } from '../../../src/actions/models/list-models.ts'
import { listExamples } from '../../../src/actions/projects/list-examples.ts'
import { openExample } from '../../../src/actions/projects/open-example.ts'
import { checkRecipeText } from '../../../src/pipeline/recipes/check-recipe.ts'
import { listProjects } from '../../../src/storage/projects.ts'
import { countSeeds } from '../../../src/storage/seeds.ts'
import { makeMachines } from '../../stand-ins/machines.ts'

const folder = fileURLToPath(new URL('../../../public/', import.meta.url))
const served = (change: (path: string, text: string) => string = (_, text) => text): PageFiles => ({
  page: 'https://host.test/some/where/',
  fetch: async (address) => {
    const path = new URL(address).pathname.replace('/some/where/', '')
    const text = await readFile(`${folder}${path}`, 'utf8').catch(() => undefined)
    return text === undefined ? new Response('gone', { status: 404 }) : new Response(change(path, text))
  },
})

test('openExample creates a project with seeds and a valid recipe from each listed example', async () => {
  const machines = await makeMachines()
  const listed = await listExamples(served())
  expect(listed.length).toBe(4)
  for (const { name, title, seeds } of listed) {
    const opened = await openExample(machines, served(), { name })
    if (!opened.ok) throw new Error(JSON.stringify(opened.problems))
    expect(opened.value.name).toBe(title)
    expect(await countSeeds(machines.db, opened.value.id)).toBe(seeds)
    expect(checkRecipeText(opened.value.recipeText ?? '').ok).toBe(true)
  }
})

test('openExample reports missing, damaged and unknown files in a sentence and leaves no project', async () => {
  const machines = await makeMachines()
  await expect(listExamples({ ...served(), page: 'https://host.test/nowhere/' })).rejects.toMatchObject({
    name: 'DownloadFailed',
    message: expect.stringMatching(/examples\/index\.json could not be fetched.*\(404\)\. Reload/),
  })
  await expect(listExamples(served(() => '{'))).rejects.toMatchObject({
    message: expect.stringMatching(/is not JSON/),
  })
  await expect(listExamples(served(() => '{"examples": 3}'))).rejects.toMatchObject({
    message: expect.stringMatching(/list of examples is damaged/),
  })
  const [first] = await listExamples(served())
  expect(await openExample(machines, served(), { name: '../secret' })).toMatchObject({
    ok: false,
    problems: [{ sentence: 'There is no example “../secret”. Choose one of those listed.' }],
  })
  const broken = await openExample(
    machines,
    served((path, text) => (path.endsWith('index.json') ? text : '{"name": "x"}')),
    { name: first?.name ?? '' },
  )
  expect(broken.ok).toBe(false)
  expect(await listProjects(machines.db)).toEqual([])
})
