// Knows: how a stored student becomes files that other tools open.
// Must not know: how those files are laid out (engine/weights).
import { finalWeights } from '../../src/engine/training/checkpoint.ts'
import { toHuggingFaceTensors } from '../../src/engine/training/student-tensors.ts'
import { writeHuggingFaceFiles, writeStudentGguf, type WrittenStudent } from '../../src/engine/exports/student-files.ts'
import { Transferred } from '../../src/protocol/contract.ts'
import type { StudentContract, StudentFiles } from '../../src/protocol/student.ts'
import { needStoredStudent } from './stored-student.ts'
import type { StudentStores } from './stores.ts'

export type ExportRequest = Parameters<StudentContract['export']>[0]

/** The files, handed over. Throws ModelMissing where the student has no checkpoint, ModelRefused where it is broken. */
export async function exportStudent({ projectId, studentId, format }: ExportRequest, stores: StudentStores): Promise<Transferred<StudentFiles>> {
  const { checkpoint, tokenizerFiles } = await needStoredStudent(stores, projectId, studentId)
  const { shape } = checkpoint
  const student: WrittenStudent = { shape, tensors: toHuggingFaceTensors(shape, finalWeights(checkpoint)), tokenizerJson: tokenizerFiles.tokenizerJson, name: 'Retort student' }
  const files = format === 'gguf' ? [writeStudentGguf(student)] : writeHuggingFaceFiles(student)
  return new Transferred({ files }, files.map(({ bytes }) => bytes.buffer))
}
