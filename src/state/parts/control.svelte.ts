// Knows: a run control that the page can observe.
import { RunControl } from '../../actions/control.ts'

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
}
