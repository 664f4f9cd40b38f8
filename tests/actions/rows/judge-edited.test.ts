import { expect, test } from 'vitest'
import { editRow } from '../../../src/actions/rows/edit-row.ts'
import { RunControl } from '../../../src/actions/control.ts'
import { judgeEdited } from '../../../src/actions/rows/judge-edited.ts'
import { startRun } from '../../../src/actions/run/run-recipe.ts'
import { effectiveScore, effectiveVerdicts } from '../../../src/domain/row.ts'
import { freezeRows } from '../../../src/pipeline/freezing/freeze-rows.ts'
import { summarizeRow } from '../../../src/storage/row-index.ts'
import { getRow, listRows } from '../../../src/storage/rows.ts'
import { finish, makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeSmallProject, readRecipe } from '../small-project.ts'

async function makeEdited() {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  const recipe = readRecipe()
  const run = await finish(startRun(machines, { projectId, recipe, teacher: DESCRIPTION }, new RunControl()))
  const kept = (await listRows(machines.db, projectId, run.id)).filter(({ status }) => status === 'kept')
  const row = kept[0]!
  const edit = (completion: string, verdicts = undefined as typeof row.verdicts) =>
    editRow(machines, {
      projectId,
      rowId: row.id,
      prompt: row.prompt,
      completion,
      ...(verdicts ? { verdicts } : {}),
    })
  const read = async () => (await getRow(machines.db, projectId, row.id))!
  const judge = () =>
    finish(
      judgeEdited(
        machines,
        { projectId, run, rowIds: kept.map(({ id }) => id), teacher: DESCRIPTION },
        new AbortController().signal,
      ),
    )
  return { machines, projectId, run, row, edit, read, judge }
}

test('an edited row has no score until it is judged again: neither in the table nor in a dataset', async () => {
  const { row, edit, read, judge, projectId, machines, run } = await makeEdited()
  expect(effectiveScore(row)).toBeGreaterThan(0)
  await edit('A text by hand.')
  const edited = await read()
  expect(effectiveVerdicts(edited)).toEqual([])
  expect(edited.verdicts).toEqual(row.verdicts)
  expect(summarizeRow(edited)).toMatchObject({ edited: true, staleVerdict: true })
  expect(summarizeRow(edited).score).toBeUndefined()
  const frozen = freezeRows(await listRows(machines.db, projectId, run.id), { heldOut: 0.3 }, 1)
  expect(frozen.ok && frozen.value.find(({ completion }) => completion === 'A text by hand.')).toMatchObject({
    completion: 'A text by hand.',
    editedByHand: true,
  })
  expect(
    frozen.ok && frozen.value.find(({ completion }) => completion === 'A text by hand.')?.score,
  ).toBeUndefined()

  const judged = await judge()
  expect(judged).toMatchObject({ ok: true, value: [{ id: row.id, status: 'kept' }] })
  const after = await read()
  expect(after.edit?.verdicts).toMatchObject([{ verdict: { kind: 'score', rubric: 'helpfulness@1' } }])
  expect(summarizeRow(after).staleVerdict).toBeUndefined()
  const again = freezeRows(await listRows(machines.db, projectId, run.id), { heldOut: 0.3 }, 1)
  expect(again.ok && again.value.find(({ completion }) => completion === 'A text by hand.')?.score).toBe(
    effectiveScore(after),
  )
})

test('a second edit has no verdict of the first, and restoring the first restores its verdict', async () => {
  const { edit, read, judge } = await makeEdited()
  await edit('First text by hand.')
  await judge()
  const first = (await read()).edit
  await edit('First text by hand.')
  expect((await read()).edit).toEqual(first)
  await edit('Second text by hand.')
  expect((await read()).edit?.verdicts).toBeUndefined()
  await edit('First text by hand.', first?.verdicts)
  expect((await read()).edit?.verdicts).toEqual(first?.verdicts)
})

test('a run without a judge, and a model that cannot score, are refused in a sentence', async () => {
  const { machines, projectId, run, row } = await makeEdited()
  const signal = new AbortController().signal
  const request = { projectId, run, rowIds: [row.id], teacher: DESCRIPTION }
  const unjudged = {
    ...run,
    recipeText: run.recipeText
      .replace(/ {2}- judge: rubric\n(?: {4}.*\n)*/, '')
      .replace(/ {2}- keep: threshold\n(?: {4}.*\n)*/, ''),
  }
  expect(await finish(judgeEdited(machines, { ...request, run: unjudged }, signal))).toMatchObject({
    ok: false,
    problems: [{ sentence: expect.stringMatching(/has no judge/) }],
  })
  const mute = { ...DESCRIPTION, capabilities: { ...DESCRIPTION.capabilities, scores: false } }
  expect(await finish(judgeEdited(machines, { ...request, teacher: mute }, signal))).toMatchObject({
    ok: false,
    problems: [{ sentence: expect.stringMatching(/cannot judge/) }],
  })
})

test('refuses a run whose recipe only a later version can read, and says which part', async () => {
  const { machines, projectId, run, row, edit } = await makeEdited()
  await edit('A text by hand.')
  const later = { ...run, recipeText: run.recipeText.replace('judge: rubric', 'judge: oracle') }
  const judged = await finish(
    judgeEdited(
      machines,
      { projectId, run: later, rowIds: [row.id], teacher: DESCRIPTION },
      new AbortController().signal,
    ),
  )
  expect(judged).toMatchObject({
    ok: false,
    problems: [{ sentence: expect.stringMatching(/recipe of this run cannot be read.*`oracle`/) }],
  })
})
