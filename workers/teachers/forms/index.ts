// Knows: the family of forms that model files come in.
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ModelBundle } from '../bundle.ts'
import type { FormReader } from './form.ts'
import { gguf } from './gguf.ts'
import { onnx } from './onnx.ts'
import { safetensors } from './safetensors.ts'

const FORMS: readonly FormReader[] = [gguf, safetensors, onnx]

/** The reader of these files; throws `ModelRefused` where they are of no form that is read. */
export function findForm(bundle: ModelBundle): FormReader {
  const found = FORMS.find((form) => form.recognises(bundle))
  if (found !== undefined) return found
  throw new RetortError(
    'ModelRefused',
    `“${bundle.name}” holds no model that can be read: neither a GGUF file nor safetensors nor an ONNX graph was found in it. Choose the folder of the model, or the model’s file itself.`,
  )
}
