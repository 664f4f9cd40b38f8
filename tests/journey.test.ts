// The whole workflow in Node, with the program's own actions, worker code, engine and storage; only the teacher is a stand-in.
import { strFromU8, unzipSync } from 'fflate'
import { expect, test } from 'vitest'
import { compareStudents } from '../src/actions/students/compare-students.ts'
import { RunControl } from '../src/actions/control.ts'
import { downloadDataCard } from '../src/actions/exports/download-data-card.ts'
import { downloadDataset } from '../src/actions/exports/download-dataset.ts'
import { downloadRecipe } from '../src/actions/exports/download-recipe.ts'
import { downloadStudent } from '../src/actions/exports/download-student.ts'
import { freezeDataset } from '../src/actions/datasets/freeze-dataset.ts'
import { openProject } from '../src/actions/projects/open-project.ts'
import { saveProject } from '../src/actions/projects/save-project.ts'
import { startRun } from '../src/actions/run/run-recipe.ts'
import { trainStudent } from '../src/actions/students/train-student.ts'
import { readSteps } from '../src/pipeline/recipes/read-steps.ts'
import { listDatasetRows } from '../src/storage/datasets.ts'
import { makeSmallProject, readRecipe } from './actions/small-project.ts'
import { finish, makeMachines } from './stand-ins/machines.ts'
import { installPrivateFiles, PrivateFiles } from './stand-ins/private-files.ts'
import { DESCRIPTION } from './stand-ins/teacher.ts'

test(
  'turns seeds into a run, a dataset, a student, a comparison and files',
  { timeout: 120_000 },
  async () => {
    const uninstall = installPrivateFiles(new PrivateFiles())
    const machines = await makeMachines()
    const projectId = await makeSmallProject(machines)
    const recipe = readRecipe()
    const run = await finish(
      startRun(machines, { projectId, recipe, teacher: DESCRIPTION }, new RunControl()),
    )
    expect(run.status).toBe('finished')

    const frozen = await finish(freezeDataset(machines, { projectId, runId: run.id }))
    if (!frozen.ok) throw new Error(JSON.stringify(frozen.problems))
    const dataset = frozen.value
    const rows = await listDatasetRows(machines.db, projectId, dataset.id)
    expect(rows.length).toBe(dataset.rows.train + dataset.rows.heldOut)
    expect(dataset.rows.heldOut).toBeGreaterThan(0)

    const settings = readSteps(recipe).train!.settings
    const student = await finish(
      trainStudent(
        machines,
        { projectId, datasetId: dataset.id, settings, backend: 'wasm' },
        new RunControl(),
      ),
    )
    expect(student).toMatchObject({ status: 'trained', checkpointStep: 6 })
    expect(student.points.at(-1)?.heldOut).toBeGreaterThan(0)

    const compared = await finish(
      compareStudents(machines, { projectId, studentId: student.id, teacher: DESCRIPTION, prompts: 5 }),
    )
    expect(compared.ok && compared.value.prompts.length).toBe(
      Math.min(5, new Set(rows.filter(({ split }) => split === 'held-out').map(({ prompt }) => prompt)).size),
    )

    for (const format of ['messages', 'prompt-completion', 'alpaca', 'csv'] as const) {
      const { blob } = await downloadDataset(machines, { projectId, datasetId: dataset.id, format })
      const text = await blob.text()
      for (const { completion } of rows) expect(text).toContain(completion)
    }
    expect(await (await downloadRecipe(machines, { projectId })).blob.text()).toContain('grow: self-instruct')
    expect(
      await (await downloadDataCard(machines, { projectId, datasetId: dataset.id })).blob.text(),
    ).toContain(dataset.id)
    const zip = unzipSync(
      new Uint8Array(
        await (
          await downloadStudent(machines, { projectId, studentId: student.id, format: 'huggingface' })
        ).blob.arrayBuffer(),
      ),
    )
    expect(
      Object.keys(zip)
        .filter((path) => !path.endsWith('/'))
        .map((path) => path.split('/').at(-1))
        .toSorted(),
    ).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    const gguf = new Uint8Array(
      await (
        await downloadStudent(machines, { projectId, studentId: student.id, format: 'gguf' })
      ).blob
        .slice(0, 4)
        .arrayBuffer(),
    )
    expect(strFromU8(gguf)).toBe('GGUF')

    const { blob } = await finish(saveProject(machines, { projectId }))
    const opened = await finish(openProject(machines, { file: new File([blob], 'small.retort') }))
    expect(opened.ok).toBe(true)
    uninstall()
  },
)
