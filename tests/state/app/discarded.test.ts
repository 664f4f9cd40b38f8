// A page that the browser discarded to save memory: its training resumes automatically, a paused one does not.
import { expect, test, vi } from 'vitest'
import { App } from '../../../src/state/app/app.svelte.ts'
import { hrefOf } from '../../../src/state/app/route.svelte.ts'
import { getStudent, patchStudent } from '../../../src/storage/students.ts'
import { storeSampleProject } from '../../stand-ins/sample-project.ts'
import { makeEnvironment } from '../make-environment.ts'

const scope = { navigator: { hardwareConcurrency: 2 }, crossOriginIsolated: true }

async function openAgain(status: 'training' | 'paused', wasDiscarded: boolean) {
  const train = vi.fn(async () => ({ outcome: 'finished' as const, step: 20 }))
  const env = await makeEnvironment({ student: { train }, teacher: { describe: async () => null } })
  const { project, student } = await storeSampleProject(env.machines.db)
  await patchStudent(env.machines.db, project.id, student.id, { status, checkpointStep: 12 })
  env.window.location.hash = hrefOf(project.id, 'student')
  const app = new App({ ...env, wasDiscarded })
  await app.start(scope)
  const students = app.workspaceOf(project.id)?.students
  if (!students) throw new Error('the project did not open')
  await vi.waitFor(() => expect(students.list).toHaveLength(1))
  return { train, students, stored: () => getStudent(env.machines.db, project.id, student.id) }
}

test('a training resumes from its checkpoint after the page was discarded, and a note reports it', async () => {
  const { train, students, stored } = await openAgain('training', true)
  await vi.waitFor(() => expect(train).toHaveBeenCalledOnce())
  expect(students.note).toBe(
    'The browser unloaded this page to save memory. Training resumed automatically from step 12.',
  )
  await vi.waitFor(async () => expect((await stored())?.status).toBe('trained'))
})

test('a paused training, or one whose page was closed by hand, does not resume automatically', async () => {
  for (const [status, wasDiscarded] of [
    ['paused', true],
    ['training', false],
  ] as const) {
    const { train, students } = await openAgain(status, wasDiscarded)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(train).not.toHaveBeenCalled()
    expect(students.note).toBeUndefined()
    expect(students.interrupted).toBeDefined()
  }
})
