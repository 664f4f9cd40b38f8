// Knows: students in storage; their weights are in files (files.ts).
import type { ProjectId, StudentId } from '../domain/id.ts'
import type { Student } from '../domain/student.ts'
import type { Database } from './database.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'

export async function putStudent(db: Database, student: Student): Promise<void> {
  await writeInProject(db, student.projectId, ['students'], (transaction) =>
    transaction.objectStore('students').put(student),
  )
}

export const getStudent = (db: Database, projectId: ProjectId, id: StudentId): Promise<Student | undefined> =>
  db.get('students', [projectId, id])

/** The newest first. */
export async function listStudents(db: Database, projectId: ProjectId): Promise<Student[]> {
  return (await db.getAll('students', within(projectId))).toSorted((a, b) => b.startedAt - a.startedAt)
}

/** Deletes a student's record; its files are separate. */
export async function deleteStudent(db: Database, projectId: ProjectId, id: StudentId): Promise<void> {
  await writeInProject(db, projectId, ['students'], (transaction) =>
    transaction.objectStore('students').delete([projectId, id]),
  )
}

/** Changes a stored student in one transaction: fields, or by a function of the stored student. Throws `StorageFailed` if its project is gone, a RangeError if there is no such student. */
export async function patchStudent(
  db: Database,
  projectId: ProjectId,
  id: StudentId,
  patch: Partial<Omit<Student, 'projectId' | 'id'>> | ((student: Student) => Student),
): Promise<Student> {
  return writeInProject(db, projectId, ['students'], async (transaction) => {
    const store = transaction.objectStore('students')
    const student = await store.get([projectId, id])
    if (student === undefined) throw new RangeError(`no student ${id}`)
    const changed: Student = typeof patch === 'function' ? patch(student) : { ...student, ...patch }
    await store.put(changed)
    return changed
  })
}
