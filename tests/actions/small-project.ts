// Knows: a project with seeds and a small recipe, for the tests of runs, trials and comparisons.
import { createProject } from '../../src/actions/projects/create-project.ts'
import { addSeeds } from '../../src/actions/seeds/add-seeds.ts'
import type { ProjectId, RunId } from '../../src/domain/id.ts'
import type { CheckedRecipe } from '../../src/domain/recipe.ts'
import type { Row } from '../../src/domain/row.ts'
import { checkRecipeText } from '../../src/pipeline/recipes/check-recipe.ts'
import { listPrompts } from '../../src/storage/prompts.ts'
import { listRows } from '../../src/storage/rows.ts'
import { finish, type TestMachines } from '../stand-ins/machines.ts'

export const RECIPE = `retort: 2
name: Small
rngSeed: 3
steps:
  - grow: self-instruct
    prompts: 5
    humanShots: 3
    machineShots: 1
  - complete: teacher
    n: 2
  - filter: length
    min: 6
  - filter: novelty
    threshold: 0.9
  - judge: rubric
  - keep: threshold
    min: 2.6
  - freeze: split
    heldOut: 0.3
  - train: teacher-text
    preset: nano
    vocabulary: 300
    context: 128
    steps: 6
    batchSize: 2
    evaluateEvery: 3
`

export function readRecipe(text = RECIPE): CheckedRecipe {
  const checked = checkRecipeText(text)
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems))
  return checked.value
}

export const SEEDS = [
  'Explain why bread rises in an oven.',
  'Write a note that thanks a neighbour.',
  'Name three uses of an old jar.',
  'How does one sharpen a kitchen knife?',
  'Describe the sound of rain on a tin roof.',
  'Plan a walk for a rainy Sunday.',
]

export async function makeSmallProject(machines: TestMachines, recipeText = RECIPE): Promise<ProjectId> {
  const created = await createProject(machines, { name: 'Small', recipeText })
  if (!created.ok) throw new Error('no project')
  await finish(
    addSeeds(machines, { projectId: created.value.id, source: { kind: 'text', text: SEEDS.join('\n') } }),
  )
  return created.value.id
}

/** The outcome of a run, without what differs between runs: run ids and times. */
export async function outcomeOf({ db }: TestMachines, projectId: ProjectId, runId: RunId): Promise<unknown> {
  const prompts = await listPrompts(db, projectId, runId)
  const rows = await listRows(db, projectId, runId)
  return {
    prompts: prompts.map(({ text, order, status, seedId, decisions }) => ({
      text,
      order,
      status,
      seedId,
      decisions,
    })),
    rows: rows.map(outcomeOfRow),
  }
}

const outcomeOfRow = ({
  prompt,
  variant,
  order,
  completion: { writtenAt: _, ...completion },
  decisions,
  verdicts,
  droppedBy,
  status,
}: Row): unknown => ({ prompt, variant, order, completion, decisions, verdicts, droppedBy, status })
