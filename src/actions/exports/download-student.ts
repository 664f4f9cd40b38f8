// Knows: how a student is downloaded: as a zipped folder for transformers, or as one file for llama.cpp.
import { zipSync } from 'fflate'
import type { ProjectId, StudentId } from '../../domain/id.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { StudentFormat } from '../../protocol/student.ts'
import { readProject } from '../projects/change-project.ts'
import { fileStem } from './downloads.ts'
import type { Download, Machines } from '../machines.ts'

export interface DownloadStudent {
  readonly projectId: ProjectId
  readonly studentId: StudentId
  readonly format: StudentFormat
}

/** `huggingface`: an uncompressed zip with one folder, since weights hardly shrink. `gguf`: the file itself. `adapter`: a zip like `huggingface`. */
export async function downloadStudent(
  machines: Pick<Machines, 'db' | 'student'>,
  { projectId, studentId, format }: DownloadStudent,
  signal?: AbortSignal,
): Promise<Download> {
  const project = await readProject(machines, projectId)
  const stem = `${fileStem(project.name)}-${format === 'adapter' ? 'adapter' : 'student'}`
  const { files } = await machines.student.export({ projectId, studentId, format }, signal ? { signal } : {})
  if (format === 'gguf') {
    const [file] = files
    if (!file) throw new RetortError('Unexpected', 'The student’s GGUF file is empty. Download it again.')
    return {
      name: `${stem}.gguf`,
      blob: new Blob([file.bytes as Uint8Array<ArrayBuffer>], { type: 'application/octet-stream' }),
    }
  }
  const zipped = zipSync(
    { [stem]: Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])) },
    { level: 0 },
  )
  return { name: `${stem}.zip`, blob: new Blob([zipped], { type: 'application/zip' }) }
}
