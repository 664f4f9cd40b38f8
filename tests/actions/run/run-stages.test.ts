// Knows: runs with several steps of a family: completers side by side, answers that people gave, revisions, two rubrics, filters on prompts.
import { expect, test } from 'vitest'
import { addSeeds } from '../../../src/actions/seeds/add-seeds.ts'
import { createProject } from '../../../src/actions/projects/create-project.ts'
import { RunControl } from '../../../src/actions/control.ts'
import { resumeRun, startRun } from '../../../src/actions/run/run-recipe.ts'
import type { RunProgress } from '../../../src/domain/run.ts'
import type { Cast } from '../../../src/domain/cast.ts'
import { NO_MODELS, PERSON } from '../../../src/domain/people.ts'
import { PREFERRED_TO } from '../../../src/pipeline/selecting/pair.ts'
import { listDatasetRows } from '../../../src/storage/datasets.ts'
import { listPrompts } from '../../../src/storage/prompts.ts'
import { listRows } from '../../../src/storage/rows.ts'
import { freeze } from '../../../workers/corpus/freeze.ts'
import { finish, makeMachines } from '../../stand-ins/machines.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { readRecipe } from '../small-project.ts'

const RECORDS = [
  {
    instruction: 'Explain why bread rises in an oven.',
    output: 'The yeast gives off gas, and heat makes it grow.',
  },
  { instruction: 'Write a note that thanks a neighbour.', output: 'Thank you so much for the plums!' },
  { instruction: 'Too short', output: 'This one is dropped.' },
  { instruction: 'Name three uses of an old jar, please.' },
]

async function run(steps: string, cast: Cast = { teacher: DESCRIPTION }) {
  const machines = await makeMachines()
  const recipe = readRecipe(`retort: 2\nname: Several\nrngSeed: 4\nsteps:\n${steps}`)
  const project = await createProject(machines, { name: 'Several', recipeText: recipe.text })
  if (!project.ok) throw new Error('no project')
  const projectId = project.value.id
  const text = RECORDS.map((record) => JSON.stringify(record)).join('\n')
  await finish(addSeeds(machines, { projectId, source: { kind: 'text', text } }))
  const reports: RunProgress[] = []
  const ended = await finish(
    startRun(machines, { projectId, recipe, ...cast }, new RunControl()),
    (progress) => reports.push(progress),
  )
  const rows = await listRows(machines.db, projectId, ended.id)
  const prompts = await listPrompts(machines.db, projectId, ended.id)
  const freezeRun = async () => {
    const call = { signal: new AbortController().signal, emit: () => undefined }
    const frozen = await freeze(machines.db, { projectId, runId: ended.id }, call, 1)
    if (!frozen.ok) throw new Error(frozen.problems[0]?.sentence)
    return { ...frozen.dataset, list: await listDatasetRows(machines.db, projectId, frozen.dataset.id) }
  }
  return { rows, prompts, ended, standIn: machines.standIn, last: reports.at(-1)!, freezeRun }
}

test('filters before the complete step drop prompts, and the funnel counts them', async () => {
  const { rows, prompts, last } = await run('  - filter: length\n    min: 4\n  - complete: teacher\n')
  expect(prompts.map(({ text, status }) => [text, status])).toContainEqual(['Too short', 'dropped'])
  expect(rows).toHaveLength(3)
  expect(last.funnel[0]).toMatchObject({ step: 0, of: 'prompt', reached: 4, passed: 3 })
})

test('steps that complete prompts write side by side, each in its own draws', async () => {
  const { rows, last } = await run(
    '  - complete: teacher\n    n: 2\n  - complete: teacher\n  - complete: given\n  - filter: length\n    min: 1\n',
  )
  expect(rows).toHaveLength(4 * 4)
  expect(new Set(rows.map(({ order }) => order)).size).toBe(16)
  const first = rows.filter(({ promptId }) => promptId === rows[0]?.promptId)
  expect(first.map(({ step, variant }) => [step, variant])).toEqual([
    [undefined, 0],
    [undefined, 1],
    [1, 0],
    [2, 0],
  ])
  expect(new Set(first.map(({ completion }) => completion.sampling.rngSeed)).size).toBe(4)
  const given = rows.filter(({ step }) => step === 2)
  expect(given.map(({ completion }) => completion.text)).toEqual(RECORDS.map(({ output = '' }) => output))
  expect(given.every(({ completion }) => completion.teacher.name === PERSON.name)).toBe(true)
  expect(given.at(-1)).toMatchObject({ status: 'dropped', droppedBy: 'given' })
  expect(last.funnel.map(({ name, reached, passed }) => [name, reached, passed])).toEqual([
    ['teacher', 8, 8],
    ['teacher', 4, 4],
    ['given', 4, 3],
    ['length', 15, 15],
  ])
})

