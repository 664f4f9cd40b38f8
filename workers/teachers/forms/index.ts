// Knows: the family of forms of model files.
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ModelBundle } from '../bundle.ts'
import type { FormReader } from './form.ts'
import { gguf } from './gguf.ts'
import { onnx } from './onnx.ts'
import { safetensors } from './safetensors.ts'

const FORMS: readonly FormReader[] = [gguf, safetensors, onnx]

/** The reader of these files; throws `ModelRefused` if no form matches. */
export function findForm(bundle: ModelBundle): FormReader {
  const found = FORMS.find((form) => form.recognises(bundle))
  if (found !== undefined) return found
  throw new RetortError(
    'ModelRefused',
    `“${bundle.name}” has no model that can be read: no GGUF file, no safetensors and no ONNX graph. Choose the folder of the model, or the model’s file itself.`,
  )
}
