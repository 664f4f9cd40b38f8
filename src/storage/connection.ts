// Knows: how a connection to the database that the browser closed is opened again, once per operation, and the operation repeated.
// Safari does this to tabs in the background; every browser does it when its storage process restarts.
// Must not know: which stores there are.
import type { DBSchema, IDBPDatabase } from 'idb'
import { databaseInTime } from './response-limit.ts'

type Repeat = <T>(work: () => Promise<T>) => Promise<T>
const repeats = new WeakMap<object, Repeat>()

/** The database's calls that run in a transaction of their own. */
const SHORTCUTS: ReadonlySet<PropertyKey> = new Set(
  'get getKey getAll getAllKeys count put add delete clear getFromIndex getKeyFromIndex getAllFromIndex getAllKeysFromIndex countFromIndex'.split(
    ' ',
  ),
)

const nameOf = (thrown: unknown): string => (thrown instanceof DOMException ? thrown.name : '')

/**
 * The connection, replaced by a new one of `open` when the browser closed it: the call that finds it closed is repeated once. After
 * `close` it stays closed. A caller's own transaction is repeated by `transact` (transactions.ts). What `open` throws is passed on. A call to
 * which the browser does not respond throws `StorageFailed`.
 */
export function keepConnected<S extends DBSchema>(
  first: IDBPDatabase<S>,
  open: () => Promise<IDBPDatabase<S>>,
): IDBPDatabase<S> {
  let current = first
  let isClosed = false
  let reopening: Promise<void> | undefined
  const lost = new WeakSet<object>()
  const watch = (connection: IDBPDatabase<S>): void =>
    connection.addEventListener('close', () => lost.add(connection))
  watch(first)

  /** Whether the work failed because its connection was closed; it stored nothing then. */
  const wasLost = async (thrown: unknown, used: IDBPDatabase<S>): Promise<boolean> => {
    // No transaction can be created any more; or, in Safari, “Connection to Indexed Database server lost”.
    if (nameOf(thrown) === 'InvalidStateError' || nameOf(thrown) === 'UnknownError') return true
    if (nameOf(thrown) !== 'AbortError') return false
    await new Promise((resolve) => setTimeout(resolve)) // the browser aborts transactions before it reports the end of their connection
    return lost.has(used)
  }
  const reopen = (): Promise<void> =>
    (reopening ??= open()
      .then((connection) => {
        current = connection
        watch(connection)
        if (isClosed) connection.close()
      })
      .finally(() => (reopening = undefined)))
  const repeat: Repeat = async (work) => {
    const used = current
    try {
      return await work()
    } catch (thrown) {
      if (isClosed || !(await wasLost(thrown, used))) throw thrown
      if (current === used) await reopen()
      return work()
    }
  }

  const own = { transaction: (...args: unknown[]) => Reflect.apply(current.transaction, current, args) }
  // The proxy has every property of the connection.
  const kept = new Proxy(own as object as IDBPDatabase<S>, {
    get(target, name) {
      if (Object.hasOwn(target, name)) return Reflect.get(target, name)
      if (name === 'close')
        return () => {
          isClosed = true
          current.close()
        }
      const value: unknown = Reflect.get(current, name)
      if (typeof value !== 'function') return value
      if (!SHORTCUTS.has(name)) return value.bind(current)
      return (...args: unknown[]) =>
        repeat(() =>
          databaseInTime(async () =>
            Reflect.apply(Reflect.get(current, name) as typeof value, current, args),
          ),
        )
    },
  })
  repeats.set(kept, repeat)
  return kept
}

/** Does the work, which uses the connection, once more on a new connection if the browser closed this one. */
export const repeatIfLost = <T>(connection: object, work: () => Promise<T>): Promise<T> =>
  repeats.get(connection)?.(work) ?? work()
