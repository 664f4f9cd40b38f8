// Knows: how an example that ships with the page becomes a project.
import { refuse, type Checked } from '../domain/problem.ts'
import type { Project } from '../domain/project.ts'
import { parseSeed, type Seed } from '../domain/seed.ts'
import { parseExample, parseExampleIndex } from '../pipeline/examples.ts'
import { RetortError } from '../protocol/errors.ts'
import { deleteProject } from '../storage/projects.ts'
import { guardQuota } from '../storage/quota.ts'
import { putSeeds } from '../storage/seeds.ts'
import { createProject } from './create-project.ts'
import type { PageFiles } from './list-models.ts'
import type { Machines } from './machines.ts'

/** An example, as the first screen lists it. */
export interface ListedExample {
  /** Its file name without the extension: the argument of `openExample`. */
  readonly name: string
  readonly title: string
  /** One or two sentences. */
  readonly description: string
  readonly seeds: number
}

/** The examples in the page's index. Throws `DownloadFailed` if the index cannot be fetched or read. */
export async function listExamples(files: PageFiles): Promise<readonly ListedExample[]> {
  const index = parseExampleIndex(await fetchJson(files, 'index.json'))
  if (!index.ok)
    throw new RetortError(
      'DownloadFailed',
      `The list of examples is damaged. ${index.problems[0]?.sentence ?? ''}`,
    )
  return index.value.map(({ file, name, description, seeds }) => ({
    name: file.replace(/\.json$/, ''),
    title: name,
    description,
    seeds,
  }))
}

/** Creates a project with the example's name, seeds and recipe: completely or not at all. */
export async function openExample(
  machines: Pick<Machines, 'db' | 'now'>,
  files: PageFiles,
  { name }: { name: string },
): Promise<Checked<Project>> {
  if (!(await listExamples(files)).some((listed) => listed.name === name))
    return refuse({ sentence: `There is no example “${name}”. Choose one of those listed.` })
  const example = parseExample(await fetchJson(files, `${name}.json`))
  if (!example.ok) return example
  const { teacher } = example.value
  const created = await createProject(machines, {
    name: example.value.name,
    recipeText: example.value.recipe.text,
    ...(teacher === undefined ? {} : { teacherName: teacher }),
  })
  if (!created.ok) return created
  const projectId = created.value.id
  const addedAt = machines.now()
  const seeds = example.value.seeds.map(({ text, answer }, i) =>
    parseSeed({ projectId, text, answer, source: `example ${name}`, line: i + 1, addedAt }),
  )
  const valid = seeds.flatMap((seed): Seed[] => (seed.ok ? [seed.value] : []))
  try {
    await guardQuota('The seeds of this example', () => putSeeds(machines.db, valid))
  } catch (thrown) {
    await deleteProject(machines.db, projectId).catch(() => undefined)
    throw thrown
  }
  return created
}

async function fetchJson({ fetch, page }: PageFiles, file: string): Promise<unknown> {
  const response = await fetch(new URL(`examples/${file}`, page).href).catch(() => undefined)
  if (!response?.ok)
    throw new RetortError(
      'DownloadFailed',
      `The file examples/${file} could not be fetched from this page’s host${response ? ` (${response.status})` : ''}. Reload the page and try again.`,
    )
  try {
    return await response.json()
  } catch {
    throw new RetortError(
      'DownloadFailed',
      `The file examples/${file} is not JSON. Reload the page and try again.`,
    )
  }
}
