// Knows: the route, read from the part of the address after `#`: `#/`, `#/self-check`, or `#/<project>/<screen>?<params>`.
// Must not know: what the screens show.
import { readId, type ProjectId } from '../../domain/id.ts'

export const SCREENS = [
  'seeds',
  'teacher',
  'recipe',
  'run',
  'dataset',
  'student',
  'compare',
  'take-home',
] as const
export type ScreenName = (typeof SCREENS)[number]

export type Place =
  | { readonly kind: 'home' }
  | { readonly kind: 'self-check' }
  | {
      readonly kind: 'screen'
      readonly projectId: ProjectId
      readonly screen: ScreenName
      readonly params: Readonly<Record<string, string>>
    }

/** The place of an address; anything unknown is home. */
export function readPlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const [id, name] = path.split('/')
  if (id === 'self-check') return { kind: 'self-check' }
  const projectId = readId('project', id)
  if (projectId === undefined) return { kind: 'home' }
  const screen = SCREENS.find((known) => known === name) ?? 'seeds'
  return { kind: 'screen', projectId, screen, params: Object.fromEntries(new URLSearchParams(query)) }
}

export const SELF_CHECK = '#/self-check'

/** The address of a screen. */
export function hrefOf(
  projectId: ProjectId,
  screen: ScreenName,
  params: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams(params).toString()
  return `#/${projectId}/${screen}${query === '' ? '' : `?${query}`}`
}

export class Route {
  #place = $state.raw<Place>({ kind: 'home' })
  readonly #window: Pick<Window, 'location' | 'addEventListener'>

  /** `onMove` is called after each change of place. */
  constructor(window: Pick<Window, 'location' | 'addEventListener'>, onMove: (place: Place) => void) {
    this.#window = window
    this.#place = readPlace(window.location.hash)
    window.addEventListener('hashchange', () => {
      this.#place = readPlace(window.location.hash)
      onMove(this.#place)
    })
  }

  get place(): Place {
    return this.#place
  }

  /** A query parameter, in which a screen stores what it shows, such as a filter of the table. */
  param(name: string): string | undefined {
    return this.#place.kind === 'screen' ? this.#place.params[name] : undefined
  }

  go(projectId: ProjectId, screen: ScreenName, params: Readonly<Record<string, string>> = {}): void {
    this.#window.location.hash = hrefOf(projectId, screen, params)
  }

  goHome(): void {
    this.#window.location.hash = '#/'
  }
}
