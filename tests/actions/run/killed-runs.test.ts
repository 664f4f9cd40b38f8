// A run with each member that calls a model or sees all rows, killed at results all over it and resumed: the same rows, and no reply is
// requested twice.
import { describe, expect, test } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { resumeRun, startRun } from '../../../src/actions/run/run-recipe.ts'
import { growMembers } from '../../../src/pipeline/growing/index.ts'
import { stageMembers } from '../../../src/pipeline/stages/index.ts'
import { listRuns } from '../../../src/storage/runs.ts'
import { finish, makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeSmallProject, outcomeOf, readRecipe, RECIPE } from '../small-project.ts'

/** Settings that keep a run of few seeds short, for members that have such settings. */
const SHORT: Readonly<Record<string, string>> = { 'evol-instruct': '    rounds: 2\n' }
const recipeWith = (name: string): string =>
  name === 'self-instruct'
    ? RECIPE
    : RECIPE.replace(/- grow: self-instruct\n(?: {4}.*\n)*/, `- grow: ${name}\n${SHORT[name] ?? ''}`)

/** Settings without which a member refuses the recipe, or does nothing here. */
const NEEDED: Readonly<Record<string, string>> = {
  'complete: revise': '    times: 2\n    original: keep\n',
}
const recipeWithStage = (step: string): string =>
  RECIPE.replace('prompts: 5', 'prompts: 3').replace(
    '  - keep:',
    `  - ${step}\n${NEEDED[step] ?? ''}  - keep:`,
  )

const RECIPES = [
  ...growMembers.map(({ name }) => [`grow: ${name}`, recipeWith(name)] as const),
  ...stageMembers.map(({ family, name }) => {
    const step = `${family}: ${name}`
    return [step, recipeWithStage(step)] as const
  }),
  [
    'several steps of a kind',
    RECIPE.replace('  - complete: teacher\n', '  - filter: length\n    min: 5\n  - complete: teacher\n')
      .replace(
        '  - filter: length\n    min: 6\n',
        '  - complete: teacher\n    temperature: 0.2\n  - filter: length\n    min: 6\n',
      )
      .replace(
        '  - judge: rubric\n',
        '  - judge: rubric\n  - filter: novelty\n    threshold: 0.8\n  - judge: rubric\n    rubric: correctness@1\n',
      ),
  ] as const,
]

describe.each(RECIPES)('a run with %s', (_step, text) => {
  test('ends the same after the worker dies at results all over it', { timeout: 120_000 }, async () => {
    const recipe = readRecipe(text)
    const whole = await makeMachines()
    const wholeProject = await makeSmallProject(whole)
    const run = await finish(
      startRun(whole, { projectId: wholeProject, recipe, teacher: DESCRIPTION }, new RunControl()),
    )
    const outcome = await outcomeOf(whole, wholeProject, run.id)
    const results = whole.standIn.resultCount
    expect(results).toBeGreaterThan(12)
    for (let at = 1; at < results; at += Math.max(3, Math.floor(results / 12))) {
      const machines = await makeMachines()
      const projectId = await makeSmallProject(machines)
      machines.standIn.beforeResult = (given) => {
        if (given === at) machines.kill('teacher')
      }
      await expect(
        finish(startRun(machines, { projectId, recipe, teacher: DESCRIPTION }, new RunControl())),
      ).rejects.toMatchObject({ name: 'WorkerDied' })
      const [failed] = await listRuns(machines.db, projectId)
      const again = await makeMachines({ db: machines.db })
      await finish(resumeRun(again, { projectId, runId: failed!.id, teacher: DESCRIPTION }, new RunControl()))
      expect(await outcomeOf(again, projectId, failed!.id), `after death before result ${at}`).toEqual(
        outcome,
      )
      // What was given before the death is in the journal.
      expect(again.standIn.resultCount, `after death before result ${at}`).toBe(results - at)
    }
  })
})
