// Knows: what a call of a model, or of a pool of texts, returns, as the journal stores it.
// Must not know: who called.
import type { CompletionResult, EmbedResult, ScoreResult } from './completion-request.ts'
import type { FilterDecision } from './filter-decision.ts'

export type { Role } from './role.ts'

/** What a call returns. A `refusal` in a result is a value: the caller decides what it means. */
export type Reply =
  | { readonly kind: 'complete'; readonly result: Omit<CompletionResult, 'id'> }
  | { readonly kind: 'score'; readonly result: Omit<ScoreResult, 'id'> }
  | { readonly kind: 'embed'; readonly result: Omit<EmbedResult, 'id'> }
  | { readonly kind: 'novelty'; readonly decisions: readonly FilterDecision[] }
