// Knows: how a stored student becomes files that other tools open.
// Must not know: how those files are laid out (engine/exports).
import { finalWeights } from '../../src/engine/training/checkpoint.ts'
import { toHuggingFaceTensors } from '../../src/engine/training/student-tensors.ts'
import {
  writeHuggingFaceFiles,
  writeStudentGguf,
  type WrittenFile,
  type WrittenStudent,
} from '../../src/engine/exports/student-files.ts'
import { Transferred } from '../../src/protocol/contract.ts'
import type { StudentContract, StudentFiles } from '../../src/protocol/student.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import { writeAdapted } from './export-adapted.ts'
import { requireStoredStudent } from './stored-student.ts'
import type { StudentStores } from './stores.ts'

export type ExportRequest = Parameters<StudentContract['export']>[0]

/** The files, transferred. Throws ModelMissing if the student has no checkpoint, ModelRefused if it is corrupt. */
export async function exportStudent(
  { projectId, studentId, format }: ExportRequest,
  stores: StudentStores,
): Promise<Transferred<StudentFiles>> {
  const stored = await requireStoredStudent(stores, projectId, studentId)
  if (stored.baseModel) return transfer(await writeAdapted(stored, stored.baseModel, format))
  if (format === 'adapter')
    throw new RetortError(
      'ModelRefused',
      'This student has no adapters: all of its weights were trained. Export a Hugging Face folder or a GGUF instead.',
    )
  const {
    checkpoint,
    tokenizerFiles,
    about: { classes },
  } = stored
  if (classes && format === 'gguf')
    throw new RetortError(
      'ModelRefused',
      'A GGUF cannot store this student’s classes: llama.cpp would generate text, which it never learned. Export the Hugging Face folder instead.',
    )
  const { shape } = checkpoint
  const student: WrittenStudent = {
    shape,
    tensors: toHuggingFaceTensors(shape, finalWeights(checkpoint)),
    tokenizerJson: tokenizerFiles.tokenizerJson,
    name: 'Retort student',
    ...(classes ? { classes } : {}),
  }
  return transfer(format === 'gguf' ? [writeStudentGguf(student)] : writeHuggingFaceFiles(student))
}

const transfer = (files: readonly WrittenFile[]): Transferred<StudentFiles> =>
  new Transferred(
    { files },
    files.map(({ bytes }) => bytes.buffer),
  )
