// Knows: what a member of the grow family is: a program that makes prompts of seeds, round by round.
// Must not know: workers, storage, which members there are.
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { Fields } from '../../domain/fields.ts'
import type { Json } from '../../domain/hash.ts'
import type { ProjectId, PromptId, RunId, SeedId } from '../../domain/id.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import { promptId, type Prompt } from '../../domain/prompt.ts'
import type { StepDeclaration } from '../../domain/recipe.ts'
import type { Settings, ValuesOf } from '../../domain/settings.ts'
import type { Program } from '../programs/program.ts'
import type { SeedConversations } from './seed-conversations.ts'

/** A text that can be an example or a start: a seed, or a prompt accepted earlier. */
export interface Shot<Name extends string = string> {
  readonly id: Name
  readonly text: string
  /** The messages before the text, if it is the last turn of a conversation. */
  readonly earlier?: readonly ChatMessage[]
}

/** What a step grows from: a seed, or a prompt of the grow steps before it. */
export interface Source extends Shot {
  /** The seed that it is, or that it descends from. */
  readonly seedId: SeedId
  /** The prompt that it is, if it is one: what is made of it alone is a child of it. */
  readonly prompt?: PromptId
  /** The seed's own fields: what is made of it alone has them too. */
  readonly fields?: Fields
}

/** The order of sources that does not depend on how they are stored, and for prompts, whose ids are a run's, not on the run. */
export function compareSources(a: Source, b: Source): number {
  const [x, y] = a.prompt === undefined || b.prompt === undefined ? [a.id, b.id] : [a.text, b.text]
  return x < y ? -1 : x > y ? 1 : 0
}

/** A round's prompts, accepted and dropped: stored together with how far growing is, they are where it continues. */
export interface GrownRound {
  readonly prompts: readonly Prompt[]
  /** How far growing is: whatever the member counts (requests, seeds). */
  readonly requests: number
  /** Prompts that are usable and new, with those beyond the number wanted. */
  readonly usable: number
  /** Tokens that the teacher generated in this round. */
  readonly tokens: number
}

/** How growing ended: `note` is a sentence if there are fewer prompts than wanted, `failure` one if the teacher returned nothing. */
export interface GrowthEnd {
  readonly note?: string
  readonly failure?: string
  /** Requests made, as in the rounds. */
  readonly requests: number
}

/** What a member grows from. */
export interface Growth {
  readonly projectId: ProjectId
  readonly runId: RunId
  /** Index of the grow step. */
  readonly step: number
  /** The same index in ids and origins of what it makes; absent for the first grow step, so that runs of earlier versions find their prompts. */
  readonly laterStep?: number
  /** The recipe's, with the number of the step among the grow steps for all but the first. */
  readonly rngSeed: number | string
  readonly teacher: ModelRef
  /** The teacher's, in tokens. */
  readonly contextLength: number
  /** Seeds, or prompts of earlier grow steps, that are shown as examples, or evolved. */
  readonly shown: readonly Source[]
  /** Texts of all seeds and of the prompts of earlier grow steps: a prompt must differ from each. */
  readonly seedTexts: readonly string[]
  /** How many of all that it grows from are conversations. */
  readonly conversations: SeedConversations
  /** What earlier rounds of this step made: prompts in their order, and how far they were. */
  readonly prompts: readonly Prompt[]
  readonly requests: number
  /** Order of the next prompt in the run. */
  readonly order: number
  /** For a trial: at most this many prompts, and this many rounds. */
  readonly limit?: { readonly prompts: number; readonly rounds: number }
}

/** The reason of prompts that a grow step replaces. */
export const REPLACED = 'not passed on: this step replaces what it grows from'

/** The id of a prompt that a step makes, from what determines it within the step. */
export const grownId = (
  { runId, laterStep }: Pick<Growth, 'runId' | 'laterStep'>,
  determinants: readonly Json[],
): PromptId =>
  promptId([runId, 'grown', ...determinants, ...(laterStep === undefined ? [] : [{ step: laterStep }])])

/**
 * A member of the grow family. The first grow step of a recipe gets the seeds. Each later one gets the prompts so far, those that passed the
 * filters in between: they are its seeds, and what it makes is added to them, unless it `replaces` them.
 */
export interface GrowMember<S extends Settings = Settings> extends StepDeclaration<S> {
  readonly family: 'grow'
  /** Max prompts that it makes of a number of seeds; 0 whatever their number: the seeds themselves are the prompts. */
  countPrompts(settings: ValuesOf<S>, seeds: number): number
  /** True if the seeds are prompts too. */
  addsSeeds(settings: ValuesOf<S>): boolean
  /** As a later grow step: true if the prompts that it grows from are not passed on. Absent: they always are. */
  replaces?(settings: ValuesOf<S>): boolean
  /** Max tokens of a response. */
  maxTokens(settings: ValuesOf<S>): number
  /** What the prompts that it makes of conversations lack of them, as a sentence; undefined: nothing. */
  leavesOut?(seeds: SeedConversations): string | undefined
  grow(growth: Growth, settings: ValuesOf<S>): Program<GrowthEnd, GrownRound>
  /** For the data card: a sentence or more; `from` are the seeds, such as “24 seeds”, or for a later grow step the prompts so far. */
  describe(settings: ValuesOf<S>, from: string, isLater?: boolean): string
}

/** A grow step's declaration, its settings' types inferred. */
export const defineGrow = <const S extends Settings>(
  member: Omit<GrowMember<S>, 'family'>,
): GrowMember<S> => ({
  ...member,
  family: 'grow',
})
