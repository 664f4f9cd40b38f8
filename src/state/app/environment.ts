// Knows: what the state needs from its environment; main.ts provides the browser's, a test its own.
import type { Threads } from './threads.svelte.ts'
import type { Download, Machines } from '../../actions/machines.ts'
import type { NetworkLog } from './network-log.svelte.ts'
import type { AwakePage } from './awake.ts'
import type { NoticePage } from './end-notices.svelte.ts'

export interface Environment {
  readonly machines: Machines
  readonly window: Pick<Window, 'location' | 'addEventListener'>
  /** The element that carries the chosen theme. */
  readonly root: HTMLElement
  /** Local storage; absent if the browser refuses it. */
  readonly memory: Pick<Storage, 'getItem' | 'setItem'> | undefined
  /** Chooses the number of threads; absent: as many as the browser reports. */
  readonly threads?: Threads
  readonly fetch: (address: string) => Promise<Response>
  /** Address of the page without its `#` part. */
  readonly page: string
  /** The browser discarded the page to save memory and loaded it again: nobody closed it. Only Chromium reports this. */
  readonly wasDiscarded: boolean
  /** What left this page for another origin; filled from outside. */
  readonly traffic: NetworkLog
  /** What keeps the machine awake and shows progress in the title; absent in tests. */
  readonly awake?: AwakePage
  /** What shows notifications; absent where the browser has none, and in tests. */
  readonly notices?: NoticePage
  /** Delivers a file to the person. */
  readonly deliver: (download: Download) => void
}

/** Shows a notification that brings the page to the front when it is pressed. */
export function showNotice(title: string, sentence: string): void {
  try {
    const notice = new Notification(title, { body: sentence, tag: title })
    notice.addEventListener('click', () => {
      window.focus()
      notice.close()
    })
  } catch {
    // Phones allow a page none. The title says that the work is done.
  }
}

/** Saves a file by clicking a temporary link. */
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
