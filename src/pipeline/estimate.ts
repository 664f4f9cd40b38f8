// Knows: what a whole run will take, from what a few tried rows took.
// Must not know: clocks; it is given milliseconds.
import type { CheckedRecipe } from '../domain/recipe.ts'
import { readSteps } from './recipes/read-steps.ts'

/** What was measured while a few rows were tried. Counts are of work that was really done; 0 where a step was not reached. */
export interface Tried {
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
  /** Rows that the keep steps kept, of those judged; where there is no judge, the rows that passed. */
  readonly kept: number
  /** Characters of the rows' texts, for storage. */
  readonly characters: number
}

export interface Estimate {
  readonly prompts: number
  /** Completions asked for. */
  readonly rows: number
  /** Rows expected to be kept. */
  readonly kept: number
  /** Tokens written: growth and completions. */
  readonly tokens: number
  readonly msTotal: number
  readonly storageBytes: number
}

/** Bytes that a stored row takes beside its texts: ids, sampling, verdict, answers, indexes. */
const ROW_BYTES = 1600
/** Prompts that a request brings, where nothing was tried: of about seven written, half are usable. */
const ACCEPTED_UNTRIED = 3

/** Time, tokens and bytes for the whole recipe over `seeds` seeds. Every rate is that of the tried rows; nothing tried gives 0 for it. */
export function estimateRun(recipe: CheckedRecipe, seeds: number, tried: Tried): Estimate {
  const { grow, complete, judge } = readSteps(recipe)
  const { growth, completions, verdicts } = tried
  const grown = grow ? grow.settings.prompts : 0
  const prompts = grow ? grown + (grow.settings.alsoSeeds ? seeds : 0) : seeds
  const rows = prompts * complete.settings.n
  const perRequest =
    growth.requests > 0 ? Math.max(growth.accepted / growth.requests, 0.25) : ACCEPTED_UNTRIED
  const requests = grown / perRequest
  const passed = rows * share(completions.passed, completions.rows)
  const judged = judge ? passed : 0
  const kept = rows * share(tried.kept, completions.rows)
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
    storageBytes: Math.round(rows * (ROW_BYTES + 2 * share(tried.characters, completions.rows))), // strings are stored with two bytes a character
  }
}

/** Characters of a grown prompt, generously. */
const PROMPT_CHARACTERS = 400
/** Characters of a token, generously. */
const TOKEN_CHARACTERS = 5

/** Completions that a run over `seeds` seeds asks for, and the bytes they take at most: known before anything is tried. */
export function boundRun(
  recipe: CheckedRecipe,
  seeds: number,
): { readonly rows: number; readonly storageBytes: number } {
  const { grow, complete } = readSteps(recipe)
  const rows =
    ((grow ? grow.settings.prompts : 0) + (!grow || grow.settings.alsoSeeds ? seeds : 0)) *
    complete.settings.n
  return {
    rows,
    storageBytes:
      rows * (ROW_BYTES + 2 * (PROMPT_CHARACTERS + TOKEN_CHARACTERS * complete.settings.maxTokens)),
  }
}

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)
