// Steps before the complete step: a tag gives prompts fields, and a filter drops prompts by them before they cost completions.
import { describe, expect, test } from 'vitest'
import { RunControl } from '../../../src/actions/control.ts'
import { previewRun } from '../../../src/actions/recipe/preview-run.ts'
import { tryFive } from '../../../src/actions/recipe/try-five.ts'
import { computeFunnel } from '../../../src/actions/run/funnel.ts'
import { listBarMembers } from '../../../src/actions/run/list-bar-members.ts'
import { startRun } from '../../../src/actions/run/run-recipe.ts'
import type { RunProgress } from '../../../src/domain/run.ts'
import { checkRecipeText } from '../../../src/pipeline/recipes/check-recipe.ts'
import { listPrompts } from '../../../src/storage/prompts.ts'
import { listRows } from '../../../src/storage/rows.ts'
import { finish, makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeSmallProject, readRecipe, RECIPE } from '../small-project.ts'

/** Every prompt is tagged, and half of the tags are dropped. */
const TAGGED = RECIPE.replace(
  /- grow: self-instruct\n(?: {4}.*\n)*/,
  '- tag: template\n    template: "How hard is {{ prompt }}?"\n    into: level\n    reads: choice\n    choices: easy, hard\n  - filter: field\n    field: level\n    comparison: equals\n    value: easy\n',
)

describe('a tag before the complete step', () => {
  test('gives prompts fields by which a filter drops them, and their rows have them too', async () => {
    const machines = await makeMachines()
    const projectId = await makeSmallProject(machines)
    const recipe = readRecipe(TAGGED)
    const reports: RunProgress[] = []
    const run = await finish(
      startRun(machines, { projectId, recipe, teacher: DESCRIPTION }, new RunControl()),
      (progress) => reports.push(progress),
    )
    const prompts = await listPrompts(machines.db, projectId, run.id)
    expect(prompts).toHaveLength(6)
    for (const { fields, status, decisions } of prompts) {
      expect(status).toBe(fields?.['level'] === 'easy' ? 'accepted' : 'dropped')
      expect(decisions.map(({ step, name }) => [step, name])).toEqual([
        [0, 'template'],
        [1, 'field'],
      ])
    }
    const accepted = prompts.filter(({ status }) => status === 'accepted')
    expect(accepted.length).toBeGreaterThan(0)
    expect(accepted.length).toBeLessThan(6)
    const rows = await listRows(machines.db, projectId, run.id)
    expect(new Set(rows.map(({ promptId }) => promptId))).toEqual(new Set(accepted.map(({ id }) => id)))
    expect(rows.every(({ fields }) => fields?.['level'] === 'easy')).toBe(true)
    const [tag, filter] = await computeFunnel(machines.db, projectId, run.id, recipe)
    expect(tag).toMatchObject({ of: 'prompt', reached: 6, passed: 6 })
    expect(filter).toMatchObject({ of: 'prompt', reached: 6, passed: accepted.length })
    expect(
      await listBarMembers(machines.db, {
        projectId,
        runId: run.id,
        recipe,
        bar: { step: 1, part: 'dropped' },
      }),
    ).toMatchObject({ of: 'prompt', ids: { length: 6 - accepted.length } })
    const stages = reports.at(-1)?.stages.map(({ step, title, done, total }) => [step, title, done, total])
    expect(stages?.[0]).toEqual([0, 'Tag by a template', 6, 6])
  })

  test('is tried and previewed like every step', async () => {
    const machines = await makeMachines()
    const projectId = await makeSmallProject(machines)
    const request = { projectId, recipe: readRecipe(TAGGED), teacher: DESCRIPTION }
    const tried = await finish(tryFive(machines, request))
    expect(tried.rows.length).toBeGreaterThan(0)
    // Not every tag is in the journal: the preview is that of all prompts.
    const before = await previewRun(machines, request, new AbortController().signal)
    expect(before?.completions.known).toBe(12)
    await finish(startRun(machines, request, new RunControl()))
    const made = machines.standIn.resultCount
    const after = await previewRun(machines, request, new AbortController().signal)
    expect(after?.completions.stored).toBe(after?.completions.known)
    expect(after?.completions.known).toBeLessThan(12)
    expect(machines.standIn.resultCount).toBe(made)
  })

  test('is refused if its template reads a completion, or the step has no use for prompts', () => {
    const problemsOf = (text: string): string[] => {
      const checked = checkRecipeText(text)
      return checked.ok ? [] : checked.problems.map(({ sentence }) => sentence)
    }
    const withTemplate = (template: string): string => TAGGED.replace('How hard is {{ prompt }}?', template)
    expect(problemsOf(withTemplate('{{ fields.completion }} {{ prompt }} completion'))).toEqual([])
    for (const template of [
      '{{ completion }}',
      '{% if completion %}a{% endif %}',
      '{{ prompt ~ completion }}',
    ])
      expect(problemsOf(withTemplate(template))).toEqual([
        expect.stringMatching(
          /^Step 1 \(Tag by a template\): it comes before `complete`, so there is no completion/,
        ),
      ])
    expect(
      problemsOf(TAGGED.replace('- complete: teacher\n', '- judge: rubric\n  - complete: teacher\n')),
    ).toEqual([expect.stringMatching(/`judge` comes before `complete`/)])
  })
})
