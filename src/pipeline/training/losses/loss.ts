// Knows: the form of a training objective: everything that the rest of the program needs to know about it.
// Must not know: graphs, tensors, which objectives there are.
import type { ModelNeed, StepDeclaration } from '../../../domain/recipe.ts'
import type { Settings, ValuesOf } from '../../../domain/settings.ts'
import type { CommonTrainSettings } from '../../../domain/student.ts'
import type { RowKind } from '../row-kinds.ts'

/** What the points of a training's curve are. */
export interface LossPoints {
  readonly name: string
  readonly unit: string
  /** They are shares of wrong answers, shown in percent. */
  readonly isShare: boolean
}
/** Losses with these points can be compared with one another. */
export const NATS_PER_TOKEN: LossPoints = { name: 'Loss', unit: 'nats per token', isShare: false }

/** What a loss needs of teachers with some settings. */
export type TeacherNeed =
  /** Soft targets of the rows' tokens, of one or several teachers, computed before training. */
  | {
      readonly kind: 'before'
      readonly topK: number
      readonly temperature: number
      /** The hidden states at these tokens too. */
      readonly hidden: boolean
    }
  /** The same of one teacher, which is also called during training if `lent`. */
  | {
      readonly kind: 'during'
      readonly topK: number
      readonly temperature: number
      readonly lent: boolean
    }
  /** The probabilities of each row's label, computed before training. */
  | { readonly kind: 'labels'; readonly temperature: number }

/** How a student completes the prompts of its rows during training. */
export interface OwnCompletions {
  readonly perPrompt: number
  /** Max tokens of a completion. */
  readonly maxTokens: number
  /** Sampling temperature, above 0. */
  readonly temperature: number
  /** Share of the steps on its own completions, 0 to 1; the others are on the rows' texts. */
  readonly share: number
  /** Share of all steps before the first one on its own completions, 0 to 0.9. */
  readonly textWarmUp: number
}

/** Which projections of each layer have adapters: those of attention (q, k, v, output), or all seven. */
export const ADAPTED_PROJECTIONS = ['attention', 'all'] as const

/** Adapters on a frozen model. */
export interface AdapterPlan {
  readonly rank: number
  readonly alpha: number
  readonly projections: (typeof ADAPTED_PROJECTIONS)[number]
}

/** Which answers of a conversation are training targets: the row's completion alone, or the earlier ones too. */
export const ASSISTANT_TURNS = ['last', 'all'] as const
export type AssistantTurns = (typeof ASSISTANT_TURNS)[number]

/** How a student learns by a loss with some settings. */
export interface LossPlan {
  /** What the engine's trainer minimises: options of `src/engine/training/objectives`, which the student's worker passes on. */
  readonly objective: { readonly kind: string }
  readonly teacher?: TeacherNeed
  readonly completions?: OwnCompletions
  /** Absent: the last. */
  readonly assistantTurns?: AssistantTurns
  readonly adapters?: AdapterPlan
  /** Entries of the vocabulary that is learned from the rows; absent: that of the teacher or of the model that training starts from. */
  readonly vocabulary?: number
  /** The loss compares with the student before this training at every step. */
  readonly comparesWithStart?: boolean
}

export interface LossDeclaration<
  Name extends string = string,
  S extends Settings = Settings,
  Plan extends LossPlan = LossPlan,
> extends StepDeclaration<S> {
  readonly family: 'train'
  /** As written in a recipe and in a student's record. */
  readonly name: Name
  /** A few words for a list of students. */
  readonly short: string
  readonly startsFrom: 'scratch' | 'student' | 'model'
  /** What each example is made of. */
  readonly rows: RowKind
  /** What it may need of teachers; a plan says what it needs with some settings. */
  readonly teacher: 'none' | TeacherNeed['kind']
  readonly points: LossPoints
  /** Values of the common settings that it does not offer. */
  readonly fixed: Partial<CommonTrainSettings>
  plan(settings: ValuesOf<S>): Plan
}

/** A loss's declaration, the types of its name, settings and plan inferred. */
export const defineLoss = <const Name extends string, const S extends Settings, const Plan extends LossPlan>(
  declaration: Omit<LossDeclaration<Name, S, Plan>, 'family' | 'requires' | 'needs'>,
): LossDeclaration<Name, S, Plan> => ({
  family: 'train',
  requires: {
    family: 'freeze',
    sentence: '`train` evaluates the student on held-out rows and needs `- freeze: split` before it.',
  },
  needs: (settings) => (declaration.plan(settings).teacher ? [NEEDS_SOFT_TARGETS] : []),
  ...declaration,
})

const NEEDS_SOFT_TARGETS: ModelNeed = {
  role: 'teacher',
  ability: 'softTargets',
  without: (model) =>
    `this objective needs token probabilities, and ${model} does not return them for every token. Choose “Train a student on the texts”, or load a model file.`,
}
