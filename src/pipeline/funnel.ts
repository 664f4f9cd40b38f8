// Knows: how prompts and rows are counted into the funnel's bars, one at a time, and taken out again.
// Must not know: where they are stored.
import type { StepDecision } from '../domain/filter-decision.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import type { Row } from '../domain/row.ts'
import type { FunnelBar } from '../domain/run.ts'
import { titleSteps } from './recipes/step-titles.ts'

/** What the funnel reads of a row or a prompt. */
export type CountedRow = Pick<Row, 'decisions' | 'verdicts' | 'step'>
export type CountedPrompt = Pick<Prompt, 'decisions'>

/** The outcome of one row or prompt at one step; `reason` if it was dropped or has an unreadable verdict. */
export interface StepOutcome {
  readonly step: number
  readonly passed: boolean
  readonly reason?: string
}

/**
 * A reason without the measured number, so that equal reasons add up: “3 words, fewer than 4” becomes
 * “fewer than 4 words”, “ROUGE-L 0.85, above 0.7” becomes “ROUGE-L above 0.7”. The measured numbers are those in the decision's
 * evidence; limits stay, whatever the evidence has.
 */
export function shortenReason({ decision }: StepDecision): string {
  if (decision.kind === 'kept') return ''
  let { reason } = decision
  for (const value of Object.values(decision.evidence)) {
    if (typeof value !== 'number') continue
    const found = [...reason.matchAll(/(?<![\w.])-?\d+(?:\.(\d+))?/g)].find(
      ({ 0: text, 1: decimals = '', index }) =>
        (text === String(value) || (decimals !== '' && text === value.toFixed(decimals.length))) &&
        !isLimit(reason.slice(0, index)),
    )
    if (found) reason = `${reason.slice(0, found.index)}…${reason.slice(found.index + found[0].length)}`
  }
  return reason
    .replace(
      /^… (?:% )?(.+), ((?:fewer|more) than \d\S*(?: %)?)$/u,
      (_, what: string, limit: string) => `${limit} ${what === 'word' ? 'words' : what}`,
    )
    .replaceAll(/ …, (above|below) /gu, ' $1 ')
}

/** Whether what follows these words is a limit or a quotation: it is the same for all rows. */
const isLimit = (before: string): boolean =>
  /(?:than|above|below|over|under|at least|at most|top|best|first|last|max|min|limit of|up to)\s*$/iu.test(
    before,
  ) || before.lastIndexOf('“') > before.lastIndexOf('”')

/** The reason counted for an unreadable verdict. It is not a drop: the keep step decides on such a row. */
export const unreadableReason = (reason: string): string => `unreadable verdict: ${reason}`

/** The reason counted for a row or a prompt of which a step could not read the model. It is no drop either. */
const UNREADABLE_RESPONSE = 'unreadable response: '
const UNREADABLE_COMPARISON = 'unreadable comparison'

/** Whether a bar's reason is one of those. A judge's verdicts have advice of their own. */
export const isUnreadable = (reason: string): boolean =>
  reason.startsWith(UNREADABLE_RESPONSE) || reason === UNREADABLE_COMPARISON

/** The steps that decided on a prompt. */
export const outcomesOfPrompt = ({ decisions }: CountedPrompt, first: FirstSteps): StepOutcome[] =>
  decisions.map((decided) => outcomeOf(decided, first))

/** The first step of these families in a recipe: that of rows and verdicts without a step of their own. */
export interface FirstSteps {
  /** Steps that read a model's response into something else than a verdict: their evidence says what could not be read. */
  readonly reading: ReadonlySet<number>
  readonly complete: number
  readonly judge?: number
}

/** The steps that a row reached, the complete step and the judge included. */
export function outcomesOfRow(
  { decisions, verdicts = [], step: writtenIn }: CountedRow,
  first: FirstSteps,
): StepOutcome[] {
  const outcomes = decisions.map((decided) => outcomeOf(decided, first))
  const complete = writtenIn ?? first.complete
  if (!outcomes.some(({ step }) => step === complete)) outcomes.push({ step: complete, passed: true })
  for (const { step = first.judge, verdict } of verdicts) {
    if (step === undefined) continue
    outcomes.push({
      step,
      passed: true,
      ...(verdict.kind === 'unreadable' ? { reason: unreadableReason(verdict.reason) } : {}),
    })
  }
  return outcomes
}

function outcomeOf(decided: StepDecision, { reading }: FirstSteps): StepOutcome {
  const { step, decision } = decided
  if (decision.kind === 'dropped') return { step, passed: false, reason: shortenReason(decided) }
  const unreadable = reading.has(step) ? decision.evidence['unreadable'] : undefined
  return {
    step,
    passed: true,
    ...(typeof unreadable === 'string'
      ? { reason: `${UNREADABLE_RESPONSE}${unreadable}` }
      : unreadable === undefined
        ? {}
        : { reason: UNREADABLE_COMPARISON }),
  }
}

/** Those of a recipe. */
export function firstSteps(recipe: CheckedRecipe): FirstSteps {
  const find = (family: string): number => recipe.steps.findIndex((step) => step.family === family)
  const [complete, judge] = [find('complete'), find('judge')]
  const reading = new Set(
    recipe.steps.flatMap(({ family }, step) => (family === 'tag' || family === 'compare' ? [step] : [])),
  )
  return { complete, reading, ...(judge < 0 ? {} : { judge }) }
}

interface Bar {
  readonly name: string
  readonly title: string
  readonly of: 'prompt' | 'completion'
  reached: number
  passed: number
  readonly reasons: Map<string, number>
}

/** Counts prompts and rows into bars. `times` is 1 to count, −1 to remove what was counted before it changed. */
export class FunnelTally {
  readonly #bars = new Map<number, Bar>()
  readonly #first: FirstSteps

  constructor(recipe: CheckedRecipe) {
    this.#first = firstSteps(recipe)
    const titles = titleSteps(recipe.steps)
    recipe.steps.forEach(({ family, name, settings }, step) => {
      if (family === 'freeze' || family === 'train' || (family === 'grow' && settings['prompts'] === 0))
        return
      this.#bars.set(step, {
        name,
        title: titles[step] ?? name,
        of: step < this.#first.complete ? 'prompt' : 'completion',
        reached: 0,
        passed: 0,
        reasons: new Map(),
      })
    })
  }

  countPrompt(prompt: CountedPrompt, times: 1 | -1 = 1): void {
    for (const outcome of outcomesOfPrompt(prompt, this.#first)) this.#count(outcome, times)
  }

  /** Counts decisions that were added to a row, or taken from it. */
  countDecisions(decisions: readonly StepDecision[], times: 1 | -1 = 1): void {
    for (const decision of decisions) this.#count(outcomeOf(decision, this.#first), times)
  }

  countRow(row: CountedRow, times: 1 | -1 = 1): void {
    for (const outcome of outcomesOfRow(row, this.#first)) this.#count(outcome, times)
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
    if (!bar) return // a step of another recipe: it has no bar
    bar.reached += times
    if (passed) bar.passed += times
    if (reason === undefined) return
    const count = (bar.reasons.get(reason) ?? 0) + times
    if (count > 0) bar.reasons.set(reason, count)
    else bar.reasons.delete(reason)
  }
}
