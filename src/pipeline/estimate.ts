// Knows: the cost of a whole run, extrapolated from a trial of a few rows.
// Must not know: clocks; it gets milliseconds.
import type { CheckedRecipe } from '../domain/recipe.ts'
import { countPrompts } from './growing/count-prompts.ts'
import { readSteps, type PlacedCompleter, type PlacedStage } from './recipes/read-steps.ts'

/** Measurements of a trial of a few rows. Counts are of work really done; 0 if a step was not reached. */
export interface TrialMeasures {
  /** Of each grow step, by its index in the recipe. */
  readonly growth: readonly {
    readonly step: number
    readonly requests: number
    readonly accepted: number
    readonly tokens: number
    readonly ms: number
  }[]
  readonly completions: {
    readonly rows: number
    readonly tokens: number
    readonly ms: number
    /** Rows that passed all filters. */ readonly passed: number
  }
  readonly verdicts: { readonly rows: number; readonly ms: number }
  /** Rows that the keep steps kept, of those judged; without a judge, the rows that passed. */
  readonly kept: number
  /** Characters of the rows' texts, for storage. */
  readonly characters: number
}

export interface Estimate {
  readonly prompts: number
  /** Completions to generate, at most all revisions of them included. */
  readonly rows: number
  /** Rows expected to be kept. */
  readonly kept: number
  /** Generated tokens: growth and completions. */
  readonly tokens: number
  readonly msTotal: number
  readonly storageBytes: number
}

/** Bytes of a stored row in addition to its texts: ids, sampling, verdict, decisions, indexes. */
const ROW_BYTES = 1600

/** Time, tokens and bytes of the whole recipe over `seeds` seeds. Every rate is the trial's; 0 without a trial. */
export function estimateRun(recipe: CheckedRecipe, seeds: number, trial: TrialMeasures): Estimate {
  const { parts, completers, stages, judge } = readSteps(recipe)
  const { growth, completions, verdicts } = trial
  const { prompts, made: grown } = countPrompts(parts, seeds)
  const rows = prompts * rowsPerPrompt(completers)
  const grow = grown.map((step) => {
    const measured = growth.find((one) => one.step === step.step)
    if (measured === undefined || measured.requests === 0) return { tokens: 0, ms: 0 }
    const { accepted, requests, tokens, ms } = measured
    const needed = step.prompts / Math.max(accepted / requests, 0.25)
    return { tokens: needed * share(tokens, requests), ms: needed * share(ms, requests) }
  })
  const passed = rows * share(completions.passed, completions.rows)
  const judged = judge ? passed : 0
  const kept = rows * share(trial.kept, completions.rows)
  const made = rows * textsPerRow(stages)
  return {
    prompts,
    rows: made,
    kept: Math.round(kept),
    tokens: Math.round(
      sum(grow.map(({ tokens }) => tokens)) + rows * share(completions.tokens, completions.rows),
    ),
    msTotal: Math.round(
      sum(grow.map(({ ms }) => ms)) +
        rows * share(completions.ms, completions.rows) +
        judged * share(verdicts.ms, verdicts.rows),
    ),
    storageBytes: Math.round(made * ROW_BYTES + rows * 2 * share(trial.characters, completions.rows)), // strings are stored with two bytes a character
  }
}

/** Characters of a grown prompt, a generous bound. */
const PROMPT_CHARACTERS = 400
/** Characters of a token, a generous bound. */
const TOKEN_CHARACTERS = 5

/** Completions of a run over `seeds` seeds and an upper bound of their bytes: known without a trial. */
export function boundRun(
  recipe: CheckedRecipe,
  seeds: number,
): { readonly rows: number; readonly storageBytes: number } {
  const { parts, completers, stages } = readSteps(recipe)
  const rows = countPrompts(parts, seeds).prompts * rowsPerPrompt(completers) * textsPerRow(stages)
  const maxTokens = Math.max(maxTokensOf(completers), ...stages.map(maxTokensOfStage))
  return {
    rows,
    storageBytes: rows * (ROW_BYTES + 2 * (PROMPT_CHARACTERS + TOKEN_CHARACTERS * maxTokens)),
  }
}

const rowsPerPrompt = (completers: readonly PlacedCompleter[]): number => completers[0]?.place.perPrompt ?? 0

const maxTokensOf = (completers: readonly PlacedCompleter[]): number =>
  Math.max(0, ...completers.map(({ member, settings }) => member.maxTokens(settings)))

/** Max rows that the steps on completions make of one, itself included: its revisions are rows too. */
const textsPerRow = (stages: readonly PlacedStage[]): number =>
  stages.reduce(
    (rows, stage) =>
      stage.kind === 'member' && 'each' in stage.member
        ? rows * (1 + (stage.member.countTexts?.(stage.settings) ?? 0))
        : rows,
    1,
  )

/** Max tokens of the texts that a step writes; 0 for one that writes none. */
function maxTokensOfStage(stage: PlacedStage): number {
  const maxTokens = stage.kind === 'member' ? stage.settings['maxTokens'] : undefined
  return typeof maxTokens === 'number' && textsPerRow([stage]) > 1 ? maxTokens : 0
}

const sum = (parts: readonly number[]): number => parts.reduce((total, part) => total + part, 0)
const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)
