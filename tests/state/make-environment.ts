// Knows: stand-ins for the environment of the state: an empty store, workers with a test's methods, local storage, a list of downloads.
import 'fake-indexeddb/auto'
import type { Download, Machines } from '../../src/actions/machines.ts'
import type { Role } from '../../src/domain/role.ts'
import type { Environment } from '../../src/state/app/environment.ts'
import { installPrivateFiles, PrivateFiles } from '../stand-ins/private-files.ts'
import { loadRecipeText } from '../../src/state/project/recipe-text.svelte.ts'
import { NetworkLog } from '../../src/state/app/network-log.svelte.ts'
import { openDatabase } from '../../src/storage/database.ts'

/** A worker with only the given methods; calling another one throws, since it is a mistake in the test. */
const only = <T extends object>(methods: Partial<T>): T =>
  new Proxy(methods as T, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name)
      if (method === undefined) throw new Error(`this test defines no ${String(name)}`)
      return method
    },
  })

export interface TestEnvironment extends Environment {
  readonly delivered: Download[]
  readonly memory: Pick<Storage, 'getItem' | 'setItem'>
}

let made = 0

export async function makeEnvironment(
  workers: {
    teacher?: Partial<Machines['teacher']>
    /** The machines of models of other roles. */
    others?: Readonly<Record<Role, Partial<Machines['teacher']>>>
    student?: Partial<Machines['student']>
    corpus?: Partial<Machines['corpus']>
  } = {},
): Promise<TestEnvironment> {
  // As on every screen that shows a recipe.
  await loadRecipeText()
  installPrivateFiles(new PrivateFiles())
  const items = new Map<string, string>()
  const delivered: Download[] = []
  let clock = 1_000_000
  const teacher = only<Machines['teacher']>(workers.teacher ?? {})
  const others = new Map<Role, Machines['teacher']>()
  return {
    machines: {
      db: await openDatabase(`state ${made++}`),
      teacher,
      models: {
        of: (role) => {
          if (role === 'teacher') return teacher
          const machine = others.get(role) ?? only<Machines['teacher']>(workers.others?.[role] ?? {})
          others.set(role, machine)
          return machine
        },
        list: () => [teacher, ...others.values()],
      },
      student: only<Machines['student']>(workers.student ?? {}),
      corpus: only<Machines['corpus']>(workers.corpus ?? {}),
      now: () => clock++,
    },
    window,
    root: document.createElement('html'),
    memory: { getItem: (key) => items.get(key) ?? null, setItem: (key, value) => void items.set(key, value) },
    fetch: async () => new Response('[]', { headers: { 'content-type': 'application/json' } }),
    page: 'http://localhost/',
    wasDiscarded: false,
    traffic: new NetworkLog(),
    deliver: (download) => void delivered.push(download),
    delivered,
  }
}
