// Knows: which machine responds for which role: that of a model of its own, else the teacher's; or that of a student of the project.
import { ownModelOf, type Cast } from '../../domain/cast.ts'
import type { CompletionRequest, EmbedRequest, ScoreRequest } from '../../domain/completion-request.ts'
import type { Json } from '../../domain/hash.ts'
import type { Role } from '../../domain/reply.ts'
import type { Student } from '../../domain/student.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { SilenceTimer } from '../../domain/time-limit.ts'
import { isAbort, RetortError } from '../../protocol/errors.ts'
import type { GenerationEvent } from '../../protocol/teacher.ts'
import type { Machines } from '../machines.ts'
import type { ModelSwaps } from './model-swaps.ts'
import type { ModelBatch, ModelResult, Models } from './ports.ts'

/** Requests per call: enough to fill a machine's batches, few enough to notice a pause soon. */
const REQUESTS_PER_CALL = 128

/** Tokens of a call since it began. */
export type TokenProgress = Extract<GenerationEvent, { readonly kind: 'progress' }>

/** Milliseconds without a token after which a model on this machine is given up: far longer than the longest step of a slow machine. */
export const MODEL_SILENCE = 600_000
/** Milliseconds that a stopped or silent model has to return what it finished; then its worker is terminated. */
export const MODEL_PATIENCE = 60_000

interface CallOptions {
  readonly signal: AbortSignal
  readonly patience: number
  readonly onEvent: (event: GenerationEvent) => void
}

/** What computes on this machine: one call at a time, since all models share its cores and its memory. */
const HERE = 'this machine'

/** A model that can respond for roles. */
export interface RoleModel {
  /** Equal values generate the same texts. */
  readonly identity: Json
  /** What computes: calls with equal values are made one after the other. */
  readonly machine: string
  /** It is never unloaded for another model, nor is another one for it: its calls need no model of the cast. */
  readonly isApart?: true
  complete(requests: readonly CompletionRequest[], options: CallOptions): Promise<unknown>
  score(requests: readonly ScoreRequest[], options: CallOptions): Promise<unknown>
  embed(requests: readonly EmbedRequest[], options: CallOptions): Promise<unknown>
}

/** A model loaded in a teacher's worker. */
export function teacherModel(
  teacher: Machines['teacher'],
  { card, weights, chatFormat, backend }: TeacherDescription,
): RoleModel {
  return {
    machine: backend === 'server' ? `server ${card.fingerprint}` : HERE,
    // The same weights rounded in another way, or in another chat template, write other texts.
    identity: { fingerprint: card.fingerprint, weights, chatFormat },
    complete: (requests, options) => teacher.complete({ requests, partials: false }, options),
    score: (requests, options) => teacher.score({ requests }, options),
    embed: (requests, options) => teacher.embed({ requests }, options),
  }
}

/** The model of each role of a cast. */
export function castModels({ models }: Pick<Machines, 'models'>, cast: Cast): (role: Role) => RoleModel {
  const made = new Map<Role, RoleModel>()
  return (role) => {
    const own = ownModelOf(cast, role)
    const model =
      made.get(role) ?? teacherModel(models.of(own === undefined ? 'teacher' : role), own ?? cast.teacher)
    made.set(role, model)
    return model
  }
}

/** A stored student, with its initial weights or with the best of its checkpoint. */
export function studentModel(
  machine: Machines['student'],
  { projectId, id: studentId, checkpointStep, bestStep }: Student,
  which: 'before' | 'after',
): RoleModel {
  return {
    machine: HERE,
    isApart: true,
    identity: { student: studentId, which, ...(which === 'after' ? { checkpointStep, bestStep } : {}) },
    complete: (requests, options) => machine.complete({ projectId, studentId, which, requests }, options),
    score: () => Promise.reject(new RetortError('Unexpected', 'A student that is compared does not score.')),
    embed: () => Promise.reject(new RetortError('Unexpected', 'A student that is compared does not embed.')),
  }
}

/** Models by role. Those on this machine make one call at a time; a server may work meanwhile. */
export class RoleModels implements Models {
  readonly #modelOf: (role: Role) => RoleModel
  readonly #onTokens: (progress: TokenProgress) => void
  readonly #swaps: ModelSwaps | undefined

  /** `swaps`: for models that take turns in memory. */
  constructor(
    modelOf: (role: Role) => RoleModel,
    {
      swaps,
      onTokens = () => undefined,
    }: {
      readonly swaps?: ModelSwaps | undefined
      readonly onTokens?: (progress: TokenProgress) => void
    } = {},
  ) {
    this.#modelOf = modelOf
    this.#onTokens = onTokens
    this.#swaps = swaps?.some ? swaps : undefined
  }

  get takesTurns(): boolean {
    return this.#swaps !== undefined
  }
  isAtHand = (role: Role): boolean => this.#isApart(role) || (this.#swaps?.isAtHand(role) ?? true)
  prepare = async (role: Role, signal: AbortSignal): Promise<void> => {
    if (!this.#isApart(role)) await this.#swaps?.bring(role, signal)
  }
  #isApart = (role: Role): boolean => this.#modelOf(role).isApart === true

  identify = (role: Role): Json => this.#modelOf(role).identity
  machineOf = (role: Role): string => this.#modelOf(role).machine
  batchOf = (_role: Role): number => REQUESTS_PER_CALL

  async call(batch: ModelBatch, signal: AbortSignal, onResult: (result: ModelResult) => void): Promise<void> {
    const onEvent = (event: GenerationEvent): void => {
      if (event.kind === 'progress') this.#onTokens(event)
      else if (event.kind === 'score' || event.kind === 'embedding') onResult(event.result)
      else if (
        event.kind === 'completion' &&
        (event.result.finishReason !== 'aborted' || event.result.refusal !== undefined)
      )
        onResult(event.result)
    }
    const model = this.#modelOf(batch.role)
    // Servers have limits of their own: they may queue a request for long.
    const silence = new AbortController()
    const timer = model.machine === HERE ? new SilenceTimer(MODEL_SILENCE, () => silence.abort()) : undefined
    const options = {
      signal: AbortSignal.any([signal, silence.signal]),
      patience: MODEL_PATIENCE,
      onEvent: (event: GenerationEvent): void => {
        timer?.heard()
        onEvent(event)
      },
    }
    try {
      if (batch.kind === 'complete') await model.complete(batch.requests, options)
      else if (batch.kind === 'score') await model.score(batch.requests, options)
      else await model.embed(batch.requests, options)
    } catch (thrown) {
      // One that was only slow has returned what it finished, and gets a smaller batch next.
      if (!silence.signal.aborted || signal.aborted || !isAbort(thrown)) throw thrown
      throw new RetortError(
        'WorkerDied',
        `The model generated nothing for ${MODEL_SILENCE / 60_000} minutes and did not stop, so its worker was terminated. Everything finished before is stored. Load the model again and resume.`,
      )
    } finally {
      timer?.end()
    }
  }
}
