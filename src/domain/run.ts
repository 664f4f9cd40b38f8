// Knows: a run: one execution of one checked recipe, as stored. Counters are computed from rows, never stored here.
import type { ChatFormat } from './chat-format.ts'
import type { ProjectId, RecipeHash, RunId } from './id.ts'
import type { Backend } from './machine.ts'
import type { ModelRef } from './model-card.ts'
import type { Role } from './role.ts'
import type { WeightForm } from './weight-form.ts'

export type RunStatus = 'running' | 'paused' | 'stopped' | 'finished' | 'failed'

/** How a model was loaded: with the same values it generates the same texts. */
export interface LoadedWith {
  readonly backend: Backend
  /** Tokens. */
  readonly contextLength: number
  readonly weights?: WeightForm
  /** In place of the model's own chat template. */
  readonly chatFormat?: ChatFormat
}

/** A model as a record names it; without `loadedWith` a model server ran it. */
export interface RecordedModel {
  readonly model: ModelRef
  readonly loadedWith?: LoadedWith
}

/** What a judge made of completions that were shown with another row's prompt, next to its scores of them with their own. */
export interface JudgeProbe {
  /** Completions scored both ways. */
  readonly pairs: number
  /** Pairs in which the score with the other prompt was not lower. */
  readonly foreignAsHigh: number
  readonly meanOwn: number
  readonly meanForeign: number
}

export interface Run {
  readonly projectId: ProjectId
  readonly id: RunId
  readonly recipeHash: RecipeHash
  /** The recipe as YAML; it never changes after the start. */
  readonly recipeText: string
  readonly teacher: ModelRef
  /** How the teacher was loaded at the start; absent for a model server, and in runs of version 0.1. */
  readonly loadedWith?: LoadedWith
  /** The model that judges, if it is not the teacher as loaded for this run; absent too without a judge step. */
  readonly judge?: ModelRef
  /** How the judge's own model was loaded; absent for a model server. */
  readonly judgeLoadedWith?: LoadedWith
  /** The models of all other roles that have one of their own; the teacher's does the work of the rest. */
  readonly models?: Readonly<Record<Role, RecordedModel>>
  readonly status: RunStatus
  /** A sentence; only if the run failed or was stopped. */
  readonly reason?: string
  readonly startedAt: number
  readonly endedAt?: number
  /** Of its judge, after its last verdict; absent without a judge, or with too few rows. */
  readonly judgeProbe?: JudgeProbe
  /** What it did not use or make, each a sentence. */
  readonly notes?: readonly string[]
  /** Milliseconds of work so far, without pauses. */
  readonly workedMs: number
  /** It was deleted then, in milliseconds since 1970, and can still be restored; no list shows it. */
  readonly deletedAt?: number
}

/** A bar of the funnel: how many rows reached a step and how many passed it. */
export interface FunnelBar {
  /** Index and name of the step. */
  readonly step: number
  readonly name: string
  readonly title: string
  /** `prompt` before completions exist, `completion` after. */
  readonly of: 'prompt' | 'completion'
  readonly reached: number
  readonly passed: number
  /** Reasons with their counts, most frequent first; numbers in a reason are left out so that similar reasons are counted together. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[]
}

/** What a run does at a time. `working`: a step on completions that neither filters nor judges. */
export type RunPhase = 'growing' | 'completing' | 'filtering' | 'judging' | 'working' | 'keeping' | 'finished'

/** A part of a run's work: a step that needs a model or looks at all rows. */
export interface RunStage {
  /** Index of the step. */
  readonly step: number
  readonly title: string
  /** Name of the model that does it, if one does. */
  readonly model?: string
  readonly status: 'waiting' | 'running' | 'done'
  /** Units done and to do; both 0 while it waits. */
  readonly done: number
  readonly total: number
}

/** Live only; never stored. */
export interface RunProgress {
  readonly phase: RunPhase
  /** The parts of the work in order, with the models that do them. */
  readonly stages: readonly RunStage[]
  /** In words, for the status line. */
  readonly sentence: string
  /** Units of the current phase (prompts, completions, verdicts, rows). */
  readonly done: number
  readonly total: number
  readonly tokensPerSecond: number
  /** Calls of models made so far, and calls whose replies were in the journal. */
  readonly calls: { readonly made: number; readonly replayed: number }
  /** Milliseconds for the rest of the run; undefined until it can be estimated. */
  readonly msLeft?: number
  readonly funnel: readonly FunnelBar[]
}
