// Knows: what a step on completions is: a program for each row, or one over all rows that reached it.
// Must not know: which members there are, where rows are stored.
import type { FinishReason } from '../../domain/completion-request.ts'
import type { Fields } from '../../domain/fields.ts'
import type { FilterDecision } from '../../domain/filter-decision.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import type { Preference } from '../../domain/preference.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { StepDeclaration, StepProblem } from '../../domain/recipe.ts'
import type { Role } from '../../domain/role.ts'
import type { Row } from '../../domain/row.ts'
import type { Sampling } from '../../domain/sampling.ts'
import type { Settings, ValuesOf } from '../../domain/settings.ts'
import type { Verdict } from '../../domain/verdict.ts'
import type { Program } from '../programs/program.ts'

/** What a step reads of a row. */
export interface StageRow extends Pick<
  Row,
  | 'id'
  | 'promptId'
  | 'seedId'
  | 'prompt'
  | 'earlier'
  | 'variant'
  | 'order'
  | 'parent'
  | 'completion'
  | 'fields'
  | 'decisions'
  | 'verdicts'
> {
  /** The known answer of its prompt, if there is one. */
  readonly reference?: string
}

/** What a step knows of its run. */
export interface StageContext {
  /** Index of the step in its recipe. */
  readonly step: number
  readonly rngSeed: number
  readonly modelOf: (role: Role) => {
    readonly ref: ModelRef
    /** In tokens. */
    readonly contextLength: number
  }
}

/** Another text for the prompt of a row, such as a revision. */
export interface WrittenText {
  readonly text: string
  readonly finishReason: FinishReason
  /** Tokens of the text. */
  readonly tokens: number
  readonly reasoning?: string
  readonly model: ModelRef
  readonly system: string
  readonly sampling: Sampling
  /** Named values of the new row, such as the critique that it answers. */
  readonly fields?: Fields
  /** Why it is no text: the new row is dropped with this reason. */
  readonly refusal?: string
}

/** What a step makes of a row. One without a decision or a verdict is kept. */
export interface StageOutcome {
  readonly decision?: FilterDecision
  readonly verdict?: Verdict
  /** Named values to add. */
  readonly fields?: Fields
  /** Further rows of the same prompt, which the next steps get too. */
  readonly texts?: readonly WrittenText[]
}

/** A judged comparison of two rows, by their index in the list. */
export interface ComparedRows extends Pick<Preference, 'rubric' | 'verdict'> {
  readonly first: number
  readonly second: number
}

/** A step that works on one row at a time. */
export interface EachMember<S extends Settings = Settings> extends StepDeclaration<S> {
  /** Max rows that it makes of each. Absent: none. */
  countTexts?(settings: ValuesOf<S>): number
  each(row: StageRow, settings: ValuesOf<S>, context: StageContext): Program<StageOutcome>
  /** What it does before the complete step, where there are prompts and no completions. Absent: it works on completions alone. */
  readonly ofPrompts?: PromptWork<S>
}

/** What a step reads of a prompt. */
export type StagePrompt = Pick<Prompt, 'id' | 'text' | 'earlier' | 'fields' | 'reference'>

export interface PromptWork<S extends Settings = Settings> {
  /** What does not work without completions. */
  check?(settings: ValuesOf<S>): readonly StepProblem[]
  each(
    prompt: StagePrompt,
    settings: ValuesOf<S>,
    context: StageContext,
  ): Program<Pick<StageOutcome, 'decision' | 'fields'>>
}

/** What a step over all rows makes of them: a decision for each, in the rows' order. */
export interface TogetherOutcome {
  readonly decisions: readonly FilterDecision[]
  /** The earlier row that a dropped one is like, by their indices: its text goes into the decision. */
  readonly similar?: ReadonlyMap<number, { readonly to: number; readonly score: number }>
  readonly preferences?: readonly ComparedRows[]
}

/**
 * A step that must see all rows, of which there may be 100,000. It runs again after an interruption: what it does depends on the rows and on
 * its replies alone.
 */
export interface TogetherMember<S extends Settings = Settings, Held = unknown> extends StepDeclaration<S> {
  /** What it needs of a row. Only that is in memory while it sees all of them, so a hash or a score is better than a text. */
  hold(row: StageRow, settings: ValuesOf<S>): Held
  /** With pauses (`inSlices`), wherever it does something with each row. */
  together(rows: readonly Held[], settings: ValuesOf<S>, context: StageContext): Program<TogetherOutcome>
}

export type StageMember = EachMember | TogetherMember

/** A step on rows, its settings' types inferred. */
export const defineEach = <const S extends Settings>(member: EachMember<S>): EachMember<S> => member
export const defineTogether = <const S extends Settings, Held>(
  member: TogetherMember<S, Held>,
): TogetherMember<S, Held> => member
