import { expect, test } from 'vitest'
import { Projects } from '../../../src/state/app/projects.svelte.ts'
import { listProjects } from '../../../src/storage/projects.ts'
import { installPrivateFiles, PrivateFiles } from '../../stand-ins/private-files.ts'
import { makeEnvironment } from '../make-environment.ts'

test('new projects get distinct names', async () => {
  const projects = new Projects(await makeEnvironment())
  for (let i = 0; i < 3; i++) await projects.create()
  expect(projects.list.map((project) => project.name).toSorted()).toEqual([
    'Untitled',
    'Untitled 2',
    'Untitled 3',
  ])
})

test('an invalid name is refused with a sentence and the old one stays', async () => {
  const projects = new Projects(await makeEnvironment())
  const project = await projects.create('Shop')
  expect(await projects.rename(project!.id, '  ')).toMatch(/needs a name/)
  expect(projects.list[0]?.name).toBe('Shop')
  expect(await projects.rename(project!.id, ' Shoe  shop ')).toBeUndefined()
  expect(projects.list[0]?.name).toBe('Shoe shop')
})

test('a copy is listed with its original under another name', async () => {
  const projects = new Projects(await makeEnvironment())
  const project = await projects.create('Shop')
  await projects.duplicate(project!.id)
  expect(projects.list.map(({ name }) => name).toSorted()).toEqual(['Shop', 'Shop 2'])
  expect(projects.sentence).toContain('Shop 2')
})

test('a deleted project leaves the list at once and is restored by undo', async () => {
  const env = await makeEnvironment()
  const projects = new Projects(env)
  const project = await projects.create('Shop')
  await projects.delete(project!.id)
  expect(projects.list).toEqual([])
  await projects.undo.use()
  expect(projects.list.map(({ id }) => id)).toEqual([project!.id])
})

test('a deletion that was not undone is final at the next visit', async () => {
  const env = await makeEnvironment()
  const first = new Projects(env)
  const project = await first.create('Shop')
  await first.create('Other')
  await first.delete(project!.id)
  const second = new Projects(env)
  await second.refresh()
  expect(second.list.map(({ name }) => name)).toEqual(['Other'])
  expect((await listProjects(env.machines.db)).map(({ name }) => name)).toEqual(['Other'])
})

test('a deletion that fails at the next visit keeps the project hidden and the list open', async () => {
  const env = await makeEnvironment()
  const first = new Projects(env)
  const project = await first.create('Shop')
  await first.delete(project!.id)
  installPrivateFiles(undefined)
  const second = new Projects(env)
  await second.refresh()
  expect(second.list).toEqual([])
  installPrivateFiles(new PrivateFiles())
  const third = new Projects(env)
  await third.refresh()
  expect(await listProjects(env.machines.db)).toEqual([])
  expect(env.memory.getItem('retort deleting')).toBe('')
})

test('a file that is refused leaves its reasons and no project', async () => {
  const env = await makeEnvironment({
    corpus: {
      openProject: async () => ({ ok: false, problems: [{ sentence: '`a.bin` is not a project.' }] }),
    },
  })
  const projects = new Projects(env)
  expect(await projects.open(new File(['x'], 'a.bin'))).toBeUndefined()
  expect(projects.problems[0]?.sentence).toContain('not a project')
})

test('a saved project is downloaded under its name', async () => {
  const env = await makeEnvironment({
    corpus: {
      saveProject: async () => ({ name: 'shop.retort', bytes: new Uint8Array(3), mime: 'application/zip' }),
    },
  })
  const projects = new Projects(env)
  const project = await projects.create('Shop')
  await projects.save(project!.id)
  expect(env.delivered.map(({ name, blob }) => [name, blob.size])).toEqual([['shop.retort', 3]])
  expect(projects.sentence).toContain('shop.retort')
})
