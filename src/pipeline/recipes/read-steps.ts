// Knows: a checked recipe's steps by family, each with its index and its typed settings.
import { settingsOf, type CheckedRecipe, type CheckedStep } from '../../domain/recipe.ts'
import type { TrainSettings } from '../../domain/student.ts'
import { complete, type CompleteSettings } from '../completing/complete.ts'
import type { Completer, Place } from '../completing/completer.ts'
import { findCompleter } from '../completing/index.ts'
import { findFilter } from '../filters/index.ts'
import type { FilterMember } from '../filters/filter.ts'
import { split, type SplitSettings } from '../freezing/split.ts'
import type { GrowMember } from '../growing/growth.ts'
import { findGrow } from '../growing/index.ts'
import { rubric, type RubricSettings } from '../judging/rubric.ts'
import { findKeep } from '../selecting/index.ts'
import type { KeepMember } from '../selecting/selection.ts'
import { findStage } from '../stages/index.ts'
import type { EachMember, StageMember } from '../stages/stage.ts'
import { trainSettingsOf } from '../training/index.ts'

/** A step's index in its recipe (from 0) and its settings. */
export interface Placed<Values> {
  readonly index: number
  readonly name: string
  readonly settings: Values
}
/** A step with its member. */
export interface PlacedMember<Member> extends Placed<CheckedStep['settings']> {
  readonly member: Member
}
export type PlacedGrow = PlacedMember<GrowMember>
export type PlacedFilter = PlacedMember<FilterMember>
export type PlacedKeep = PlacedMember<KeepMember>
export interface PlacedCompleter extends PlacedMember<Completer> {
  readonly place: Place
}
/** A step on completions: filters that follow each other are one stage. */
export type PlacedStage =
  | { readonly kind: 'filters'; readonly index: number; readonly filters: readonly PlacedFilter[] }
  | ({ readonly kind: 'member'; readonly family: CheckedStep['family'] } & PlacedMember<StageMember>)

/** A step on prompts: filters that follow each other, or a step that adds fields. */
export type PromptStage =
  | Extract<PlacedStage, { readonly kind: 'filters' }>
  | ({ readonly kind: 'member' } & PlacedMember<EachMember & Required<Pick<EachMember, 'ofPrompts'>>>)

/** A grow step with the steps on prompts that follow it, up to the next grow step. */
export interface GrowPart {
  /** Absent if the seeds themselves are the prompts. */
  readonly grow?: PlacedGrow
  readonly stages: readonly PromptStage[]
}

/** A recipe as a run reads it. */
export interface RecipeSteps {
  /**
   * How prompts are made and sifted: the first part has the seeds, each other one the prompts of those before it. At least one; steps before
   * the first grow step are of its part, as they decide on prompts. Only in the first part `grow` can be absent: there is no grow step, or
   * it makes none of the seeds.
   */
  readonly parts: readonly GrowPart[]
  /** The grow steps of the parts. */
  readonly growers: readonly PlacedGrow[]
  /** All steps on prompts, before the first complete step, in order. */
  readonly promptStages: readonly PromptStage[]
  /** The steps that complete prompts. */
  readonly completers: readonly PlacedCompleter[]
  /** Filters that follow them at once: they decide as each completion ends. */
  readonly filters: readonly PlacedFilter[]
  /** What follows, up to the keep steps. */
  readonly stages: readonly PlacedStage[]
  /** The first step in which the teacher writes, and the first rubric. */
  readonly complete?: Placed<CompleteSettings>
  readonly judge?: Placed<RubricSettings>
  readonly keeps: readonly PlacedKeep[]
  readonly freeze?: Placed<SplitSettings>
  readonly train?: Placed<TrainSettings>
}

