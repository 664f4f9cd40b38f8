// Knows: what the state needs of the world outside; main.ts gives the browser's, a test its own.
import type { Download, Machines } from '../actions/machines.ts'

export interface Surroundings {
  readonly machines: Machines
  readonly window: Pick<Window, 'location' | 'addEventListener'>
  /** The element that carries the look's choice. */
  readonly root: HTMLElement
  /** Absent where the browser refuses it. */
  readonly memory: Pick<Storage, 'getItem' | 'setItem'> | undefined
  readonly fetch: (address: string) => Promise<Response>
  /** Address of the page without its `#` part. */
  readonly page: string
  /** The browser had thrown the page away to save memory and has loaded it again: nobody closed it. Chromium tells. */
  readonly wasDiscarded: boolean
  /** Gives a file to the person. */
  readonly deliver: (download: Download) => void
}

/** Saves a file through a link that is followed at once. */
export function deliverByLink({ name, blob }: Download): void {
  const link = document.createElement('a')
  const address = URL.createObjectURL(blob)
  link.href = address
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
  // Safari reads the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
