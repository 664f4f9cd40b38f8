// Knows: how an example that ships with the page becomes a project.
import { refuse, type Checked } from '../../domain/problem.ts'
import type { Project } from '../../domain/project.ts'
import { parseSeed, type Seed } from '../../domain/seed.ts'
import { parseExample } from '../../pipeline/examples.ts'
import { deleteProject } from '../../storage/projects.ts'
import { guardQuota } from '../../storage/quota.ts'
import { putSeeds } from '../../storage/seeds.ts'
import { createProject } from './create-project.ts'
import { fetchJson, listExamples } from './list-examples.ts'
import type { PageFiles } from '../models/list-models.ts'
import type { Machines } from '../machines.ts'

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
