// A page that the browser threw away to save memory: its training goes on by itself, what someone had paused rests.
import { expect, test, vi } from 'vitest'
import { App } from '../../src/state/app.svelte.ts'
import { hrefOf } from '../../src/state/route.svelte.ts'
import { getStudent, patchStudent } from '../../src/storage/students.ts'
import { storeSampleProject } from '../stand-ins/sample-project.ts'
import { makeAround } from './make-around.ts'

const scope = { navigator: { hardwareConcurrency: 2 }, crossOriginIsolated: true }

async function openAgain(status: 'training' | 'paused', wasDiscarded: boolean) {
  const train = vi.fn(async () => ({ ending: 'finished' as const, step: 20 }))
  const around = await makeAround({ student: { train }, teacher: { describe: async () => null } })
  const { project, student } = await storeSampleProject(around.machines.db)
  await patchStudent(around.machines.db, project.id, student.id, { status, checkpointStep: 12 })
  around.window.location.hash = hrefOf(project.id, 'student')
  const app = new App({ ...around, wasDiscarded })
  await app.start(scope)
  const students = app.workspaceOf(project.id)?.students
  if (!students) throw new Error('the project did not open')
  await vi.waitFor(() => expect(students.list).toHaveLength(1))
  return { train, students, stored: () => getStudent(around.machines.db, project.id, student.id) }
}

test('goes on from its checkpoint and says so', async () => {
  const { train, students, stored } = await openAgain('training', true)
  await vi.waitFor(() => expect(train).toHaveBeenCalledOnce())
  expect(students.note).toBe(
    'The browser had put this page away to save memory. The training goes on by itself from step 12.',
  )
  await vi.waitFor(async () => expect((await stored())?.status).toBe('trained'))
})

test('that someone had paused, or whose page was closed by hand, waits to be asked', async () => {
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
