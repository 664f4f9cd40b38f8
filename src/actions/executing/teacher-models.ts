// Knows: the loaded teacher as the model of every role.
import type { Json } from '../../domain/hash.ts'
import type { Role } from '../../domain/reply.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import type { GenerationEvent } from '../../protocol/teacher.ts'
import type { Machines } from '../machines.ts'
import type { ModelBatch, ModelResult, Models } from './ports.ts'

/** Requests per call of the teacher: enough to fill its batches, few enough to notice a pause soon. */
const REQUESTS_PER_CALL = 128

/** Tokens of a call since it began. */
export type TokenProgress = Extract<GenerationEvent, { readonly kind: 'progress' }>

export class TeacherModels implements Models {
  readonly #teacher: Machines['teacher']
  readonly #identity: Json
  readonly #onTokens: (progress: TokenProgress) => void

  constructor(
    teacher: Machines['teacher'],
    description: TeacherDescription,
    onTokens: (progress: TokenProgress) => void = () => undefined,
  ) {
    const { card, weights, chatFormat } = description
    this.#teacher = teacher
    // The same weights rounded in another way, or in another chat template, write other texts.
    this.#identity = { fingerprint: card.fingerprint, weights, chatFormat }
    this.#onTokens = onTokens
  }

  identify = (_role: Role): Json => this.#identity
  machineOf = (_role: Role): string => 'teacher'
  batchOf = (_role: Role): number => REQUESTS_PER_CALL

  async call(batch: ModelBatch, signal: AbortSignal, onResult: (result: ModelResult) => void): Promise<void> {
    const onEvent = (event: GenerationEvent): void => {
      if (event.kind === 'progress') this.#onTokens(event)
      else if (event.kind === 'score') onResult(event.result)
      else if (
        event.kind === 'completion' &&
        (event.result.finishReason !== 'aborted' || event.result.refusal !== undefined)
      )
        onResult(event.result)
    }
    if (batch.kind === 'complete')
      await this.#teacher.complete({ requests: batch.requests, partials: false }, { signal, onEvent })
    else await this.#teacher.score({ requests: batch.requests }, { signal, onEvent })
  }
}
