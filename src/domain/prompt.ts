// Knows: a prompt for the teacher: grown from seeds, or a seed itself.
import type { ChatMessage } from './completion-request.ts'
import type { Fields } from './fields.ts'
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
      /** Index of the grow step that made it; absent for the first one of a recipe, as in records of earlier versions. */
      readonly step?: number
    }

export interface Prompt {
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly id: PromptId
  /** The user's last turn. */
  readonly text: string
  /** The messages before `text`, if it is the last turn of a conversation: a system message, earlier turns of both sides. */
  readonly earlier?: readonly ChatMessage[]
  /** A known answer, for verifiers. */
  readonly reference?: string
  /** The passage of a document that the answer must follow from, and where it is, such as `guide.pdf, page 3`. */
  readonly evidence?: { readonly text: string; readonly place: string }
  /** Named values that steps added or a person kept: persona, topic, language … */
  readonly fields?: Fields
  /** The prompt that it was made from, if it was made from one. */
  readonly parent?: PromptId
  /** The seed it descends from: prompts of one seed are never in different splits. */
  readonly seedId: SeedId
  readonly origin: PromptOrigin
  /** Order within the run, from 0. */
  readonly order: number
  /** Decisions of the prompt filters that ran. */
  readonly decisions: readonly StepDecision[]
  readonly status: 'accepted' | 'dropped'
}

/** The id of the prompt that a seed itself is. */
export const promptIdOfSeed = (run: RunId, seed: SeedId): PromptId => promptId([run, 'seed', seed])

/** An id that depends on everything that determines the prompt. */
export const promptId = (determinants: Json): PromptId => contentId('prompt', determinants)
