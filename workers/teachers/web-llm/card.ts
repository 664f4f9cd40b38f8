// Knows: a model of WebLLM's catalogue as a model card.
// Must not know: the package.
import { hashOf } from '../../../src/domain/hash.ts'
import type { ModelCard } from '../../../src/domain/model.ts'
import type { WebLlmModel } from '../../../src/domain/web-llm.ts'
import { baseName } from '../../../src/pipeline/web-llm/catalogue.ts'

/** What is known before anything is downloaded. Weights and program together name it: WebLLM gives no hash of either. */
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
