// Knows: how the page and the workers of one tab report to other tabs that stored data changed.
// Must not know: what changed in it.

/** Milliseconds over which changes are collected: a run writes ten times a second. */
const COLLECT_MS = 250

interface Reporter {
  readonly channel: BroadcastChannel
  readonly changed: Set<string>
  timer: ReturnType<typeof setTimeout> | undefined
}
const reporters = new Map<string, Reporter>()

/** In Node an open channel and a timer keep the process alive. In browsers there is no `unref`, and a timer is a number. */
const unref = (held: unknown): void => {
  if (typeof held === 'object' && held !== null && 'unref' in held && typeof held.unref === 'function')
    held.unref()
}

function findReporter(name: string): Reporter | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined
  const found = reporters.get(name)
  if (found !== undefined) return found
  const channel = new BroadcastChannel(`retort changes of ${name}`)
  unref(channel)
  const made: Reporter = { channel, changed: new Set(), timer: undefined }
  reporters.set(name, made)
  return made
}

/** Reports to the other tabs, and to the other threads of this one, that these parts of the database or of the files changed. */
export function reportChange({ name }: { readonly name: string }, parts: Iterable<string>): void {
  const reporter = findReporter(name)
  if (reporter === undefined) return
  for (const part of parts) reporter.changed.add(part)
  if (reporter.timer !== undefined) return
  reporter.timer = setTimeout(() => {
    reporter.timer = undefined
    const changed = [...reporter.changed]
    reporter.changed.clear()
    reporter.channel.postMessage(changed)
  }, COLLECT_MS)
  unref(reporter.timer)
}

/** Calls `listener` with the parts that another tab or thread changed; returns a function that ends that. */
export function watchChanges(
  { name }: { readonly name: string },
  listener: (parts: ReadonlySet<string>) => void,
): () => void {
  const channel = findReporter(name)?.channel
  if (channel === undefined) return () => undefined
  const onMessage = ({ data }: MessageEvent<unknown>): void => {
    if (Array.isArray(data)) listener(new Set(data.filter((part) => typeof part === 'string')))
  }
  channel.addEventListener('message', onMessage)
  return () => channel.removeEventListener('message', onMessage)
}
