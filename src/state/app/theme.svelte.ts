// Knows: the theme: light, dark or the system's, stored in this browser.

export const THEMES = ['system', 'light', 'dark'] as const
export type ThemeChoice = (typeof THEMES)[number]

const KEY = 'retort theme'

const readChoice = (stored: string | null): ThemeChoice =>
  THEMES.find((theme) => theme === stored) ?? 'system'

export class Theme {
  #choice = $state<ThemeChoice>('system')
  readonly #memory: Pick<Storage, 'getItem' | 'setItem'> | undefined
  readonly #root: HTMLElement

  /** `memory` is absent if the browser refuses storage; the choice then lasts until the page closes. */
  constructor(root: HTMLElement, memory: Pick<Storage, 'getItem' | 'setItem'> | undefined) {
    this.#root = root
    this.#memory = memory
    this.#choice = readChoice(memory?.getItem(KEY) ?? null)
    this.#apply()
  }

  get choice(): ThemeChoice {
    return this.#choice
  }

  choose(choice: ThemeChoice): void {
    this.#choice = choice
    this.#memory?.setItem(KEY, choice)
    this.#apply()
  }

  #apply(): void {
    if (this.#choice === 'system') delete this.#root.dataset['theme']
    else this.#root.dataset['theme'] = this.#choice
  }
}
