// Knows: how the funnel's bars follow from prompts and rows, one by one, forwards and backwards.
// Must not know: where they are stored.
import type { StepAnswer } from '../domain/filter-answer.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { Row } from '../domain/row.ts'
import type { FunnelBar } from '../domain/run.ts'
import { readSteps } from './recipes/read-steps.ts'
import { findStep } from './steps.ts'

/** What a row or a prompt shows of itself to the funnel. */
export type CountedRow = Pick<Row, 'answers' | 'verdict'>
export type CountedPrompt = Pick<Prompt, 'answers' | 'origin'>

/** What became of one row or prompt at one step; `reason` where it was dropped, or could not be judged. */
export interface StepOutcome {
  readonly step: number
  readonly passed: boolean
  readonly reason?: string
}

/**
 * A reason without the number that was measured, so that like reasons add up: “3 words, fewer than 4” becomes
 * “… words, fewer than 4”. The measured numbers are those that stand in the answer's evidence.
 */
export function shortenReason({ answer }: StepAnswer): string {
  if (answer.kind === 'kept') return ''
  let reason = answer.reason
  for (const value of Object.values(answer.evidence)) {
    if (typeof value !== 'number') continue
    const found = [...reason.matchAll(/(?<![\w.])\d+(?:\.(\d+))?/g)].find(
      ([text, decimals = '']) => text === value.toFixed(decimals.length) || text === String(value),
    )
    if (found) reason = `${reason.slice(0, found.index)}…${reason.slice(found.index + found[0].length)}`
  }
  return reason
}

/** Where an unreadable verdict is told. It is no drop: what happens to such a row is the keep step's affair. */
export const unreadableReason = (reason: string): string => `could not be read: ${reason}`

/** The steps that a grown prompt reached. A seed asked as it is reached none. */
export function outcomesOfPrompt({ answers, origin }: CountedPrompt): StepOutcome[] {
  return origin.kind === 'grown' ? answers.map(outcomeOf) : []
}

/** The steps that a row reached, the one that wrote it and the judge included. */
export function outcomesOfRow(
  { answers, verdict }: CountedRow,
  steps: { readonly complete: number; readonly judge?: number },
): StepOutcome[] {
  const outcomes = answers.map(outcomeOf)
  if (!outcomes.some(({ step }) => step === steps.complete))
    outcomes.push({ step: steps.complete, passed: true })
  if (verdict && steps.judge !== undefined)
    outcomes.push({
      step: steps.judge,
      passed: true,
      ...(verdict.kind === 'unreadable' ? { reason: unreadableReason(verdict.reason) } : {}),
    })
  return outcomes
}

const outcomeOf = (said: StepAnswer): StepOutcome =>
  said.answer.kind === 'kept'
    ? { step: said.step, passed: true }
    : { step: said.step, passed: false, reason: shortenReason(said) }

interface Bar {
  readonly name: string
  readonly title: string
  readonly of: 'prompt' | 'completion'
  reached: number
  passed: number
  readonly reasons: Map<string, number>
}

/** Counts prompts and rows into bars. `times` is 1 to count in and −1 to take out what was counted before it changed. */
export class FunnelTally {
  readonly #bars = new Map<number, Bar>()
  readonly #steps: { readonly complete: number; readonly judge?: number }

  constructor(recipe: CheckedRecipe) {
    const { complete, judge } = readSteps(recipe)
    this.#steps = { complete: complete.index, ...(judge ? { judge: judge.index } : {}) }
    recipe.steps.forEach(({ family, name, settings }, step) => {
      if (family === 'freeze' || family === 'train' || (family === 'grow' && settings['prompts'] === 0))
        return
      this.#bars.set(step, {
        name,
        title: findStep(family, name)?.title ?? name,
        of: family === 'grow' ? 'prompt' : 'completion',
        reached: 0,
        passed: 0,
        reasons: new Map(),
      })
    })
  }

  countPrompt(prompt: CountedPrompt, times: 1 | -1 = 1): void {
    for (const outcome of outcomesOfPrompt(prompt)) this.#count(outcome, times)
  }

  countRow(row: CountedRow, times: 1 | -1 = 1): void {
    for (const outcome of outcomesOfRow(row, this.#steps)) this.#count(outcome, times)
  }

  /** The bars in the recipe's order, each with its reasons, most frequent first. */
  bars(): FunnelBar[] {
    return [...this.#bars].map(([step, { reasons, ...bar }]) => ({
      step,
      ...bar,
      reasons: [...reasons]
        .map(([reason, count]) => ({ reason, count }))
        .toSorted((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1)),
    }))
  }

  #count({ step, passed, reason }: StepOutcome, times: 1 | -1): void {
    const bar = this.#bars.get(step)
    if (!bar) return // of another version of the recipe: nothing to show it in
    bar.reached += times
    if (passed) bar.passed += times
    if (reason === undefined) return
    const count = (bar.reasons.get(reason) ?? 0) + times
    if (count > 0) bar.reasons.set(reason, count)
    else bar.reasons.delete(reason)
  }
}
