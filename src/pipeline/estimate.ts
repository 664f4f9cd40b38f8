// Knows: the cost of a whole run, extrapolated from a trial of a few rows.
// Must not know: clocks; it gets milliseconds.
import type { CheckedRecipe } from '../domain/recipe.ts'
import { readSteps, type PlacedCompleter } from './recipes/read-steps.ts'

/** Measurements of a trial of a few rows. Counts are of work really done; 0 if a step was not reached. */
export interface TrialMeasures {
  readonly growth: {
    readonly requests: number
    readonly accepted: number
    readonly tokens: number
    readonly ms: number
  }
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
  /** Completions to generate. */
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
/** Accepted prompts per request, without a trial: of about seven generated, half are usable. */
const DEFAULT_ACCEPTED = 3

/** Time, tokens and bytes of the whole recipe over `seeds` seeds. Every rate is the trial's; 0 without a trial. */
export function estimateRun(recipe: CheckedRecipe, seeds: number, trial: TrialMeasures): Estimate {
  const { grow, completers, judge } = readSteps(recipe)
  const { growth, completions, verdicts } = trial
  const grown = grow ? grow.member.countPrompts(grow.settings, seeds) : 0
  const prompts = grow ? grown + (grow.member.addsSeeds(grow.settings) ? seeds : 0) : seeds
  const rows = prompts * rowsPerPrompt(completers)
  const perRequest =
    growth.requests > 0 ? Math.max(growth.accepted / growth.requests, 0.25) : DEFAULT_ACCEPTED
  const requests = grown / perRequest
  const passed = rows * share(completions.passed, completions.rows)
  const judged = judge ? passed : 0
  const kept = rows * share(trial.kept, completions.rows)
  return {
    prompts,
    rows,
    kept: Math.round(kept),
    tokens: Math.round(
      requests * share(growth.tokens, growth.requests) + rows * share(completions.tokens, completions.rows),
    ),
    msTotal: Math.round(
      requests * share(growth.ms, growth.requests) +
        rows * share(completions.ms, completions.rows) +
        judged * share(verdicts.ms, verdicts.rows),
    ),
    storageBytes: Math.round(rows * (ROW_BYTES + 2 * share(trial.characters, completions.rows))), // strings are stored with two bytes a character
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
  const { grow, completers } = readSteps(recipe)
  const rows =
    ((grow ? grow.member.countPrompts(grow.settings, seeds) : 0) +
      (!grow || grow.member.addsSeeds(grow.settings) ? seeds : 0)) *
    rowsPerPrompt(completers)
  return {
    rows,
    storageBytes: rows * (ROW_BYTES + 2 * (PROMPT_CHARACTERS + TOKEN_CHARACTERS * maxTokensOf(completers))),
  }
}

const rowsPerPrompt = (completers: readonly PlacedCompleter[]): number => completers[0]?.place.perPrompt ?? 0

const maxTokensOf = (completers: readonly PlacedCompleter[]): number =>
  Math.max(0, ...completers.map(({ member, settings }) => member.maxTokens(settings)))

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)
