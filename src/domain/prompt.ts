// Knows: a prompt, what is asked of the teacher; grown from seeds or a seed itself.
import { contentId, type ProjectId, type PromptId, type RunId, type SeedId } from './id.ts'
import type { StepAnswer } from './filter-answer.ts'
import type { Json } from './hash.ts'
import type { ModelRef } from './model.ts'

/** Where a prompt came from. */
export type PromptOrigin =
  | { readonly kind: 'seed' }
  | {
      readonly kind: 'grown'
      /** Such as `self-instruct@1`. */
      readonly template: string
      /** Texts shown as examples: ids of seeds and of prompts accepted earlier. */
      readonly shots: readonly string[]
      /** Growth request it came from, and its place in the answer, both from 0. */
      readonly request: number
      readonly item: number
      readonly teacher: ModelRef
    }

export interface Prompt {
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly id: PromptId
  readonly text: string
  /** Seed it descends from: siblings share it and never straddle a split. */
  readonly seedId: SeedId
  readonly origin: PromptOrigin
  /** Order within the run, from 0. */
  readonly order: number
  /** Answers of the prompt filters that were asked. */
  readonly answers: readonly StepAnswer[]
  readonly status: 'accepted' | 'dropped'
}

/** Named after all that determines it. */
export const promptId = (determinants: Json): PromptId => contentId('prompt', determinants)
