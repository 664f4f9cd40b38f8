// Knows: a run control that the page can observe.
import { RunControl } from '../../actions/control.ts'
import type { Task } from './task.svelte.ts'

export class WatchedControl {
  #control: RunControl | undefined
  #paused = $state(false)
  #stopping = $state(false)

  get paused(): boolean {
    return this.#paused
  }
  /** Stop was requested and the work has not ended yet. */
  get stopping(): boolean {
    return this.#stopping
  }

  /** A fresh control for one piece of work. */
  begin(): RunControl {
    const control = new RunControl()
    this.#control = control
    this.#paused = false
    this.#stopping = false
    control.onChange(() => {
      this.#paused = control.paused
      this.#stopping = control.stopped
    })
    return control
  }

  end(): void {
    this.#control = undefined
    this.#paused = false
    this.#stopping = false
  }

  pause(): void {
    this.#control?.pause()
  }
  resume(): void {
    this.#control?.resume()
  }
  stop(): void {
    this.#control?.stop()
  }

  /**
   * Does long work as a task, with its progress reported there. Undefined if the task is running already, or if it failed.
   * @param refresh rereads what the work has stored: before its first progress is reported, and before the task ends, since otherwise
   * the screen would briefly show interrupted work
   */
  async do<P, Result>(
    task: Task<P>,
    start: (control: RunControl) => AsyncGenerator<P, Result>,
    refresh: { readonly first: () => Promise<unknown>; readonly last: () => Promise<unknown> },
  ): Promise<Result | undefined> {
    if (task.running) return undefined
    const ended = await task.do(async (_signal, report) => {
      const work = start(this.begin())
      for (;;) {
        const next = await work.next()
        if (next.done) {
          await refresh.last()
          return next.value
        }
        if (task.progress === undefined) await refresh.first()
        report(next.value)
      }
    })
    this.end()
    if (ended === undefined) await refresh.last()
    return ended
  }
}
