// Knows: stand-ins for the world around the state: an empty store, workers that answer what a test says, a memory, a catcher of files.
import 'fake-indexeddb/auto'
import type { Download, Machines } from '../../src/actions/machines.ts'
import type { Surroundings } from '../../src/state/surroundings.ts'
import { installPrivateFiles, PrivateFiles } from '../stand-ins/private-files.ts'
import { openDatabase } from '../../src/storage/database.ts'

/** A worker of which only the given methods exist; another one asked for is a test's mistake and says so. */
const only = <T extends object>(methods: Partial<T>): T =>
  new Proxy(methods as T, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name)
      if (method === undefined) throw new Error(`this test gives no ${String(name)}`)
      return method
    },
  })

export interface Around extends Surroundings {
  readonly delivered: Download[]
  readonly memory: Pick<Storage, 'getItem' | 'setItem'>
}

let made = 0

export async function makeAround(
  workers: {
    teacher?: Partial<Machines['teacher']>
    student?: Partial<Machines['student']>
    corpus?: Partial<Machines['corpus']>
  } = {},
): Promise<Around> {
  installPrivateFiles(new PrivateFiles())
  const kept = new Map<string, string>()
  const delivered: Download[] = []
  let clock = 1_000_000
  return {
    machines: {
      db: await openDatabase(`state ${made++}`),
      teacher: only<Machines['teacher']>(workers.teacher ?? {}),
      student: only<Machines['student']>(workers.student ?? {}),
      corpus: only<Machines['corpus']>(workers.corpus ?? {}),
      now: () => clock++,
    },
    window,
    root: document.createElement('html'),
    memory: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) },
    fetch: async () => new Response('[]', { headers: { 'content-type': 'application/json' } }),
    page: 'http://localhost/',
    wasDiscarded: false,
    deliver: (download) => void delivered.push(download),
    delivered,
  }
}