test('a revision is a row of its own that later steps judge, and replaces what it revises', async () => {
  const { rows, last } = await run(
    '  - complete: teacher\n  - complete: revise\n    times: 2\n  - judge: rubric\n  - keep: threshold\n    min: 1\n',
  )
  const originals = rows.filter(({ parent }) => parent === undefined)
  const revisions = rows.filter(({ parent }) => parent !== undefined)
  expect(originals).toHaveLength(4)
  expect(revisions.length).toBeGreaterThan(3)
  for (const row of revisions) {
    expect(row.fields).toMatchObject({ critique: expect.any(String), revision: row.variant + 1 })
    expect(originals.map(({ id }) => id)).toContain(row.parent)
    expect(row.verdicts === undefined).toBe(row.status === 'dropped' && row.droppedBy === 'revise')
  }
  expect(originals.every(({ droppedBy }) => droppedBy === 'revise')).toBe(true)
  expect(last.stages.map(({ title, status }) => [title, status])).toEqual([
    ['Complete', 'done'],
    ['Critique and revise', 'done'],
    ['Judge by a rubric', 'done'],
    [expect.any(String), 'done'],
  ])
})

test('a resumed run counts what was done before it in every stage', async () => {
  const machines = await makeMachines()
  const recipe = readRecipe(
    'retort: 2\nname: Several\nrngSeed: 4\nsteps:\n  - complete: teacher\n    n: 2\n  - judge: rubric\n  - filter: length\n    min: 1\n  - compare: exact-duplicates\n  - judge: rubric\n    rubric: correctness@1\n  - keep: top\n    k: 1\n',
  )
  const project = await createProject(machines, { name: 'Several', recipeText: recipe.text })
  if (!project.ok) throw new Error('no project')
  const projectId = project.value.id
  await finish(addSeeds(machines, { projectId, source: { kind: 'text', text: 'One\nTwo\nThree' } }))
  const control = new RunControl()
  const cast = { teacher: DESCRIPTION }
  // Six completions, six verdicts; then the second judge has begun.
  machines.standIn.beforeResult = (given) => {
    if (given === 13) control.stop()
  }
  const stopped = await finish(startRun(machines, { projectId, recipe, ...cast }, control))
  expect(stopped.status).toBe('stopped')
  const [row] = await listRows(machines.db, projectId, stopped.id)
  expect(row?.decisions.map(({ name }) => name)).toEqual(['length', 'exact-duplicates'])
  let last: RunProgress | undefined
  const runId = stopped.id
  await finish(
    resumeRun(machines, { projectId, runId, ...cast }, new RunControl()),
    (progress) => (last = progress),
  )
  expect(last?.stages.map(({ title, done, total }) => [title, done, total])).toEqual([
    ['Complete', 6, 6],
    ['Judge by a rubric (helpfulness@1)', 6, 6],
    ['Length', 6, 6],
    ['Exact duplicates', 6, 6],
    ['Judge by a rubric (correctness@1)', expect.any(Number), expect.any(Number)],
    ['Keep the best', expect.any(Number), expect.any(Number)],
  ])
})

test('two rubrics leave two verdicts, and rows are kept by their mean', async () => {
  const { rows } = await run(
    '  - complete: teacher\n    n: 2\n  - judge: rubric\n  - judge: rubric\n    rubric: correctness@1\n  - keep: top\n    k: 1\n    per: prompt\n',
  )
  for (const { verdicts } of rows)
    expect(verdicts?.map(({ step, verdict }) => [step, verdict.rubric])).toEqual([
      [1, 'helpfulness@1'],
      [2, 'correctness@1'],
    ])
  expect(rows.filter(({ status }) => status === 'kept')).toHaveLength(4)
})

test.each([
  ['pair-preferred', '  - complete: teacher\n    n: 4\n  - compare: pairwise\n'],
  ['pair-revised', '  - complete: teacher\n  - complete: revise\n    times: 2\n    original: keep\n'],
] as const)('%s makes pairs whose rejected texts are frozen', async (name, steps) => {
  const { rows, freezeRun } = await run(`${steps}  - keep: ${name}\n`)
  const kept = rows.filter(({ status }) => status === 'kept')
  expect(kept.length).toBeGreaterThan(1)
  const { pairs, list } = await freezeRun()
  expect(pairs).toBe(kept.length)
  for (const row of kept) {
    const id = row.decisions.at(-1)?.decision.evidence[PREFERRED_TO]
    const other = rows.find((one) => one.id === id)
    expect(other).toMatchObject({ promptId: row.promptId, status: 'dropped', droppedBy: name })
    const frozen = list.find(({ completion }) => completion === row.completion.text)
    expect(frozen?.rejected?.completion).toBe(other?.completion.text)
  }
})

test('a template adds a field that a later filter drops rows by', async () => {
  const { rows, last } = await run(
    '  - complete: teacher\n    n: 3\n  - tag: template\n    into: tone\n    reads: choice\n    choices: warm, cold\n  - filter: field\n    field: tone\n    comparison: equals\n    value: warm\n',
  )
  const tones = rows.map(({ fields, status }) => [fields?.['tone'], status])
  expect(tones).toContainEqual(['warm', 'kept'])
  expect(tones).toContainEqual(['cold', 'dropped'])
  expect(new Set(tones.map(String))).toEqual(new Set(['warm,kept', 'cold,dropped']))
  expect(last.funnel.map(({ name, reached }) => [name, reached])).toContainEqual(['field', 12])
})

test('answers that people gave need no model, and the run says who wrote them', async () => {
  const { rows, ended, standIn } = await run(
    '  - complete: given\n  - filter: length\n    min: 1\n',
    NO_MODELS,
  )
  expect(ended).toMatchObject({ status: 'finished', teacher: PERSON })
  expect(rows.filter(({ status }) => status === 'kept')).toHaveLength(3)
  expect(standIn.resultCount).toBe(0)
})
