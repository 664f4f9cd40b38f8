// Knows: the cost of a whole run, extrapolated from a trial of a few rows.
// Must not know: clocks; it gets milliseconds.
import type { CheckedRecipe } from '../domain/recipe.ts'
import { readSteps, type PlacedCompleter, type PlacedStage } from './recipes/read-steps.ts'

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
/** Accepted prompts per request, without a trial: of about seven generated, half are usable. */
const DEFAULT_ACCEPTED = 3

/** Time, tokens and bytes of the whole recipe over `seeds` seeds. Every rate is the trial's; 0 without a trial. */
export function estimateRun(recipe: CheckedRecipe, seeds: number, trial: TrialMeasures): Estimate {
  const { grow, completers, stages, judge } = readSteps(recipe)
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
  const made = rows * textsPerRow(stages)
  return {
    prompts,
    rows: made,
    kept: Math.round(kept),
    tokens: Math.round(
      requests * share(growth.tokens, growth.requests) + rows * share(completions.tokens, completions.rows),
    ),
    msTotal: Math.round(
      requests * share(growth.ms, growth.requests) +
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
  const { grow, completers, stages } = readSteps(recipe)
  const rows =
    ((grow ? grow.member.countPrompts(grow.settings, seeds) : 0) +
      (!grow || grow.member.addsSeeds(grow.settings) ? seeds : 0)) *
    rowsPerPrompt(completers) *
    textsPerRow(stages)
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

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)
