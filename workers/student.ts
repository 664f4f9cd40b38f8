// Knows: the student's contract, served: trains, writes and exports students, one training at a time. A thin shell: the work is in student/.
import type { Backend } from '../src/domain/model.ts'
import { openRuntime } from '../src/engine/runtime/open.ts'
import type { Runtime } from '../src/engine/runtime/types.ts'
import { RetortError } from '../src/protocol/errors.ts'
import { serveSelf } from '../src/protocol/serve-self.ts'
import type { StudentContract } from '../src/protocol/student.ts'
import { makeBrowserStores } from './student/browser-stores.ts'
import { StudentWriter } from './student/complete.ts'
import { exportStudent } from './student/export.ts'
import { listTraces } from './student/list-traces.ts'
import { withNamedFaults } from './student/faults.ts'
import { borrowTeacher } from './student/borrowed-teacher.ts'
import { selfCheck } from './student/self-check.ts'
import { train } from './student/train.ts'

const stores = makeBrowserStores()
/** A realm runs one build of the runtime; what writes uses the one that training has opened. */
let runtime: Runtime | undefined
const open = async (backend: Backend): Promise<Runtime> => {
  if (runtime?.backend === backend) return runtime
  runtime = await openRuntime({ backend })
  return runtime
}
const writer = new StudentWriter(stores, async () => runtime ?? open('wasm'))
let training = false

serveSelf<StudentContract>({
  async train(request, call) {
    if (training)
      throw new RetortError(
        'Busy',
        'A student is being trained already. Stop it or wait for its end, then train the next one.',
      )
    training = true
    const borrowed = request.lent && borrowTeacher(request.lent)
    try {
      await writer.close() // its memory is wanted
      return await train(request, call, {
        stores,
        openRuntime: open,
        now: () => performance.now(),
        ...(borrowed ? { teacher: borrowed } : {}),
      })
    } finally {
      borrowed?.close()
      training = false
    }
  },
  check: ({ backend }, call) =>
    withNamedFaults('the self-check', () =>
      selfCheck(backend, call, (which) => openRuntime({ backend: which })),
    ),
  complete: (request, call) => writer.complete(request, call),
  export: (request) => exportStudent(request, stores),
  listTraces,
})
