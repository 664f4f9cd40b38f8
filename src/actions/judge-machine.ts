// Knows: when the worker of the judge's own model runs: from the choice of a model until it is unloaded.
// Must not know: how a worker is started, what a model is.
import type { Remote } from '../protocol/contract.ts'
import type { SupervisedWorker } from '../protocol/supervised-worker.ts'
import type { TeacherContract } from '../protocol/teacher.ts'

/**
 * The methods of `remote`, which calls `worker`. Unloading ends the worker, so that all of its memory is free again; neither that nor a
 * question for the loaded model starts one.
 */
export function judgeMachine(
  remote: Remote<TeacherContract>,
  worker: Pick<SupervisedWorker<TeacherContract>, 'alive' | 'terminate'>,
): Remote<TeacherContract> {
  const changed: Pick<Remote<TeacherContract>, 'describe' | 'unload'> = {
    describe: async (request, options) => (worker.alive ? remote.describe(request, options) : null),
    unload: async (request, options) => {
      if (!worker.alive) return null
      try {
        return await remote.unload(request, options)
      } finally {
        worker.terminate('The judge’s model was unloaded.')
      }
    },
  }
  return new Proxy(remote, {
    get: (target, name) => Reflect.get(changed, name) ?? Reflect.get(target, name),
  })
}
