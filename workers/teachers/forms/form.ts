// Knows: what a form of model files must offer to be opened.
import type { ModelCard, ModelForm } from '../../../src/domain/model.ts'
import type { ModelBundle } from '../bundle.ts'
import type { OpenOptions, Teacher } from '../teacher.ts'

export interface FormReader {
  readonly form: ModelForm
  /** Whether the files are of this form, by their names. */
  recognises(bundle: ModelBundle): boolean
  /** Reads headers and small files; throws `ModelRefused` with the reason where the model cannot be used. */
  inspect(bundle: ModelBundle): Promise<ModelCard>
  /** Loads the model. Throws `ModelRefused`, EngineError where the machine fails, AbortError when stopped. */
  open(bundle: ModelBundle, options: OpenOptions): Promise<Teacher>
}
