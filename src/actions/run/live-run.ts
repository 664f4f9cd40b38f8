// Knows: the progress of a run: phase, counts, funnel, speed, time left, and its sentence. In memory only.
// Must not know: the store, the teacher.
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { RunProgress } from '../../domain/run.ts'
import { workNow } from '../../domain/work-clock.ts'
import { FunnelTally } from '../../pipeline/funnel.ts'
import { readSteps } from '../../pipeline/recipes/read-steps.ts'
import type { GenerationEvent } from '../../protocol/teacher.ts'
import { PhaseTimer, type WorkPhase } from './phase-timer.ts'
import { Speed } from './speed.ts'

type Phase = RunProgress['phase']

/** Inputs of the remaining work, in addition to the current phase's own counts. */
export interface ExpectedWork {
  /** Prompts that the run will complete in total. */
  prompts: number
  /** Rows written, and how many of them passed all filters. */
  written: number
  passed: number
}

export class LiveRun {
  readonly tally: FunnelTally
  readonly expected: ExpectedWork = { prompts: 0, written: 0, passed: 0 }
  /** A sentence added to the current one, such as why growing ended early. */
  note = ''
  paused = false
  /** A model is being loaded in place of another: a sentence, or empty. */
  #loading = ''
  /** Counts of calls, read at each report. */
  countCalls: () => RunProgress['calls'] = () => ({ made: 0, replayed: 0 })
  readonly #timer = new PhaseTimer()
  readonly #speed = new Speed()
  readonly #completionsPerPrompt: number
  readonly #hasJudge: boolean
  readonly #maxTokens: { readonly growing: number; readonly completing: number }
  #phase: Phase = 'growing'
  #done = 0
  #total = 0
  /** Tokens and milliseconds of all calls that generated completions, but for the current one. */
  readonly #completed = { tokens: 0, ms: 0 }
  #callTokens = 0
  readonly #onProgress: (progress: RunProgress) => void

  constructor(recipe: CheckedRecipe, report: (progress: RunProgress) => void) {
    const { complete, grow, judge } = readSteps(recipe)
    this.tally = new FunnelTally(recipe)
    this.#completionsPerPrompt = complete.settings.n
    this.#hasJudge = judge !== undefined
    this.#maxTokens = {
      growing: grow ? grow.member.maxTokens(grow.settings) : 0,
      completing: complete.settings.maxTokens,
    }
    this.#onProgress = report
  }

  get done(): number {
    return this.#done
  }
  /** The real speed of generating completions in this part of the run. */
  get completed(): { readonly tokens: number; readonly ms: number } {
    return this.#completed
  }
  get workedMs(): number {
    return this.#timer.workedMs
  }

  /** Enters a phase (again, after a reload) with its count done so far. */
  enter(phase: Phase, done: number, total: number): void {
    this.#phase = phase
    this.#done = done
    this.#total = total
    this.#speed.reset()
    this.report()
  }

  /** Adds finished units of the current phase; those that were in the journal already take no time. */
  count(units: number, isWorked = true): void {
    this.#done += units
    if (isWorked && isWork(this.#phase)) this.#timer.count(this.#phase, units)
    this.report()
  }

  /** Starts timing a call of the teacher; the returned function ends it. */
  startCall(): () => void {
    const phase = this.#phase
    this.#speed.reset()
    this.#callTokens = 0
    const since = workNow()
    const end = isWork(phase) ? this.#timer.start(phase) : () => undefined
    return () => {
      end()
      if (phase !== 'completing') return
      this.#completed.tokens += this.#callTokens
      this.#completed.ms += workNow() - since
    }
  }

  /** Adds the teacher's token counts since its call began. */
  addTokens({ promptTokens, newTokens, ms }: Extract<GenerationEvent, { kind: 'progress' }>): void {
    // A judge generates no tokens: its speed is that of prefill.
    this.#callTokens = newTokens
    this.#speed.addTokens(this.#phase === 'judging' ? promptTokens : newTokens, ms)
    this.report()
  }

  showLoading(sentence: string): void {
    this.#loading = sentence
    this.report()
  }

  report(): void {
    this.#onProgress(this.progress())
  }

  progress(): RunProgress {
    const msLeft = this.#msLeft()
    return {
      phase: this.#phase,
      sentence: [this.paused ? 'Paused.' : '', this.#loading, this.#sentence(), this.note]
        .filter(Boolean)
        .join(' '),
      done: this.#done,
      total: this.#total,
      calls: this.countCalls(),
      tokensPerSecond: this.paused ? 0 : this.#speed.perSecond,
      ...(msLeft === undefined ? {} : { msLeft }),
      funnel: this.tally.bars(),
    }
  }

  #sentence(): string {
    const count = `${this.#done} of ${this.#total}`
    switch (this.#phase) {
      case 'growing':
        return `Growing prompts: ${count}.`
      case 'completing':
        return `Generating completions: ${count}.`
      case 'judging':
        return `Judging completions: ${count}.`
      case 'keeping':
        return `Selecting the rows to keep: ${count}.`
      case 'finished':
        return `Run finished: ${count} kept.`
      default:
        return this.#phase satisfies never
    }
  }

  #msLeft(): number | undefined {
    if (this.#phase === 'finished') return 0
    const { prompts, written, passed } = this.expected
    const rows = prompts * this.#completionsPerPrompt
    const verdicts = this.#hasJudge ? Math.round(rows * (written > 0 ? passed / written : 1)) : 0
    const left = Math.max(0, this.#total - this.#done)
    switch (this.#phase) {
      case 'growing':
        return this.#timer.msFor({ growing: left, completing: rows, judging: verdicts }, this.#maxTokens)
      case 'completing':
        return this.#timer.msFor({ growing: 0, completing: left, judging: verdicts }, this.#maxTokens)
      case 'judging':
        return this.#timer.msFor({ growing: 0, completing: 0, judging: left }, this.#maxTokens)
      case 'keeping':
        return 0
      default:
        return this.#phase satisfies never
    }
  }
}

const isWork = (phase: Phase): phase is WorkPhase =>
  phase === 'growing' || phase === 'completing' || phase === 'judging'
