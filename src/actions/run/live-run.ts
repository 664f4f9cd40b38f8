// Knows: the progress of a run: its parts, counts, funnel, speed, time left, and its sentence. In memory only.
// Must not know: the store, the teacher.
import type { Cast } from '../../domain/cast.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { RunPhase, RunProgress, RunStage } from '../../domain/run.ts'
import { workNow } from '../../domain/work-clock.ts'
import { FunnelTally } from '../../pipeline/funnel.ts'
import { readSteps } from '../../pipeline/recipes/read-steps.ts'
import { titleSteps } from '../../pipeline/recipes/step-titles.ts'
import type { GenerationEvent } from '../../protocol/teacher.ts'
import { PhaseTimer } from './phase-timer.ts'
import { planStages, type PlannedStage } from './plan-stages.ts'
import { Speed } from './speed.ts'

/** Inputs of the remaining work, in addition to the current part's own counts. */
export interface ExpectedWork {
  /** Prompts that the run will complete in total. */
  prompts: number
  /** Rows written, and how many of them passed the filters that follow. */
  written: number
  passed: number
}

/** What a grow step made: usable prompts with those beyond the number wanted, requests, tokens. */
export interface GrownCounts {
  accepted: number
  requests: number
  tokens: number
}

/** Min milliseconds between two reports that can wait. */
const MIN_INTERVAL = 25

export class LiveRun {
  readonly tally: FunnelTally
  readonly expected: ExpectedWork = { prompts: 0, written: 0, passed: 0 }
  readonly #grown = new Map<number, GrownCounts>()
  /** Sentences added to the current one, such as why growing ended early. */
  readonly notes = new Set<string>()
  paused = false
  /** A model is being loaded in place of another: a sentence, or empty. */
  #loading = ''
  /** Counts of calls, read at each report. */
  countCalls: () => RunProgress['calls'] = () => ({ made: 0, replayed: 0 })
  readonly #timer = new PhaseTimer()
  readonly #speed = new Speed()
  readonly #stages: readonly PlannedStage[]
  /** Counts of the parts that were entered, by step. */
  readonly #counts = new Map<number, { done: number; total: number }>()
  #reportedAt = -Infinity
  #late: ReturnType<typeof setTimeout> | undefined
  /** Index of the current part. */
  #at = 0
  #isFinished = false
  #finished = { done: 0, total: 0 }
  /** Tokens and milliseconds of all calls that generated completions, but for the current one. */
  readonly #completed = { tokens: 0, ms: 0 }
  #callTokens = 0
  readonly #onProgress: (progress: RunProgress) => void

  constructor(recipe: CheckedRecipe, cast: Cast, report: (progress: RunProgress) => void) {
    this.tally = new FunnelTally(recipe)
    this.#stages = planStages(readSteps(recipe), titleSteps(recipe.steps), cast)
    this.#onProgress = report
  }

  get done(): number {
    return this.#count.done
  }
  /** The real speed of generating completions in this part of the run. */
  get completed(): { readonly tokens: number; readonly ms: number } {
    return this.#completed
  }
  get workedMs(): number {
    return this.#timer.workedMs
  }
  /** What a grow step made in this part of the run, to be added to. */
  grownBy(step: number): GrownCounts {
    const counts = this.#grown.get(step) ?? { accepted: 0, requests: 0, tokens: 0 }
    this.#grown.set(step, counts)
    return counts
  }
  /** Milliseconds that machines worked for a step. */
  msOf(step: number): number {
    return this.#timer.msOf(step)
  }

