// Knows: a prompt for the teacher: grown from seeds, or a seed itself.
import { contentId, type ProjectId, type PromptId, type RunId, type SeedId } from './id.ts'
import type { StepDecision } from './filter-decision.ts'
import type { Json } from './hash.ts'
import type { ModelRef } from './model-card.ts'

/** Where a prompt came from. */
export type PromptOrigin =
  | { readonly kind: 'seed' }
  | {
      readonly kind: 'grown'
      /** Such as `self-instruct@1`. */
      readonly template: string
      /** Texts shown as examples: ids of seeds and of prompts accepted earlier. */
      readonly shots: readonly string[]
      /** The growth request it came from, and its position in the response, both from 0. */
      readonly request: number
      readonly item: number
      readonly teacher: ModelRef
      /** What was done to the text it was made from, such as `deepen`; only where a member has several ways. */
      readonly operator?: string
    }

export interface Prompt {
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly id: PromptId
  readonly text: string
  /** The seed it descends from: prompts of one seed are never in different splits. */
  readonly seedId: SeedId
  readonly origin: PromptOrigin
  /** Order within the run, from 0. */
  readonly order: number
  /** Decisions of the prompt filters that ran. */
  readonly decisions: readonly StepDecision[]
  readonly status: 'accepted' | 'dropped'
}

/** An id that depends on everything that determines the prompt. */
export const promptId = (determinants: Json): PromptId => contentId('prompt', determinants)
