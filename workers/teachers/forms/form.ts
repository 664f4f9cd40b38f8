// Knows: the interface of a form of model files.
import type { ModelCard, ModelForm } from '../../../src/domain/model-card.ts'
import type { ModelBundle } from '../bundle.ts'
import type { OpenOptions, Teacher } from '../teacher.ts'

export interface FormReader {
  readonly form: ModelForm
  /** Whether the files have this form, by their names. */
  recognises(bundle: ModelBundle): boolean
  /** Reads headers and small files; throws `ModelRefused` with the reason if the model cannot be used. */
  inspect(bundle: ModelBundle): Promise<ModelCard>
  /** Loads the model. Throws `ModelRefused`, EngineError if the machine fails, AbortError when stopped. */
  open(bundle: ModelBundle, options: OpenOptions): Promise<Teacher>
}
