// Knows: what a member of the grow family is: a program that makes prompts of seeds, round by round.
// Must not know: workers, storage, which members there are.
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { ProjectId, RunId, SeedId } from '../../domain/id.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import type { Prompt } from '../../domain/prompt.ts'
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
  readonly rngSeed: number
  readonly teacher: ModelRef
  /** The teacher's, in tokens. */
  readonly contextLength: number
  /** Seeds that are shown as examples, or evolved. */
  readonly shown: readonly Shot<SeedId>[]
  /** Texts of all seeds: a prompt must differ from each. */
  readonly seedTexts: readonly string[]
  /** How many of all seeds are conversations. */
  readonly conversations: SeedConversations
  /** What earlier rounds made: prompts in their order, and how far they were. */
  readonly prompts: readonly Prompt[]
  readonly requests: number
  /** For a trial: at most this many prompts, and this many rounds. */
  readonly limit?: { readonly prompts: number; readonly rounds: number }
}

/** A member of the grow family. */
export interface GrowMember<S extends Settings = Settings> extends StepDeclaration<S> {
  readonly family: 'grow'
  /** Max prompts that it makes of a number of seeds; 0 whatever their number: the seeds themselves are the prompts. */
  countPrompts(settings: ValuesOf<S>, seeds: number): number
  /** True if the seeds are prompts too. */
  addsSeeds(settings: ValuesOf<S>): boolean
  /** Max tokens of a response. */
  maxTokens(settings: ValuesOf<S>): number
  /** What the prompts that it makes of conversations lack of them, as a sentence; undefined: nothing. */
  leavesOut?(seeds: SeedConversations): string | undefined
  grow(growth: Growth, settings: ValuesOf<S>): Program<GrowthEnd, GrownRound>
  /** For the data card: a sentence or more; `from` are the seeds, such as “24 seeds”. */
  describe(settings: ValuesOf<S>, from: string): string
}

/** A grow step's declaration, its settings' types inferred. */
export const defineGrow = <const S extends Settings>(
  member: Omit<GrowMember<S>, 'family'>,
): GrowMember<S> => ({
  ...member,
  family: 'grow',
})
