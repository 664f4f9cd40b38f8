// Knows: the notifications that say that a run, a training or a comparison has ended: only if the person allowed them here and in the
// browser, and only while the page is hidden.
// Must not know: what the work is.
import { untrack } from 'svelte'

/** The parts of the browser that are used; a test has its own. */
export interface NoticePage {
  readonly document: Pick<Document, 'hidden'>
  readonly permission: () => NotificationPermission
  readonly request: () => Promise<NotificationPermission>
  readonly show: (title: string, sentence: string) => void
}

/** Work with an end that is worth a notification. */
export interface NoticedWork {
  /** As in “Run ended”. */
  readonly name: string
  readonly task: {
    readonly running: boolean
    readonly error: string | undefined
    readonly progress: { readonly sentence: string } | undefined
  }
}

type Memory = Pick<Storage, 'getItem' | 'setItem'> | undefined

const KEY = 'retort notices'

export class EndNotices {
  readonly #page: NoticePage | undefined
  readonly #memory: Memory
  #wanted = $state(false)
  #permission = $state<NotificationPermission>('default')

  constructor({ notices, memory }: { readonly notices?: NoticePage; readonly memory: Memory }) {
    this.#page = notices
    this.#memory = memory
    this.#wanted = memory?.getItem(KEY) === 'on'
    this.#permission = notices?.permission() ?? 'denied'
  }

  /** The browser has notifications. */
  get possible(): boolean {
    return this.#page !== undefined
  }
  /** The person refused them in the browser. */
  get blocked(): boolean {
    return this.#permission === 'denied'
  }
  get on(): boolean {
    return this.#wanted && this.#permission === 'granted'
  }

  /** Switches them on or off; the browser shows its question about the permission when they are first switched on. */
  async toggle(): Promise<void> {
    const wanted = !this.on
    if (wanted && this.#permission !== 'granted')
      this.#permission = (await this.#page?.request().catch(() => undefined)) ?? 'denied'
    this.#wanted = wanted
    this.#memory?.setItem(KEY, wanted ? 'on' : 'off')
  }

  /** Notifies when one of these ends, until the returned function is called. */
  watch(project: () => string, works: readonly NoticedWork[]): () => void {
    return $effect.root(() => {
      for (const { name, task } of works) {
        let wasRunning = false
        $effect(() => {
          const { running } = task
          if (wasRunning && !running)
            untrack(() =>
              this.#show(`${name} ended: ${project()}`, task.error ?? task.progress?.sentence ?? ''),
            )
          wasRunning = running
        })
      }
    })
  }

  #show(title: string, sentence: string): void {
    if (this.on && this.#page?.document.hidden === true) this.#page.show(title, sentence.slice(0, 300))
  }
}
