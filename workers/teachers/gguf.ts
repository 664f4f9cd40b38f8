// Knows: how a GGUF file is loaded as a teacher, and in which form its weights go to which backend.
// Must not know: where the file came from (locate-model.ts), how requests are served (engine-teacher.ts).
import { loadGgufWeights, storedInGguf } from '../../src/engine/weights/gguf/llama-gguf.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'
import { fromStored } from './kernel-sources.ts'
import { openEngineTeacher, type EngineOptions } from './open-engine-teacher.ts'
import type { EngineTeacher } from './engine-teacher.ts'
import { readGgufCard } from './gguf-card.ts'

/**
 * Loads the model. Throws `ModelRefused` with the reason, EngineError if the machine fails, AbortError when stopped. `others`: the
 * further parts of a split file.
 */
export async function openGguf(
  first: ByteSource,
  options: EngineOptions,
  others: readonly ByteSource[] = [],
): Promise<EngineTeacher> {
  const { header, source, card, tokenizer } = await readGgufCard(first, others, options.chatFormat)
  const { signal, onProgress } = options
  return openEngineTeacher(
    {
      card,
      tokenizer,
      forKernels: (hooks) => fromStored(storedInGguf(header, source), hooks),
      loadWeights: (form) =>
        loadGgufWeights(
          header,
          source,
          form,
          (done, total) => onProgress({ phase: 'reading', done, total }),
          signal,
        ),
    },
    options,
  )
}