  /** Enters a part (again, after a reload) with its count done so far: by its phase, or by the index of its step. */
  enter(part: RunPhase | number, done: number, total: number): void {
    if (part === 'finished') {
      this.#isFinished = true
      this.#finished = { done, total }
    } else {
      const at = this.#stages.findIndex(
        ({ phase, step }) => (typeof part === 'number' ? step : phase) === part,
      )
      if (at >= 0) this.#at = at
      this.#counts.set(this.#stage.step, { done, total })
    }
    this.#speed.reset()
    this.report(true)
  }

  /** Adds finished units of the current part; those that were in the journal already take no time. */
  count(units: number, isWorked = true): void {
    const count = this.#count
    this.#counts.set(this.#stage.step, { ...count, done: count.done + units })
    if (isWorked && this.#stage.weight > 0) this.#timer.count(this.#stage.step, units)
    this.report()
  }

  /** Starts timing a call of a model; the returned function ends it. */
  startCall(): () => void {
    const { step, phase } = this.#stage
    this.#speed.reset()
    this.#callTokens = 0
    const since = workNow()
    const end = this.#timer.start(step)
    return () => {
      end()
      if (phase !== 'completing') return
      this.#completed.tokens += this.#callTokens
      this.#completed.ms += workNow() - since
    }
  }

  /** Adds the model's token counts since its call began. */
  addTokens({ promptTokens, newTokens, ms }: Extract<GenerationEvent, { kind: 'progress' }>): void {
    // A judge generates no tokens: its speed is that of prefill.
    this.#callTokens = newTokens
    this.#speed.addTokens(newTokens === 0 ? promptTokens : newTokens, ms)
    this.report()
  }

  showLoading(sentence: string): void {
    this.#loading = sentence
    this.report(true)
  }

  /**
   * Reports the progress: at once, or soon, since it takes longer to write than a row takes that is in the journal. What is late is reported
   * with the next one at the latest.
   */
  report(isUrgent = false): void {
    const now = performance.now()
    if (!isUrgent && now - this.#reportedAt < MIN_INTERVAL) {
      this.#late ??= setTimeout(() => this.report(true), MIN_INTERVAL)
      return
    }
    clearTimeout(this.#late)
    this.#late = undefined
    this.#reportedAt = now
    this.#onProgress(this.progress())
  }

  progress(): RunProgress {
    const msLeft = this.#msLeft()
    const { done, total } = this.#isFinished ? this.#finished : this.#count
    return {
      phase: this.#isFinished ? 'finished' : this.#stage.phase,
      stages: this.#stages.map((stage, at) => this.#show(stage, at)),
      sentence: [this.paused ? 'Paused.' : '', this.#loading, this.#sentence(), ...this.notes]
        .filter(Boolean)
        .join(' '),
      done,
      total,
      calls: this.countCalls(),
      tokensPerSecond: this.paused ? 0 : this.#speed.perSecond,
      ...(msLeft === undefined ? {} : { msLeft }),
      funnel: this.tally.bars(),
    }
  }

  /** Whether the recipe has several parts of this kind. */
  #isOneOf(kind: RunPhase): boolean {
    return this.#stages.filter(({ phase }) => phase === kind).length > 1
  }
  get #stage(): PlannedStage {
    return this.#stages[this.#at] as PlannedStage // a recipe has a complete step
  }
  get #count(): { readonly done: number; readonly total: number } {
    return this.#counts.get(this.#stage.step) ?? { done: 0, total: 0 }
  }

  #show({ step, title, model }: PlannedStage, at: number): RunStage {
    const { done, total } = this.#counts.get(step) ?? { done: 0, total: 0 }
    return {
      step,
      title,
      ...(model === undefined ? {} : { model }),
      status: this.#isFinished || at < this.#at ? 'done' : at === this.#at ? 'running' : 'waiting',
      done,
      total,
    }
  }

  #sentence(): string {
    if (this.#isFinished) return `Run finished: ${this.#finished.done} of ${this.#finished.total} kept.`
    const { phase, title } = this.#stage
    const count = `${this.#count.done} of ${this.#count.total}`
    switch (phase) {
      case 'growing':
        return `${this.#isOneOf('growing') ? title : 'Growing prompts'}: ${count}.`
      case 'completing':
        return `Generating completions: ${count}.`
      case 'filtering':
        return `Filtering completions: ${count}.`
      case 'judging':
        return `${this.#isOneOf('judging') ? title : 'Judging completions'}: ${count}.`
      case 'working':
        return `${title}: ${count}.`
      case 'keeping':
        return `Selecting the rows to keep: ${count}.`
      case 'finished':
        return ''
      default:
        return phase satisfies never
    }
  }

  /** Time for the rest of this part and for those after it, with the rows expected in each. */
  #msLeft(): number | undefined {
    if (this.#isFinished) return 0
    const { prompts, written, passed } = this.expected
    let rows = prompts
    const parts = this.#stages.map((stage, at) => {
      const enters = rows
      if (stage.phase !== 'growing') rows *= stage.grows
      const expected = stage.phase === 'completing' ? rows : enters
      if (stage.phase === 'completing') rows = Math.round(rows * (written > 0 ? passed / written : 1))
      const left =
        at === this.#at ? Math.max(0, this.#count.total - this.#count.done) : at > this.#at ? expected : 0
      return { step: stage.step, weight: stage.weight, left }
    })
    return this.#timer.msFor(parts)
  }
}
