// Knows: what an executor works with: machines that respond, a journal of their replies, and pools of texts. They use workers and the
// store; tests have some in memory.
import type { FilterDecision } from '../../domain/filter-decision.ts'
import type { Json } from '../../domain/hash.ts'
import type {
  CompletionRequest,
  CompletionResult,
  EmbedRequest,
  EmbedResult,
  ScoreRequest,
  ScoreResult,
} from '../../domain/completion-request.ts'
import type { Call } from '../../pipeline/programs/program.ts'
import type { Reply, Role } from '../../domain/reply.ts'
import type { PoolState } from '../../pipeline/programs/text-pool.ts'

/** A call of a model. */
export type ModelCall = Extract<Call, { readonly kind: 'complete' | 'score' | 'embed' }>
export type ModelResult = CompletionResult | ScoreResult | EmbedResult

/** Calls of one kind for one role, made together. */
export type ModelBatch =
  | { readonly kind: 'complete'; readonly role: Role; readonly requests: readonly CompletionRequest[] }
  | { readonly kind: 'score'; readonly role: Role; readonly requests: readonly ScoreRequest[] }
  | { readonly kind: 'embed'; readonly role: Role; readonly requests: readonly EmbedRequest[] }

/** The models of a recipe's roles. */
export interface Models {
  /** What identifies the model of a role: equal values generate the same texts. */
  identify(role: Role): Json
  /** The machine that responds for a role; calls of one machine are made one after the other. */
  machineOf(role: Role): string
  /** Requests per call: enough to fill the machine's batches, few enough to notice a pause soon. */
  batchOf(role: Role): number
  /** Some models take turns in memory: the fewer changes, the better. */
  readonly takesTurns?: boolean
  /** Whether a call for this role can be made without loading a model in place of another. Absent: it always can. */
  isAtHand?(role: Role): boolean
  /** Called before each call: resolves when the role's model is loaded. */
  prepare?(role: Role, signal: AbortSignal): Promise<void>
  /** Makes one call; each finished result is passed on as it arrives, in any order, without aborted ones. */
  call(batch: ModelBatch, signal: AbortSignal, onResult: (result: ModelResult) => void): Promise<void>
}

/** Replies of earlier calls, by their address. */
export interface Journal {
  /** The replies that are stored, by key. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, Reply>>
  /** Stores a reply soon; everything recorded before is stored before it or with it. */
  record(key: string, reply: Reply): void
  /** Resolves when everything recorded is stored; throws what a write threw. */
  drain(): Promise<void>
  /** Aborts when a write fails; `drain` throws the reason. */
  readonly failed: AbortSignal
}

/** Compares texts with pools. */
export interface Pools {
  decide(
    pool: PoolState,
    threshold: number,
    candidates: readonly string[],
  ): Promise<readonly FilterDecision[]>
}
