// Knows: what a member of the complete family that writes the first completions of prompts is.
// Must not know: workers, storage, which members there are.
import type { ChatMessage, CompletionRequest, CompletionResult } from '../../domain/completion-request.ts'
import type { Fields } from '../../domain/fields.ts'
import type { PromptId, RowId, SeedId } from '../../domain/id.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { StepDeclaration } from '../../domain/recipe.ts'
import type { Role } from '../../domain/role.ts'
import type { Sampling } from '../../domain/sampling.ts'
import type { Settings, ValuesOf } from '../../domain/settings.ts'
import type { Program } from '../programs/program.ts'

/** What a program writes for a planned row; a refusal drops the row with that reason. */
export type Written = Pick<
  CompletionResult,
  'text' | 'finishReason' | 'tokens' | 'reasoning' | 'refusal' | 'unfinishedReasoning'
>

/** A row before its completion exists: its id is known, so a resumed run knows what is done. */
export interface PlannedRow {
  readonly id: RowId
  readonly promptId: PromptId
  readonly seedId: SeedId
  readonly prompt: string
  /** The prompt's, if it has some; copied into the row. */
  readonly earlier?: readonly ChatMessage[]
  readonly fields?: Fields
  /** Index among the completions that this step writes for the prompt, from 0. */
  readonly variant: number
  /** Order within the run, from 0. */
  readonly order: number
  /** As sent: empty if the prompt has a system message of its own. */
  readonly system: string
  readonly sampling: Sampling
  /** Has the row's id; absent if no model writes it. */
  readonly request?: CompletionRequest
}

/** The place of a complete step among those of its recipe: their rows of one prompt follow each other. */
export interface Place {
  /** Among the complete steps, from 0. */
  readonly ordinal: number
  /** Rows that all of them write for a prompt, and those that the steps before this one write. */
  readonly perPrompt: number
  readonly offset: number
}

export interface CompletionPlan<S extends Settings = Settings> {
  readonly prompts: readonly Pick<Prompt, 'id' | 'seedId' | 'text' | 'earlier' | 'fields' | 'reference'>[]
  readonly settings: ValuesOf<S>
  readonly rngSeed: number
  /** The model of the step's role. */
  readonly teacher: ModelRef
  /** Number of accepted prompts before these in the run. */
  readonly first?: number
  /** Absent: it is the only one. */
  readonly place?: Place
}

/** A member that writes completions of prompts. */
export interface Completer<S extends Settings = Settings> extends StepDeclaration<S> {
  readonly family: 'complete'
  /** The role whose model writes; undefined if none does. */
  roleOf(settings: ValuesOf<S>): Role | undefined
  /** Rows of a prompt. */
  countRows(settings: ValuesOf<S>): number
  /** Max tokens of a completion; 0 if no model writes it. */
  maxTokens(settings: ValuesOf<S>): number
  /** All rows of these prompts, in order. Rows depend on the settings, the prompt and the place alone. */
  plan(plan: CompletionPlan<S>): readonly PlannedRow[]
  write(
    planned: PlannedRow,
    settings: ValuesOf<S>,
    prompt: CompletionPlan['prompts'][number],
  ): Program<Written>
  /** For the data card: a sentence. */
  describe(settings: ValuesOf<S>): string
}

/** A completer's declaration, its settings' types inferred. */
export const defineCompleter = <const S extends Settings>(
  member: Omit<Completer<S>, 'family'>,
): Completer<S> => ({ ...member, family: 'complete' })
