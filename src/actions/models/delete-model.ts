// Knows: how a stored model is deleted.
import { modelFiles } from '../../storage/files.ts'

/** A loaded model stays loaded: its weights are in memory by then. */
export async function deleteModel({ name }: { name: string }): Promise<void> {
  await modelFiles.remove(name)
}
