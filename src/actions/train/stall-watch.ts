// Knows: when a training that has begun its steps sends none for far longer than the slowest machine needs for one.
// Must not know: what is done about it.
import type { TrainEvent, TrainRequest } from '../../protocol/student.ts'

/** Milliseconds that every first step gets at least. */
const MIN_LIMIT = 30_000
/** Floating-point operations per parameter and token: forward 2, backward 4. */
const OPERATIONS = 6
/** Operations per millisecond of a slow phone on one thread, halved. */
const SLOWEST = 500_000

/** Milliseconds that the first step may take: ten to a hundred times as long as it takes on a laptop. */
export function firstStepLimit(
  parameters: number,
  {
    batchSize,
    context,
    gradientAccumulation,
  }: Pick<TrainRequest['settings'], 'batchSize' | 'context' | 'gradientAccumulation'>,
): number {
  return MIN_LIMIT + (parameters * batchSize * context * gradientAccumulation * OPERATIONS) / SLOWEST
}

/**
 * Calls `onStall` once if the first step does not end within `limit` milliseconds after the steps have begun: in Firefox the runtime's
 * threads sometimes wait for each other forever in their first work, where nothing in the worker can notice it.
 */
export class StallWatch {
  readonly #limit: number
  readonly #onStall: () => void
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(limit: number, onStall: () => void) {
    this.#limit = limit
    this.#onStall = onStall
  }

  handle(event: TrainEvent): void {
    if (event.kind === 'phase' && event.phase === 'training')
      this.#timer ??= setTimeout(this.#onStall, this.#limit)
    else if (event.kind === 'step' || event.kind === 'checkpoint') this.end()
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}
