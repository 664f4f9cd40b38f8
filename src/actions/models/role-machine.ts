// Knows: when the worker of a role's own model runs: from the choice of a model until it is unloaded. The table of these workers.
// Must not know: how a worker is started, what a model is.
import type { Role } from '../../domain/role.ts'
import type { Remote } from '../../protocol/contract.ts'
import type { SupervisedWorker } from '../../protocol/supervised-worker.ts'
import type { TeacherContract } from '../../protocol/teacher.ts'

/** A worker for a model of its own, and how it is called. */
export interface RoleWorker {
  readonly remote: Remote<TeacherContract>
  readonly worker: Pick<SupervisedWorker<TeacherContract>, 'alive' | 'terminate'>
}

/** Called after a model was loaded or unloaded, whoever did it. */
export type OnChange = (role: Role) => void

/** The machines that models of roles are loaded in: one for each role. */
export interface RoleMachines {
  /** The same one for the same role. None is started before it is called. */
  of(role: Role): Remote<TeacherContract>
  /** The teacher's, and those of roles that had a model since the page was opened. */
  list(): readonly Remote<TeacherContract>[]
}

/** Why the requests of a worker end whose model a person unloaded. */
export const reasonOfUnloading = (role: Role): string => `The model of the ${role} was unloaded.`

/** Milliseconds between unloading a model and the end of its worker. */
const LAST_WORDS = 300

/**
 * The methods of `remote`, which calls `worker`. Unloading ends the worker, so that all of its memory is free again; neither that nor a
 * question for the loaded model starts one.
 */
export function roleMachine(
  role: Role,
  { remote, worker }: RoleWorker,
  onChange: OnChange = () => undefined,
): Remote<TeacherContract> {
  /** While the model is unloaded and its worker ends: what is requested meanwhile is for the next worker. */
  let ending: Promise<void> | undefined
  const end = async (...call: Parameters<Remote<TeacherContract>['unload']>): Promise<void> => {
    try {
      await remote.unload(...call)
    } finally {
      // Whoever borrowed the model hears from its worker that it was unloaded.
      await new Promise((resolve) => setTimeout(resolve, LAST_WORDS))
      worker.terminate(reasonOfUnloading(role))
      ending = undefined
      onChange(role)
    }
  }
  const whenEnded = async (): Promise<void> => ending?.catch(() => undefined)
  const changed: Pick<Remote<TeacherContract>, 'describe' | 'load' | 'inspect' | 'unload'> = {
    describe: async (request, options) =>
      worker.alive && ending === undefined ? remote.describe(request, options) : null,
    inspect: async (request, options) => {
      await whenEnded()
      return remote.inspect(request, options)
    },
    load: async (request, options) => {
      await whenEnded()
      try {
        return await remote.load(request, options)
      } finally {
        onChange(role)
      }
    },
    unload: async (request, options) => {
      if (!worker.alive) return null
      ending ??= end(request, options)
      await ending
      return null
    },
  }
  return new Proxy(remote, {
    get: (target, name) => Reflect.get(changed, name) ?? Reflect.get(target, name),
  })
}

/** Makes the worker of a role without starting it. */
export type OpenRole = (role: Role) => RoleWorker

/** The machines of all roles; the teacher's is there already. */
export function roleMachines(
  teacher: Remote<TeacherContract>,
  open: OpenRole,
  onChange?: OnChange,
): RoleMachines {
  const machines = new Map<Role, Remote<TeacherContract>>([['teacher', teacher]])
  return {
    of(role) {
      const machine = machines.get(role) ?? roleMachine(role, open(role), onChange)
      machines.set(role, machine)
      return machine
    },
    list: () => [...machines.values()],
  }
}
