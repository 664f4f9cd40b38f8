// Knows: what an action uses: the store, the workers and a clock. Created once in main.ts; tests use stand-ins.
// Must not know: how a worker is started.
import type { Remote } from '../protocol/contract.ts'
import type { CorpusContract } from '../protocol/corpus.ts'
import type { StudentContract } from '../protocol/student.ts'
import type { TeacherContract } from '../protocol/teacher.ts'
import type { Database } from '../storage/database.ts'
import type { RoleMachines } from './models/role-machine.ts'

export interface Machines {
  readonly db: Database
  readonly teacher: Remote<TeacherContract>
  /** The models of all roles, the teacher's included; the worker of another role runs only while a model is chosen for it. */
  readonly models: RoleMachines
  readonly student: Remote<StudentContract>
  readonly corpus: Remote<CorpusContract>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A file for the person: the page makes a link of it and releases it afterwards. */
export interface Download {
  readonly name: string
  readonly blob: Blob
}
