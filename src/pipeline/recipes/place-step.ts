// Knows: where a step can be in a recipe: positions that add no problem of order or number.
// Must not know: the rules themselves (check-steps.ts), YAML.
import type { Problem } from '../../domain/problem.ts'
import { FAMILIES, type StepDraft } from '../../domain/recipe.ts'
import { checkOrder } from './check-steps.ts'

/** Where a new step would be inserted, and the problems that the recipe then has in addition. */
export interface Place {
  readonly at: number
  readonly problems: readonly Problem[]
}

const rankOf = (family: string): number => FAMILIES.findIndex((known) => known === family)

/** A sentence without the numbers of steps, which change when a step moves. */
const withoutNumbers = ({ sentence }: Problem): string => sentence.replaceAll(/\d+/g, '')

/** Finds the problems of order that other steps have in addition to those of these ones. */
function compareWith(before: readonly StepDraft[]): (after: readonly StepDraft[]) => Problem[] {
  const present = checkOrder(before).map(withoutNumbers)
  return (after) => {
    const known = [...present]
    return checkOrder(after).filter((problem) => {
      const at = known.indexOf(withoutNumbers(problem))
      if (at < 0) return true
      known.splice(at, 1)
      return false
    })
  }
}

/**
 * The position for a new step: of those with the fewest new problems the one after the last step of its family, else that of its family
 * in the usual order, else the first.
 */
export function findPlace(steps: readonly StepDraft[], step: StepDraft): Place {
  const findAdded = compareWith(steps)
  const places = Array.from({ length: steps.length + 1 }, (_, at) => ({
    at,
    problems: findAdded(steps.toSpliced(at, 0, step)),
  }))
  const fewest = Math.min(...places.map(({ problems }) => problems.length))
  const possible = places.filter(({ problems }) => problems.length === fewest)
  const afterLast = steps.findLastIndex(({ family }) => family === step.family) + 1
  const later = steps.findIndex(({ family }) => rankOf(family) > rankOf(step.family))
  const usual = afterLast > 0 ? afterLast : later < 0 ? steps.length : later
  return (possible.find(({ at }) => at === usual) ?? possible[0]) as Place // one position has the fewest
}

/** The steps with one of them at another position. */
export function moveStep<S>(steps: readonly S[], from: number, to: number): S[] {
  const moved = steps[from]
  return moved === undefined || to < 0 || to >= steps.length
    ? [...steps]
    : steps.toSpliced(from, 1).toSpliced(to, 0, moved)
}

/** Problems that the recipe has in addition if a step moves from one position to another. */
export const findMoveProblems = (steps: readonly StepDraft[], from: number, to: number): readonly Problem[] =>
  compareWith(steps)(moveStep(steps, from, to))

/** Problems that the recipe has in addition if a step is replaced. */
export const findSwapProblems = (
  steps: readonly StepDraft[],
  at: number,
  step: StepDraft,
): readonly Problem[] => compareWith(steps)(steps.with(at, step))
