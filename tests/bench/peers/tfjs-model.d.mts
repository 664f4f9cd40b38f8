// Knows: the types of the next file.
import type { TrainingJob, Trainee } from './trainee.ts'

/** `arranged`: every product, also in gradients, in the one form for which its wasm backend has a fast kernel. */
export function openTfjs(
  job: TrainingJob,
  wasmFolder: { readonly [name: string]: string },
  arranged: boolean,
): Promise<Trainee>
