// Knows: the model card of a model in WebLLM's catalogue.
// Must not know: the package.
import { hashOf } from '../../../src/domain/hash.ts'
import type { ModelCard } from '../../../src/domain/model-card.ts'
import type { WebLlmModel } from '../../../src/domain/web-llm.ts'
import { baseName } from '../../../src/pipeline/web-llm/catalogue.ts'

/** The facts that are known before anything is downloaded. The addresses of weights and program make up the fingerprint: WebLLM has no hash of either. */
export const cardOf = ({
  id,
  address,
  library,
  parameters,
  quantisation,
  contextLength,
  memoryBytes,
}: WebLlmModel): ModelCard => ({
  name: id,
  form: 'web-llm',
  fileName: id,
  architecture: baseName(id),
  ...(parameters === undefined ? {} : { parameters }),
  quantisation,
  tensorTypes: {},
  contextLength,
  graphicsBytes: memoryBytes,
  fingerprint: hashOf({ kind: 'web-llm', address, library }).slice(0, 16),
  hasChatTemplate: true,
})
