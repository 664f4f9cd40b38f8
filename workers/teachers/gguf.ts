// Knows: a teacher from a GGUF file: what loading takes and in which form its weights go to which backend.
// Must not know: where the file came from (locate-model.ts), how it is asked (engine-teacher.ts).
import { loadGgufWeights } from '../../src/engine/weights/llama-gguf.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { openEngineTeacher, type EngineOptions } from './open-engine-teacher.ts'
import type { EngineTeacher } from './engine-teacher.ts'
import { readGgufCard } from './gguf-card.ts'

/** Loads the model. Throws `ModelRefused` with the reason, EngineError where the machine fails, AbortError when stopped. */
export async function openGguf(source: ByteSource, options: EngineOptions): Promise<EngineTeacher> {
  const { header, card, tokenizer } = await readGgufCard(source)
  const { signal, onProgress } = options
  return openEngineTeacher({ card, tokenizer, loadWeights: (form) => loadGgufWeights(header, source, form, (done, total) => onProgress({ phase: 'reading', done, total }), signal) }, options)
}
