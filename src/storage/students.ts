// Knows: students in storage; their weights are in files (files.ts).
import type { ProjectId, StudentId } from '../domain/id.ts'
import type { Student } from '../domain/student.ts'
import type { Database } from './database.ts'
import { within } from './ranges.ts'
import { allOrNone } from './transactions.ts'

export async function putStudent(db: Database, student: Student): Promise<void> {
  await db.put('students', student)
}

export const getStudent = (db: Database, projectId: ProjectId, id: StudentId): Promise<Student | undefined> =>
  db.get('students', [projectId, id])

/** The newest first. */
export async function listStudents(db: Database, projectId: ProjectId): Promise<Student[]> {
  return (await db.getAll('students', within(projectId))).toSorted((a, b) => b.startedAt - a.startedAt)
}

/** Changes a stored student in one transaction: fields, or by a function of the stored student. Throws a RangeError if there is none. */
export async function patchStudent(
  db: Database,
  projectId: ProjectId,
  id: StudentId,
  patch: Partial<Omit<Student, 'projectId' | 'id'>> | ((student: Student) => Student),
): Promise<Student> {
  const transaction = db.transaction('students', 'readwrite')
  return allOrNone(transaction, async () => {
    const student = await transaction.store.get([projectId, id])
    if (student === undefined) throw new RangeError(`no student ${id}`)
    const changed: Student = typeof patch === 'function' ? patch(student) : { ...student, ...patch }
    await transaction.store.put(changed)
    return changed
  })
}
