// Knows: the parts of a run in order, each with its title, its model and how long a unit takes compared with the others.
import { modelOf, type Cast } from '../../domain/cast.ts'
import type { RunPhase, RunStage } from '../../domain/run.ts'
import type { StepDeclaration } from '../../domain/recipe.ts'
import type { SettingValues } from '../../domain/settings.ts'
import type { PlacedGrow, PlacedStage, PromptStage, RecipeSteps } from '../../pipeline/recipes/read-steps.ts'
import type { TimedPart } from './phase-timer.ts'

export interface PlannedStage extends Pick<RunStage, 'step' | 'title' | 'model'>, TimedPart {
  readonly phase: RunPhase
  /** Rows that leave it for each that enters. */
  readonly grows: number
}

/** Fraction of max tokens that a completion is assumed to use before one is measured. */
const USED_TOKENS = 0.6
/** Prompts assumed per growth request, to compare its tokens with a completion's. */
const PROMPTS_PER_REQUEST = 3
/** Time of a verdict relative to a completion: it only prefills. */
const VERDICT_WEIGHT = 0.5

/** The parts of a run. Steps that write completions of prompts are one part. `titles`: of all steps, by index. */
export function planStages(steps: RecipeSteps, titles: readonly string[], cast: Cast): PlannedStage[] {
  const nameOf = modelOf(cast)
  const models = (
    placed: readonly { member: StepDeclaration; settings: SettingValues }[],
  ): { model?: string } => {
    const roles = placed.flatMap(({ member, settings }) =>
      (member.needs?.(settings) ?? []).map(({ role }) => role),
    )
    const names = new Set(roles.map((role) => nameOf(role).card.name))
    return names.size === 0 ? {} : { model: [...names].join(', ') }
  }
  const { parts, completers, stages, keeps } = steps
  const maxTokens = Math.max(0, ...completers.map(({ member, settings }) => member.maxTokens(settings)))
  const planGrow = (grow: PlacedGrow): PlannedStage => ({
    step: grow.index,
    title: titles[grow.index] ?? grow.name,
    phase: 'growing',
    ...models([grow]),
    weight:
      maxTokens === 0
        ? 1
        : grow.member.maxTokens(grow.settings) / (PROMPTS_PER_REQUEST * USED_TOKENS * maxTokens),
    grows: 1,
  })
  const planPromptStage = (stage: PromptStage): PlannedStage[] =>
    stage.kind === 'filters'
      ? []
      : [
          {
            step: stage.index,
            title: stage.member.title,
            phase: 'working',
            ...models([stage]),
            weight: VERDICT_WEIGHT,
            grows: 1,
          },
        ]
  return [
    ...parts.flatMap((part) => [
      ...(part.grow ? [planGrow(part.grow)] : []),
      ...part.stages.flatMap(planPromptStage),
    ]),
    {
      step: completers[0]?.index ?? 0,
      title: completers.map(({ index, name }) => titles[index] ?? name).join(', '),
      phase: 'completing',
      ...models(completers),
      weight: maxTokens === 0 ? 0 : 1,
      grows: completers[0]?.place.perPrompt ?? 1,
    },
    ...stages.map((stage) => planStage(stage, titles, models)),
    ...(keeps[0]
      ? [
          {
            step: keeps[0].index,
            title: keeps.map(({ index, name }) => titles[index] ?? name).join(', '),
            phase: 'keeping' as const,
            weight: 0,
            grows: 1,
          },
        ]
      : []),
  ]
}

function planStage(
  stage: PlacedStage,
  titles: readonly string[],
  models: (placed: readonly { member: StepDeclaration; settings: SettingValues }[]) => { model?: string },
): PlannedStage {
  if (stage.kind === 'filters')
    return {
      step: stage.index,
      title: stage.filters.map(({ index, name }) => titles[index] ?? name).join(', '),
      phase: 'filtering',
      weight: 0,
      grows: 1,
    }
  const { member, settings, family, index, name } = stage
  const model = models([stage])
  const texts = 'each' in member ? (member.countTexts?.(settings) ?? 0) : 0
  const isJudge = family === 'judge' || family === 'compare'
  return {
    step: index,
    title: titles[index] ?? name,
    phase: family === 'judge' ? 'judging' : 'working',
    ...model,
    weight: model.model === undefined ? 0 : isJudge ? VERDICT_WEIGHT : Math.max(1, 2 * texts),
    grows: 1 + texts,
  }
}
