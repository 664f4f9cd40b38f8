// Knows: machines for actions in Node: stand-ins for the teacher and the judge on real channels, and the corpus worker's and the student worker's own code.
import 'fake-indexeddb/auto'
import { roleMachines } from '../../src/actions/models/role-machine.ts'
import type { Machines } from '../../src/actions/machines.ts'
import type { Role } from '../../src/domain/role.ts'
import type { Served } from '../../src/protocol/channel.ts'
import type { CorpusContract } from '../../src/protocol/corpus.ts'
import type { StudentContract } from '../../src/protocol/student.ts'
import type { TeacherContract } from '../../src/protocol/teacher.ts'
import { openWorker, type SupervisedWorker } from '../../src/protocol/supervised-worker.ts'
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { getDataset, listDatasetRows } from '../../src/storage/datasets.ts'
import { softTargetFiles } from '../../src/storage/files.ts'
import { addSeeds } from '../../workers/corpus/add-seeds.ts'
import { exportDataset } from '../../workers/corpus/export-dataset.ts'
import { freeze } from '../../workers/corpus/freeze.ts'
import { NoveltyPools } from '../../workers/corpus/novelty-pools.ts'
import { openProject } from '../../workers/corpus/open-project.ts'
import { saveProject, sizeReplies } from '../../workers/corpus/save-project.ts'
import { borrowTeacher } from '../../workers/student/borrowed-teacher.ts'
import { StudentCompleter } from '../../workers/student/complete.ts'
import { exportStudent } from '../../workers/student/export.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { StudentStores } from '../../workers/student/stores.ts'
import { selfCheck } from '../../workers/student/self-check.ts'
import { listSoftTargets } from '../../workers/student/list-soft-targets.ts'
import { train } from '../../workers/student/train.ts'
import { openTestRuntime } from '../engine/session.ts'
import { describeAs, OTHER, TeacherStandIn } from './teacher.ts'
import { WorkerStandIn } from './worker.ts'

const NOW = 1_760_000_000_000
let databases = 0

export interface TestMachines extends Machines {
  readonly standIn: TeacherStandIn
  /** The judge's own model. */
  readonly judgeStandIn: TeacherStandIn
  /** The model of a role's own. */
  readonly standInOf: (role: Role) => TeacherStandIn
  /** Names of the novelty pools that the corpus worker holds. */
  readonly poolNames: () => readonly string[]
  /** Bytes of checkpoints by student. */
  readonly checkpoints: Map<string, Uint8Array>
  /** Lets the worker of a role's model, or that of the student, die. */
  kill(which: Role): void
}

/** The corpus worker's methods on the given store. */
function serveCorpus(db: Database, pools: NoveltyPools): Served<CorpusContract> {
  return {
    addSeeds: (request, call) => addSeeds(db, request, call, NOW),
    novelty: async ({ pool, threshold, candidates }) => pools.decide(pool, candidates, threshold),
    remember: async ({ pool, texts, reset }) => {
      pools.remember(pool, texts, reset)
      return null
    },
    forget: async ({ pool }) => {
      pools.forget(pool)
      return null
    },
    freeze: (request, call) => freeze(db, request, call, NOW),
    exportDataset: (request) => exportDataset(db, request),
    sizeReplies: (request) => sizeReplies(db, request),
    saveProject: (request, call) => saveProject(db, request, call, NOW),
    openProject: (request, call) => openProject(db, request, call, NOW),
  }
}

/** The student worker's methods; rows from the store, checkpoints in a map. */
function serveStudent(db: Database, checkpoints: Map<string, Uint8Array>): Served<StudentContract> {
  const stores: StudentStores = {
    readRows: async (projectId, datasetId) =>
      (await getDataset(db, projectId, datasetId)) && listDatasetRows(db, projectId, datasetId),
    readDropped: async () => [],
    readAnswers: async () => new Map(),
    openModel: async () => {
      throw new RetortError('ModelMissing', 'No model is stored here.')
    },
    readSoftTargets: (projectId, name) => softTargetFiles.read(projectId, name),
    readCheckpoint: async (_project, student) => checkpoints.get(student),
    writeCheckpoint: async (_project, student, bytes) => void checkpoints.set(student, bytes),
  }
  const writer = new StudentCompleter(stores, { openRuntime: openTestRuntime })
  return {
    train: async (request, call) => {
      const teacher = request.lent && borrowTeacher(request.lent)
      try {
        return await train(request, call, {
          stores,
          openRuntime: openTestRuntime,
          now: () => performance.now(),
          ...(teacher ? { teacher } : {}),
        })
      } finally {
        teacher?.close()
      }
    },
    complete: (request, call) => writer.complete(request, call),
    export: (request) => exportStudent(request, stores),
    listSoftTargets: listSoftTargets,
    check: ({ backend }, call) => selfCheck(backend, call, openTestRuntime),
  }
}

/** New machines on a new store, or on the given one, as after a page reload. `student` replaces the real student worker. */
export async function makeMachines({
  db,
  student,
  checkpoints = new Map(),
}: {
  db?: Database
  student?: Served<StudentContract>
  checkpoints?: Map<string, Uint8Array>
} = {}): Promise<TestMachines> {
  const store = db ?? (await openDatabase(`machines ${databases++}`))
  const standIn = new TeacherStandIn()
  const standIns = new Map([
    ['teacher', standIn],
    ['judge', new TeacherStandIn(OTHER)],
  ])
  const standInOf = (role: Role): TeacherStandIn => {
    const found = standIns.get(role) ?? new TeacherStandIn(describeAs(role))
    standIns.set(role, found)
    return found
  }
  const workers = new Map<Role, { breakDown(reason: string): void }>()
  let now = NOW
  const running: {
    pools?: NoveltyPools
  } = {}
  const start = <C>(role: Role, worker: WorkerStandIn<C>): WorkerStandIn<C> => {
    workers.set(role, worker)
    return worker
  }
  const openModel = (role: Role): SupervisedWorker<TeacherContract> =>
    openWorker(() => start(role, new WorkerStandIn<TeacherContract>(standInOf(role))))
  const teacher = openModel('teacher').remote
  const studentWorker: SupervisedWorker<StudentContract> = openWorker(() =>
    start('student', new WorkerStandIn<StudentContract>(student ?? serveStudent(store, checkpoints))),
  )
  const corpusWorker: SupervisedWorker<CorpusContract> = openWorker(
    () => new WorkerStandIn<CorpusContract>(serveCorpus(store, (running.pools = new NoveltyPools()))),
  )
  return {
    db: store,
    teacher,
    models: roleMachines(teacher, (role) => {
      const worker = openModel(role)
      return { remote: worker.remote, worker }
    }),
    student: studentWorker.remote,
    corpus: corpusWorker.remote,
    now: () => (now += 5),
    standIn,
    judgeStandIn: standInOf('judge'),
    standInOf,
    poolNames: () => running.pools?.names ?? [],
    checkpoints,
    kill: (which) => workers.get(which)?.breakDown('killed by the test'),
  }
}

/** Runs a generator to its end; `onProgress` gets everything that it yields. */
export async function finish<P, R>(
  work: AsyncGenerator<P, R>,
  onProgress: (progress: P) => void = () => undefined,
): Promise<R> {
  for (;;) {
    const next = await work.next()
    if (next.done) return next.value
    onProgress(next.value)
  }
}
