// Knows: what advice on a run reads of it: the funnel, how completions ended, the scores, the measured values of dropped rows.
// Collected one row at a time, so that a run of any size can be read.
// Must not know: where rows are stored.
import type { Evidence } from '../../domain/filter-decision.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { Row } from '../../domain/row.ts'
import type { FunnelBar, JudgeProbe } from '../../domain/run.ts'
import { meanScore } from '../../domain/verdict.ts'
import { FOUND_NOTHING, REPLACED, revise } from '../completing/revise.ts'
import { readSteps } from '../recipes/read-steps.ts'
import { findKeep } from '../selecting/index.ts'

export interface RunFacts {
  readonly recipe: CheckedRecipe
  /** Of the run as it is stored; prompts and completions. */
  readonly funnel: readonly FunnelBar[]
  /** The model that generated the completions. */
  readonly teacher: Pick<ModelRef, 'name' | 'fingerprint'>
  /** Tokens of a prompt and its completion together, if it is recorded. */
  readonly contextLength?: number
  readonly completions: number
  /** Completions that ended at max tokens. */
  readonly cut: number
  /** Of the judge, in the rows' order. */
  readonly scores: readonly number[]
  /** The judge, if a row was judged. */
  readonly judge?: Pick<ModelRef, 'name' | 'fingerprint'>
  /** For each step, the evidence with that name of the rows it dropped: `words`, `score`. */
  readonly measured: ReadonlyMap<number, Readonly<Record<string, readonly number[]>>>
  readonly probe?: JudgeProbe
  /** Of each step that revises: the rows that reached it, those with a revision, and those whose critique found nothing to change. */
  readonly revisions?: readonly RevisionFacts[]
}

export interface RevisionFacts {
  readonly step: number
  readonly rows: number
  readonly revised: number
  readonly foundNothing: number
}

/** What advice reads of a row. */
export type AdvisedRow = Pick<Row, 'completion' | 'decisions' | 'verdicts'>

/** Max values kept of one evidence of one step: enough for a quantile. */
const MAX_VALUES = 5000

export class RunFactsCollector {
  #completions = 0
  #cut = 0
  #judge: RunFacts['judge']
  readonly #scores: number[] = []
  readonly #measured = new Map<number, Record<string, number[]>>()

  readonly #revisions = new Map<number, RevisionFacts>()

  add({ completion, decisions, verdicts = [] }: AdvisedRow): void {
    this.#completions += 1
    if (completion.finishReason === 'length') this.#cut += 1
    this.#judge ??= verdicts[0]?.verdict.judge
    const score = meanScore(verdicts)
    if (score !== undefined) this.#scores.push(score)
    for (const { step, name: stepName, decision } of decisions) {
      if (stepName === revise.name) this.#addRevision(step, decision.evidence)
      if (decision.kind === 'kept') continue
      const values = this.#measured.get(step) ?? {}
      this.#measured.set(step, values)
      for (const [name, value] of Object.entries(decision.evidence)) {
        if (typeof value !== 'number') continue
        const known = (values[name] ??= [])
        if (known.length < MAX_VALUES) known.push(value)
      }
    }
  }

  /** A row that the step wrote itself has no such evidence. */
  #addRevision(step: number, { revisions, ending }: Evidence): void {
    if (typeof revisions !== 'number') return
    const { rows, revised, foundNothing } = this.#revisions.get(step) ?? {
      rows: 0,
      revised: 0,
      foundNothing: 0,
    }
    this.#revisions.set(step, {
      step,
      rows: rows + 1,
      revised: revised + (revisions > 0 ? 1 : 0),
      foundNothing: foundNothing + (revisions === 0 && ending === FOUND_NOTHING ? 1 : 0),
    })
  }

  facts(run: Pick<RunFacts, 'recipe' | 'funnel' | 'teacher' | 'contextLength' | 'probe'>): RunFacts {
    return {
      ...run,
      completions: this.#completions,
      cut: this.#cut,
      scores: this.#scores,
      measured: this.#measured,
      revisions: [...this.#revisions.values()],
      ...(this.#judge ? { judge: this.#judge } : {}),
    }
  }
}

/** Fewer rows than this show nothing. */
const MIN_DROPPED = 3
/** Share of the rows that reached a step from which its drops are worth an advice. */
const MIN_SHARE = 0.3

/** What a bar drops, without rows that left another in their place. */
const countDrops = ({ reached, passed, reasons }: FunnelBar): number =>
  reached - passed - (reasons.find(({ reason }) => reason === REPLACED)?.count ?? 0)

/** The bar that drops most completions, but for steps whose purpose it is, if it drops at least three and 30 % of those that reached it. */
export function mostDropping({ funnel }: Pick<RunFacts, 'funnel'>): FunnelBar | undefined {
  const drops = countDrops
  const [most] = funnel
    .filter(({ of, name }) => of === 'completion' && !findKeep(name)?.picks)
    .toSorted((a, b) => drops(b) - drops(a))
  return most !== undefined && drops(most) >= MIN_DROPPED && drops(most) >= MIN_SHARE * most.reached
    ? most
    : undefined
}

/** The same bar, if it is of this step. */
export const mostDroppingIs = (facts: RunFacts, name: string): FunnelBar | undefined => {
  const bar = mostDropping(facts)
  return bar?.name === name ? bar : undefined
}

/** The value at a share (0 to 1) of the sorted values; undefined without values. */
export function quantile(values: readonly number[] | undefined, share: number): number | undefined {
  if (values === undefined || values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}

/** A whole number setting of a step; undefined if it is none. */
export function numberOf(recipe: CheckedRecipe, step: number, field: string): number | undefined {
  const value = recipe.steps[step]?.settings[field]
  return typeof value === 'number' ? value : undefined
}

/** The first step in which a teacher writes, if there is one. */
export const completeOf = (recipe: CheckedRecipe) => readSteps(recipe).complete
