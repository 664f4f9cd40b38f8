// Knows: whether everything the page needs without a network is stored, and whether a newer version waits.
import {
  registerService,
  type OfflineStatus,
  type ServiceReports,
  type WaitingVersion,
} from '../../actions/machine/register-service.ts'
import type { Ability } from './machine.svelte.ts'
import { Task } from '../parts/task.svelte.ts'

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

export class Service {
  #offline = $state.raw<OfflineStatus | undefined>()
  #waiting = $state.raw<WaitingVersion | undefined>()
  #notice = $state<string | undefined>()
  #refusal = $state<string | undefined>()
  /** Taking the newer version. */
  readonly taking = new Task()
  readonly #ability = $derived.by(() => describeOffline(this.#offline))

  /** Whether the page opens offline, for the first screen; undefined until it is known. */
  get ability(): Ability | undefined {
    return this.#ability
  }
  /** A newer version of the page is stored and waits. */
  get isNewerWaiting(): boolean {
    return this.#waiting !== undefined
  }
  /** Why the page cannot be stored: a sentence. */
  get notice(): string | undefined {
    return this.#notice
  }
  /** Why the newer version was not taken: a sentence. */
  get refusal(): string | undefined {
    return this.#refusal ?? this.taking.error
  }

  /** Registers the service worker. `ready` resolves when the first screen has what it needs. */
  async start(
    ready: Promise<unknown>,
    register: (reports: ServiceReports) => Promise<string | undefined> = registerService,
  ): Promise<void> {
    this.#notice = await register({
      ready,
      onOffline: (status) => (this.#offline = status),
      onWaiting: (version) => (this.#waiting = version),
    })
  }

  /** Reloads the page with the newer version. */
  async takeNewer(): Promise<void> {
    this.#refusal = undefined
    const others = await this.taking.do(async () => this.#waiting?.take())
    if (others !== undefined && others > 0)
      this.#refusal =
        others === 1
          ? 'Another tab shows this page. Close it first: two versions must not use the same data.'
          : `${others} other tabs show this page. Close them first: two versions must not use the same data.`
  }
}

function describeOffline(status: OfflineStatus | undefined): Ability | undefined {
  if (status === undefined) return undefined
  const { storedBytes, totalBytes, ended } = status
  const rest = megabytes(totalBytes - storedBytes)
  const title = 'Without a network'
  if (storedBytes >= totalBytes)
    return {
      title,
      value: 'Ready',
      meaning: `The page, its engine and the built-in teacher are stored in this browser (${megabytes(totalBytes)}). Everything except downloads works offline.`,
      tone: 'good',
    }
  if (ended === undefined)
    return {
      title,
      value: `${rest} to come`,
      meaning: `${megabytes(storedBytes)} of ${megabytes(totalBytes)} are stored. Until all of it is, the page needs its host.`,
      tone: 'fair',
    }
  return {
    title,
    value: `${rest} missing`,
    meaning:
      ended === 'full'
        ? 'This browser has no space left for the page, so it needs its host. Delete a model or a project, or free disk space, and reload the page.'
        : 'The host of this page could not be reached, so not everything is stored. Reload the page when you are connected.',
    tone: 'fair',
  }
}
