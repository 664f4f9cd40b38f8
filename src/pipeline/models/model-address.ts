// Knows: what an address of a model refers to: a GGUF file, or a model's page on a hub, in the forms in which people copy it.
// Must not know: the hub's responses (workers/teachers/hub).
// The forms are those of huggingface.co: `/owner/name`, with `/tree/revision`, `/blob/revision/file` or `/resolve/revision/file` after it.

/** The parts of the address of a model's page on a hub. */
export interface HubLocation {
  /** The hub's address, without a final slash. */
  readonly base: string
  /** `owner/name`, or `name` alone for the oldest models. */
  readonly name: string
  /** A branch, a tag or a commit; undefined is the hub's default. */
  readonly revision?: string
  /** The file that the address points at. */
  readonly file?: string
}

export type ModelAddress =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'hub'; readonly url: string; readonly variant?: string }

/** Max characters of an address. */
const MAX_LENGTH = 2000

/** What the text is the address of; undefined if it is not a web address. A GGUF file is its own address, anything else is a hub's page. */
export function readModelAddress(text: string): ModelAddress | undefined {
  const url = readUrl(text)
  if (url === undefined) return undefined
  const location = readHubLocation(url.href)
  const isGguf = /\.gguf$/i.test(url.pathname)
  if (location === undefined || (isGguf && location.file === undefined) || /\.gguf\b/i.test(url.search))
    return { kind: 'url', url: url.href }
  if (isGguf && !/\/blob\//.test(url.pathname)) return { kind: 'url', url: url.href }
  return { kind: 'hub', url: url.href, ...(location.file === undefined ? {} : { variant: location.file }) }
}

/** Parses the address of a page; undefined if it contains no model name. */
export function readHubLocation(address: string): HubLocation | undefined {
  const url = readUrl(address)
  if (url === undefined) return undefined
  const parts = url.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decode)
  if (parts.some((part) => part === undefined)) return undefined
  const words = parts as readonly string[] // the line above
  const at = words.findIndex((word, i) => i > 0 && /^(tree|blob|resolve|raw|commit|discussions)$/.test(word))
  const before = at < 0 ? words : words.slice(0, at)
  const name = before.slice(-2)
  if (name.length === 0 || !name.every((word) => /^[\w.-]{1,96}$/.test(word) && !/^\.+$/.test(word)))
    return undefined
  const base = [url.origin, ...before.slice(0, -2).map((word) => encodeURIComponent(word))].join('/')
  const [kind, revision, ...file] = at < 0 ? [] : words.slice(at)
  const isPinned = kind !== 'discussions' && revision !== undefined
  return {
    base,
    name: name.join('/'),
    ...(isPinned ? { revision } : {}),
    ...(isPinned && (kind === 'blob' || kind === 'resolve') && file.length > 0
      ? { file: file.join('/') }
      : {}),
  }
}

function readUrl(text: string): URL | undefined {
  const trimmed = text.trim()
  if (trimmed.length > MAX_LENGTH || !URL.canParse(trimmed)) return undefined
  const url = new URL(trimmed)
  return /^https?:$/.test(url.protocol) && url.username === '' ? url : undefined
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}
