// Knows: how far a run is: phase, counts, funnel, speed, time left, and the sentence that says so. In memory only.
// Must not know: the store, the teacher.
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { RunProgress } from '../../domain/run.ts'
import { FunnelTally } from '../../pipeline/funnel.ts'
import { readSteps } from '../../pipeline/recipes/read-steps.ts'
import type { GenerationEvent } from '../../protocol/teacher.ts'
import { Pace, type WorkPhase } from './pace.ts'
import { Speed } from './speed.ts'

type Phase = RunProgress['phase']

/** What the remaining work is computed from, beside the present phase's own counts. */
export interface Outlook {
  /** Prompts that the run will ask in all. */
  prompts: number
  /** Rows written, and of those the ones that passed all filters. */
  written: number
  passed: number
}

export class LiveRun {
  readonly tally: FunnelTally
  readonly outlook: Outlook = { prompts: 0, written: 0, passed: 0 }
  /** A sentence that stays beside the present one, such as why growing ended early. */
  note = ''
  paused = false
  readonly #pace = new Pace()
  readonly #speed = new Speed()
  readonly #perPrompt: number
  readonly #judges: boolean
  readonly #writtenTokens: { readonly growing: number; readonly completing: number }
  #phase: Phase = 'growing'
  #done = 0
  #total = 0
  readonly #tell: (progress: RunProgress) => void

  constructor(recipe: CheckedRecipe, tell: (progress: RunProgress) => void) {
    const { complete, grow, judge } = readSteps(recipe)
    this.tally = new FunnelTally(recipe)
    this.#perPrompt = complete.settings.n
    this.#judges = judge !== undefined
    this.#writtenTokens = { growing: grow?.settings.maxTokens ?? 0, completing: complete.settings.maxTokens }
    this.#tell = tell
  }

  get done(): number {
    return this.#done
  }
  get workedMs(): number {
    return this.#pace.workedMs
  }

  /** A phase begins (again, after a reload) with what is done of it. */
  enter(phase: Phase, done: number, total: number): void {
    this.#phase = phase
    this.#done = done
    this.#total = total
    this.#speed.rest()
    this.tell()
  }

  /** Units of the present phase are done. */
  count(units: number): void {
    this.#done += units
    if (isWork(this.#phase)) this.#pace.count(this.#phase, units)
    this.tell()
  }

  /** A call of the teacher begins; the returned function ends it. */
  work(): () => void {
    const phase = this.#phase
    this.#speed.rest()
    return isWork(phase) ? this.#pace.start(phase) : () => undefined
  }

  /** The teacher's own counts of tokens since its call began. */
  hear({ promptTokens, newTokens, ms }: Extract<GenerationEvent, { kind: 'progress' }>): void {
    // A judge writes nothing: its speed is that of reading.
    this.#speed.hear(this.#phase === 'judging' ? promptTokens : newTokens, ms)
    this.tell()
  }

  tell(): void {
    this.#tell(this.progress())
  }

  progress(): RunProgress {
    const msLeft = this.#msLeft()
    return {
      phase: this.#phase,
      sentence: [this.paused ? 'Paused.' : '', this.#sentence(), this.note].filter(Boolean).join(' '),
      done: this.#done,
      total: this.#total,
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
        return `Writing completions: ${count}.`
      case 'judging':
        return `Judging: ${count}.`
      case 'keeping':
        return `Choosing what to keep: ${count}.`
      case 'finished':
        return `Run finished: ${count} kept.`
      default:
        return this.#phase satisfies never
    }
  }

  #msLeft(): number | undefined {
    if (this.#phase === 'finished') return 0
    const { prompts, written, passed } = this.outlook
    const rows = prompts * this.#perPrompt
    const verdicts = this.#judges ? Math.round(rows * (written > 0 ? passed / written : 1)) : 0
    const left = Math.max(0, this.#total - this.#done)
    switch (this.#phase) {
      case 'growing':
        return this.#pace.msFor({ growing: left, completing: rows, judging: verdicts }, this.#writtenTokens)
      case 'completing':
        return this.#pace.msFor({ growing: 0, completing: left, judging: verdicts }, this.#writtenTokens)
      case 'judging':
        return this.#pace.msFor({ growing: 0, completing: 0, judging: left }, this.#writtenTokens)
      case 'keeping':
        return 0
      default:
        return this.#phase satisfies never
    }
  }
}

const isWork = (phase: Phase): phase is WorkPhase =>
  phase === 'growing' || phase === 'completing' || phase === 'judging'
