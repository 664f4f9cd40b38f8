// Knows: how the student's contract is served: it trains, runs and exports students, one training at a time. A thin shell: the work is in student/.
import { workNow } from '../src/domain/work-clock.ts'
import type { Backend } from '../src/domain/machine.ts'
import { openRuntime } from '../src/engine/runtime/open.ts'
import type { Runtime } from '../src/engine/runtime/types.ts'
import { RetortError } from '../src/protocol/errors.ts'
import { serveSelf } from '../src/protocol/serve-self.ts'
import type { StudentContract } from '../src/protocol/student.ts'
import { makeBrowserStores } from './student/browser-stores.ts'
import { StudentCompleter } from './student/complete.ts'
import { exportStudent } from './student/export.ts'
import { listSoftTargets } from './student/list-soft-targets.ts'
import { withNamedErrors } from './student/named-errors.ts'
import { borrowTeacher } from './student/borrowed-teacher.ts'
import { selfCheck } from './student/self-check.ts'
import { train } from './student/train.ts'
import { closePageKernels, openPageKernels } from './teachers/kernels.ts'
import { watchStartsFromPage } from './watch-starts.ts'

watchStartsFromPage()
const stores = makeBrowserStores()
/** A worker runs one build of the runtime; completions use the one that training opened. */
let runtime: Runtime | undefined
const open = async (backend: Backend): Promise<Runtime> => {
  if (runtime?.backend === backend) return runtime
  runtime = await openRuntime({ backend })
  return runtime
}
const completer = new StudentCompleter(stores, {
  openRuntime: async () => runtime ?? open('wasm'),
  openKernels: (threads) =>
    runtime?.backend === 'webgpu'
      ? Promise.reject(new Error('A student that was trained on the graphics card is completed on it.'))
      : openPageKernels(threads),
})
let training = false

serveSelf<StudentContract>({
  async train(request, call) {
    if (training)
      throw new RetortError(
        'Busy',
        'A student is already being trained. Stop it or wait until it ends, then train the next one.',
      )
    training = true
    const borrowed = request.lent && borrowTeacher(request.lent)
    try {
      // Training needs their memory.
      await completer.close()
      await closePageKernels()
      return await train(request, call, {
        stores,
        openRuntime: open,
        now: workNow,
        ...(borrowed ? { teacher: borrowed } : {}),
      })
    } finally {
      borrowed?.close()
      training = false
    }
  },
  check: ({ backend }, call) =>
    withNamedErrors('running the self-check', () =>
      selfCheck(backend, call, (which) => openRuntime({ backend: which })),
    ),
  complete: (request, call) => completer.complete(request, call),
  export: (request) => exportStudent(request, stores),
  listSoftTargets,
})
