// Knows: a run, one execution of one checked recipe, as stored. Counters are computed from rows, never kept here.
import type { ProjectId, RecipeHash, RunId } from './id.ts'
import type { ModelRef } from './model.ts'

export type RunStatus = 'going' | 'paused' | 'stopped' | 'finished' | 'failed'

export interface Run {
  readonly projectId: ProjectId
  readonly id: RunId
  readonly recipeHash: RecipeHash
  /** The recipe as YAML: immutable from here on. */
  readonly recipeText: string
  readonly teacher: ModelRef
  readonly status: RunStatus
  /** A sentence, where the run failed or was stopped. */
  readonly why?: string
  readonly startedAt: number
  readonly endedAt?: number
  /** Milliseconds of work so far, pauses left out. */
  readonly workedMs: number
}

/** A bar of the funnel: rows that reached a step and what became of them there. */
export interface FunnelBar {
  /** Index of the step, and its member's name. */
  readonly step: number
  readonly name: string
  readonly title: string
  /** `prompt` before completions exist, `completion` after. */
  readonly of: 'prompt' | 'completion'
  readonly reached: number
  readonly passed: number
  /** Reasons with their counts, most frequent first; numbers in a reason are left out so that like reasons add up. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[]
}

/** Live only; never stored. */
export interface RunProgress {
  readonly phase: 'growing' | 'completing' | 'judging' | 'keeping' | 'finished'
  /** In words, for the status line. */
  readonly sentence: string
  /** Units of the present phase (prompts, completions, verdicts). */
  readonly done: number
  readonly total: number
  readonly tokensPerSecond: number
  /** Milliseconds for the rest of the run; undefined until it can be told. */
  readonly msLeft?: number
  readonly funnel: readonly FunnelBar[]
}
