import { expect, test } from 'vitest'
import type { ModelCard } from '../../../src/domain/model-card.ts'
import type { ModelSource } from '../../../src/domain/model-source.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { ModelFinder } from '../../../src/state/models/model-finder.svelte.ts'
import { Teacher } from '../../../src/state/models/teacher.svelte.ts'
import { DESCRIPTION } from '../../stand-ins/teacher.ts'
import { makeEnvironment } from '../make-environment.ts'

const variant = (id: string) => ({ id, form: 'gguf' as const, bytes: 5, files: [id] })
const page = 'https://hub.example/owner/name'
const file = (path: string) => ({ path, file: new File(['x'], path.split('/').at(-1) ?? path) })

async function makeFinder(
  browse: () => Promise<{
    name: string
    commit: string
    variants: readonly ReturnType<typeof variant>[]
  }> = async () => ({ name: 'owner/name', commit: 'c', variants: [] }),
) {
  const inspected: ModelSource[] = []
  const inspect = async ({ source }: { source: ModelSource }): Promise<ModelCard> => {
    inspected.push(source)
    return DESCRIPTION.card
  }
  const env = await makeEnvironment({ teacher: { inspect, browse } })
  const teacher = new Teacher(env)
  return { finder: new ModelFinder(env, teacher), teacher, inspected }
}

test('chooses a page’s only model at once, and one of several when the person picks it', async () => {
  const one = await makeFinder(async () => ({
    name: 'owner/name',
    commit: 'c',
    variants: [variant('a.gguf')],
  }))
  await one.finder.inspectAddress(page)
  expect([one.inspected, one.teacher.choice?.name, one.finder.found]).toEqual([
    [{ kind: 'hub', url: page, variant: 'a.gguf' }],
    'owner/name',
    undefined,
  ])
  const two = await makeFinder(async () => ({
    name: 'owner/name',
    commit: 'c',
    variants: [variant('a.gguf'), variant('b.gguf')],
  }))
  await two.finder.inspectAddress(page)
  expect([two.inspected, two.finder.found?.variants.length]).toEqual([[], 2])
  await two.finder.choose(variant('b.gguf'))
  expect([two.inspected, two.teacher.choice?.name, two.finder.found?.variants.length]).toEqual([
    [{ kind: 'hub', url: page, variant: 'b.gguf' }],
    'b.gguf',
    2,
  ])
  await two.finder.inspectAddress(`${page}/blob/main/a.gguf`)
  expect(two.inspected.at(-1)).toEqual({ kind: 'hub', url: `${page}/blob/main/a.gguf`, variant: 'a.gguf' })
})

test('inspects a file’s address directly, and reports an invalid or empty address', async () => {
  const { finder, inspected } = await makeFinder()
  await finder.inspectAddress('https://example.org/a%20b.gguf')
  expect(inspected).toEqual([{ kind: 'url', url: 'https://example.org/a%20b.gguf' }])
  await finder.inspectAddress('hello')
  expect(finder.problem).toContain('does not start with https://')
  await finder.inspectAddress(page)
  expect(finder.problem).toContain('owner/name has no model that can be read here')
  const closed = await makeFinder(() => Promise.reject(new RetortError('ModelRefused', 'Closed.')))
  await closed.finder.inspectAddress(page)
  expect([closed.finder.browsing.error, closed.finder.problem]).toEqual(['Closed.', undefined])
})

test('the last listing wins, even if an earlier one responds later', async () => {
  const release: ((name: string) => void)[] = []
  const { finder, inspected } = await makeFinder(
    () =>
      new Promise((resolve) =>
        release.push((id) => resolve({ name: 'owner/name', commit: 'c', variants: [variant(id)] })),
      ),
  )
  const first = finder.inspectAddress(page)
  const second = finder.inspectAddress(`${page}-2`)
  release[1]?.('second.gguf')
  release[0]?.('first.gguf')
  await Promise.all([first, second])
  expect(inspected).toEqual([{ kind: 'hub', url: `${page}-2`, variant: 'second.gguf' }])
})

test('picked files become one file, the parts of a model, or a folder without unneeded files', async () => {
  const { finder, inspected } = await makeFinder()
  await finder.inspectFiles([file('a.gguf')])
  await finder.inspectFiles([file('m-00001-of-00002.gguf'), file('m-00002-of-00002.gguf')])
  await finder.inspectFiles(
    [file('config.json'), file('.git/x'), file('model.safetensors'), file('notes.txt')],
    'my model',
  )
  expect(
    inspected.map((source) =>
      source.kind === 'files' ? [source.name, source.files.map(({ path }) => path)] : source.kind,
    ),
  ).toEqual([
    'file',
    ['m.gguf', ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf']],
    ['my model', ['config.json', 'model.safetensors']],
  ])
  await finder.inspectFiles([file('a.gguf'), file('b.gguf')], 'both')
  expect(finder.found?.variants.map(({ id }) => id)).toEqual(['a.gguf', 'b.gguf'])
  await finder.choose(variant('b.gguf'))
  expect(inspected.at(-1)).toMatchObject({ kind: 'file' })
  await finder.inspectFiles([file('a.png')], 'pictures')
  expect(finder.problem).toContain('“pictures” has no model')
})
