// Knows: which step of a changed recipe is which of the recipe before, so that an open step stays open when steps are moved or inserted.
import type { StepDraft } from '../../domain/recipe.ts'

interface KnownStep {
  readonly id: number
  readonly step: StepDraft
}

/** Gives each step a number that it keeps while the recipe changes around it. */
export class StepIds {
  #known: readonly KnownStep[] = []
  #next = 0

  /** One number per step, none twice. */
  match(steps: readonly StepDraft[]): readonly number[] {
    const left = [...this.#known]
    const ids: (number | undefined)[] = steps.map(() => undefined)
    const rules: readonly ((a: StepDraft, b: StepDraft) => boolean)[] = [isSame, isLike]
    for (const rule of rules)
      steps.forEach((step, at) => {
        if (ids[at] !== undefined) return
        const found = left.findIndex((known) => rule(known.step, step))
        if (found >= 0) ids[at] = left.splice(found, 1)[0]?.id
      })
    const all = ids.map((id) => id ?? this.#next++)
    this.#known = steps.map((step, at) => ({ id: all[at] as number, step }))
    return all
  }
}

const isLike = (a: StepDraft, b: StepDraft): boolean => a.family === b.family && a.name === b.name
const isSame = (a: StepDraft, b: StepDraft): boolean =>
  isLike(a, b) && JSON.stringify(a.settings) === JSON.stringify(b.settings)
