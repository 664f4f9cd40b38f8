// Knows: how the loaded teacher is unloaded.
import type { Machines } from '../machines.ts'

export async function unloadTeacher({ teacher }: Pick<Machines, 'teacher'>): Promise<void> {
  await teacher.unload(null)
}
