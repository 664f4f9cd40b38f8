// Knows: how a model is inspected before it is loaded.
import { refuse, accept, type Checked } from '../domain/problem.ts'
import type { ModelCard } from '../domain/model-card.ts'
import type { ModelSource } from '../domain/model-source.ts'
import { CANCEL_PATIENCE } from '../protocol/contract.ts'
import { RetortError } from '../protocol/errors.ts'
import type { Machines } from './machines.ts'

/** The model's card, or the sentence why it cannot be used. Loads nothing. */
export async function inspectModel(
  { teacher }: Pick<Machines, 'teacher'>,
  { source }: { source: ModelSource },
  signal?: AbortSignal,
): Promise<Checked<ModelCard>> {
  try {
    return accept(await teacher.inspect({ source }, signal ? { signal, patience: CANCEL_PATIENCE } : {}))
  } catch (thrown) {
    if (thrown instanceof RetortError && (thrown.name === 'ModelRefused' || thrown.name === 'ModelMissing'))
      return refuse({ sentence: thrown.message })
    throw thrown
  }
}
