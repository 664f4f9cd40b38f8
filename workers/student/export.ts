// Knows: how a stored student becomes files that other tools open.
// Must not know: how those files are laid out (engine/weights).
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
import { needStoredStudent } from './stored-student.ts'
import type { StudentStores } from './stores.ts'

export type ExportRequest = Parameters<StudentContract['export']>[0]

/** The files, handed over. Throws ModelMissing where the student has no checkpoint, ModelRefused where it is broken. */
export async function exportStudent(
  { projectId, studentId, format }: ExportRequest,
  stores: StudentStores,
): Promise<Transferred<StudentFiles>> {
  const stored = await needStoredStudent(stores, projectId, studentId)
  if (stored.on) return handOver(await writeAdapted(stored, stored.on, format))
  if (format === 'adapter')
    throw new RetortError(
      'ModelRefused',
      'This student has no adapters: all of its weights were trained. Take it home as a Hugging Face folder or as a GGUF.',
    )
  const {
    checkpoint,
    tokenizerFiles,
    about: { classes },
  } = stored
  if (classes && format === 'gguf')
    throw new RetortError(
      'ModelRefused',
      'A GGUF has no place for this student’s classes: llama.cpp would make it write text, which it never learned. Take the Hugging Face folder.',
    )
  const { shape } = checkpoint
  const student: WrittenStudent = {
    shape,
    tensors: toHuggingFaceTensors(shape, finalWeights(checkpoint)),
    tokenizerJson: tokenizerFiles.tokenizerJson,
    name: 'Retort student',
    ...(classes ? { classes } : {}),
  }
  return handOver(format === 'gguf' ? [writeStudentGguf(student)] : writeHuggingFaceFiles(student))
}

const handOver = (files: readonly WrittenFile[]): Transferred<StudentFiles> =>
  new Transferred(
    { files },
    files.map(({ bytes }) => bytes.buffer),
  )
