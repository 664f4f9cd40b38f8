// Knows: when a training that has begun its steps sends none for far longer than the slowest machine needs for one.
// Must not know: what is done about it.
import { lossOf, planOf } from '../../pipeline/training/index.ts'
import type { TrainEvent, TrainRequest } from '../../protocol/student.ts'

/** Milliseconds that every first step gets at least. */
const MIN_LIMIT = 30_000
/** Floating-point operations per parameter and token: forward 2, backward 4. */
const OPERATIONS = 6
/** Operations per millisecond of a slow phone on one thread, halved. */
const SLOWEST = 500_000

/** Further operations of a loss on its own completions: they are generated, and scored by the student and by the one it started from. */
const OWN_OPERATIONS = 6
/** The longest time that a browser's timer can wait; a longer one would end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Milliseconds that the first step may take: ten to a hundred times as long as it takes on a laptop. Undefined if it waits for another model,
 * whose speed is not known: a lent teacher may be as slow as it is.
 */
export function firstStepLimit(parameters: number, settings: TrainRequest['settings']): number | undefined {
  const { teacher, completions } = planOf(settings)
  if (teacher?.kind === 'during' && teacher.lent) return undefined
  const { batchSize, context, gradientAccumulation } = settings
  const kind = lossOf(settings).rows
  const rows = batchSize * (completions?.perPrompt ?? 1) * (kind === 'pairs' || kind === 'sides' ? 2 : 1)
  const operations = OPERATIONS + (completions && completions.share > 0 ? OWN_OPERATIONS : 0)
  return Math.min(
    MAX_TIMER_MS,
    MIN_LIMIT + (parameters * rows * context * gradientAccumulation * operations) / SLOWEST,
  )
}

/** How many times as long as the first step a later one may take: evaluations, samples and checkpoints come between two steps. */
const LATER = 10

/**
 * Calls `onStall` once if the first step does not end within `limit` milliseconds after the steps have begun, or a later one within ten
 * times that: in Firefox the runtime's threads sometimes wait for each other forever, where nothing in the worker can notice it.
 */
export class StallWatch {
  readonly #limit: number
  readonly #onStall: () => void
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(limit: number, onStall: () => void) {
    this.#limit = Math.min(MAX_TIMER_MS, limit)
    this.#onStall = onStall
  }

  handle(event: TrainEvent): void {
    if (event.kind === 'phase' && event.phase === 'training')
      this.#timer ??= setTimeout(this.#onStall, this.#limit)
    else if (this.#timer !== undefined) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(this.#onStall, Math.min(MAX_TIMER_MS, this.#limit * LATER))
    }
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
