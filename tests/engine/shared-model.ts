// Knows: where the tests find the model next to the project, as a source read in parts. Without it tests are
// skipped with a warning.
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { GgufHeader } from '../../src/engine/weights/gguf/gguf-header.ts'
import { readHeaderOf } from '../../src/engine/weights/gguf/gguf-header.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'

const path = fileURLToPath(new URL('../../../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf', import.meta.url))

export const hasSharedModel = existsSync(path)
/** For test names: why a test was skipped, or an empty text. */
export const whySkipped = hasSharedModel
  ? ''
  : ' (SKIPPED: ../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf does not exist)'
if (!hasSharedModel) console.warn(`The model tests are skipped: ${path} does not exist.`)

/** The model's file; reads are synchronous, which does not matter in tests. */
export function openSharedModel(): ByteSource {
  const probe = openSync(path, 'r')
  const { size } = fstatSync(probe)
  closeSync(probe)
  return {
    name: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    size,
    async read(from, to) {
      const file = openSync(path, 'r')
      const bytes = new Uint8Array(to - from)
      readSync(file, bytes, 0, to - from, from)
      closeSync(file)
      return bytes
    },
  }
}

export async function readSharedHeader(): Promise<GgufHeader> {
  const result = await readHeaderOf(openSharedModel())
  if (result.kind !== 'header') throw new Error(result.sentence)
  return result.header
}