/** The steps of a checked recipe, by family. Throws only on a recipe that `checkRecipe` did not make. */
export function readSteps(recipe: CheckedRecipe): RecipeSteps {
  const placed = recipe.steps.map((step, index) => ({ step, index }))
  const find = (family: CheckedStep['family'], name?: string) =>
    placed.find(({ step }) => step.family === family && (name === undefined || step.name === name))
  const list = <Member>(
    family: CheckedStep['family'],
    findMember: (name: string) => Member | undefined,
  ): PlacedMember<Member>[] =>
    placed.flatMap(({ step, index }) => {
      const member = step.family === family ? findMember(step.name) : undefined
      return member === undefined ? [] : [{ index, name: step.name, settings: step.settings, member }]
    })

  const completing = list('complete', findCompleter)
  const [firstCompleter, lastCompleter] = [completing[0], completing.at(-1)]
  if (firstCompleter === undefined || lastCompleter === undefined)
    throw new TypeError('a checked recipe has a complete step')
  const perPrompt = sumRows(completing)
  const filters = list('filter', findFilter)
  const stages = readStages(placed.slice(lastCompleter.index + 1), filters)
  const [first] = stages
  const early = first?.kind === 'filters' && first.index === lastCompleter.index + 1 ? first : undefined
  const parts = readParts(placed.slice(0, firstCompleter.index), list('grow', findGrow), filters)
  const teacher = find('complete', complete.name)
  const judge = find('judge', rubric.name)
  const freeze = find('freeze')
  const train = find('train')
  return {
    parts,
    growers: parts.flatMap(({ grow }) => grow ?? []),
    promptStages: parts.flatMap((part) => part.stages),
    completers: completing.map((step, ordinal) => ({
      ...step,
      place: { ordinal, perPrompt, offset: sumRows(completing.slice(0, ordinal)) },
    })),
    filters: early?.filters ?? [],
    stages: early === undefined ? stages : stages.slice(1),
    ...(teacher ? { complete: withSettings(teacher, settingsOf(complete, teacher.step)) } : {}),
    ...(judge ? { judge: withSettings(judge, settingsOf(rubric, judge.step)) } : {}),
    keeps: list('keep', findKeep),
    ...(freeze ? { freeze: withSettings(freeze, settingsOf(split, freeze.step)) } : {}),
    ...(train ? { train: withSettings(train, trainSettingsOf(train.step, recipe.rngSeed)) } : {}),
  }
}

const sumRows = (steps: readonly PlacedMember<Completer>[]): number =>
  steps.reduce((sum, { member, settings }) => sum + member.countRows(settings), 0)

/** The parts among the steps before the first complete step. A grow step that makes no prompts of seeds begins a part only if it is the first. */
function readParts(
  placed: readonly { readonly step: CheckedStep; readonly index: number }[],
  growers: readonly PlacedGrow[],
  filters: readonly PlacedFilter[],
): GrowPart[] {
  const makesPrompts = ({ member, settings }: PlacedGrow): boolean => member.countPrompts(settings, 1) > 0
  const starts = growers.filter((grow, at) => at === 0 || makesPrompts(grow))
  const stagesBetween = (from: number, to: number): PromptStage[] =>
    readStages(
      placed.filter(({ index }) => index >= from && index < to),
      filters,
    ).flatMap((stage) => toPromptStage(stage) ?? [])
  const [first, ...later] = starts
  return [
    {
      ...(first !== undefined && makesPrompts(first) ? { grow: first } : {}),
      stages: stagesBetween(0, later[0]?.index ?? Infinity),
    },
    ...later.map((grow, at) => ({
      grow,
      stages: stagesBetween(grow.index, later[at + 1]?.index ?? Infinity),
    })),
  ]
}

/** The stages among these steps, in order; filters that follow each other are joined. */
function readStages(
  placed: readonly { readonly step: CheckedStep; readonly index: number }[],
  filters: readonly PlacedFilter[],
): PlacedStage[] {
  const stages: PlacedStage[] = []
  for (const { step, index } of placed) {
    const filter = filters.find((one) => one.index === index)
    const last = stages.at(-1)
    if (filter !== undefined) {
      if (last?.kind === 'filters')
        stages[stages.length - 1] = { ...last, filters: [...last.filters, filter] }
      else stages.push({ kind: 'filters', index, filters: [filter] })
      continue
    }
    const { family, name, settings } = step
    const member = findStage(family, name)
    if (member !== undefined) stages.push({ kind: 'member', family, index, name, settings, member })
  }
  return stages
}

function toPromptStage(stage: PlacedStage): PromptStage | undefined {
  if (stage.kind === 'filters') return stage
  const { kind, index, name, settings, member } = stage
  return 'each' in member && hasPromptWork(member) ? { kind, index, name, settings, member } : undefined
}
const hasPromptWork = (member: EachMember): member is EachMember & Required<Pick<EachMember, 'ofPrompts'>> =>
  member.ofPrompts !== undefined

const withSettings = <V>(found: { step: CheckedStep; index: number }, settings: V): Placed<V> => ({
  index: found.index,
  name: found.step.name,
  settings,
})
