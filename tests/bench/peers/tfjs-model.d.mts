// Knows: the types of the next file.
import type { Lesson, Trainee } from './trainee.ts'

/** `arranged`: every product, those of the gradients too, in the one form for which its wasm backend has a fast kernel. */
export function openTfjs(
  lesson: Lesson,
  wasmFolder: { readonly [name: string]: string },
  arranged: boolean,
): Promise<Trainee>
