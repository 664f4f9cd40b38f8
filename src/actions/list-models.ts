// Knows: the models one can choose without a picker: the one in the box, those kept in this browser, those that the page's host serves.
import type { ModelSource } from '../domain/model.ts'
import { parseBoxCard, type BoxCard } from '../pipeline/box-card.ts'
import { modelFiles } from '../storage/files.ts'
import { modelFolders } from '../storage/model-folders.ts'

export interface ListedModel {
  /** Of the file or folder. */
  readonly name: string
  readonly bytes: number
  /** `box`: comes with the page; `stored` in this browser; `half` stored; `served` from the `models/` folder beside the page. */
  readonly where: 'box' | 'stored' | 'half' | 'served'
  readonly source: ModelSource
  /** Milliseconds since 1970, of stored ones. */
  readonly savedAt?: number
  /** Bytes that are here of what is half stored. */
  readonly here?: number
}

/** How the page gets its own files. `page` is its address. */
export interface PageFiles {
  readonly fetch: (address: string) => Promise<Response>
  readonly page: string
}

/** Models listed by `models/index.json` at most. */
const SERVED_LIMIT = 200

/** The card of the teacher in the box; undefined where the page came without one. Throws on a card of another form: the build is damaged. */
export async function readBoxCard({ fetch, page }: PageFiles): Promise<BoxCard | undefined> {
  const response = await fetch(new URL('teacher/card.json', page).href).catch(() => undefined)
  if (!response?.ok || !/json/.test(response.headers.get('content-type') ?? '')) return undefined
  const card = parseBoxCard(await response.json().catch(() => undefined))
  if (card.ok) return card.value
  throw new Error(card.problems[0]?.sentence)
}

/** The box as it is chosen. */
export const listBox = ({ file, bytes }: BoxCard, page: string): ListedModel => ({
  name: file,
  bytes,
  where: 'box',
  source: { kind: 'box', url: new URL(`teacher/${file}`, page).href },
})

/** What a broken download left: going on is to choose it again. */
const listHalf = async (): Promise<ListedModel[]> =>
  (await modelFolders.list()).flatMap(({ name, bytes, here, hub, wholeAt }): ListedModel[] => {
    if (wholeAt !== undefined) return []
    const source: ModelSource =
      hub === undefined
        ? { kind: 'stored', name }
        : { kind: 'hub', url: hub.url, ...(hub.variant === undefined ? {} : { variant: hub.variant }) }
    return [{ name, bytes, here, where: 'half', source }]
  })

/** Stored ones first, half stored ones after them, then served ones that are not stored. A host without a `models/` folder has none. */
export async function listModels({ fetch, page }: PageFiles): Promise<readonly ListedModel[]> {
  const stored = (await modelFiles.list()).map(({ name, bytes, savedAt }): ListedModel => ({
    name,
    bytes,
    savedAt,
    where: 'stored',
    source: { kind: 'stored', name },
  }))
  const half = await listHalf()
  const names = new Set([...stored, ...half].map(({ name }) => name))
  return [...stored, ...half, ...(await listServed(fetch, page)).filter(({ name }) => !names.has(name))]
}

async function listServed(
  fetch: (address: string) => Promise<Response>,
  page: string,
): Promise<ListedModel[]> {
  const index = new URL('models/index.json', page)
  try {
    const response = await fetch(index.href)
    if (!response.ok || !/json/.test(response.headers.get('content-type') ?? '')) return []
    return parseServed(await response.json(), page)
  } catch {
    return [] // no network and no copy: there is nothing to list, and nothing is wrong
  }
}

/** Reads the listing; entries of another form, or that point to another origin, are left out. */
export function parseServed(listing: unknown, page: string): ListedModel[] {
  if (!Array.isArray(listing)) return []
  return listing.slice(0, SERVED_LIMIT).flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return []
    const { name, bytes, url } = entry as { name?: unknown; bytes?: unknown; url?: unknown }
    if (
      typeof name !== 'string' ||
      name === '' ||
      typeof url !== 'string' ||
      typeof bytes !== 'number' ||
      !Number.isSafeInteger(bytes) ||
      bytes < 0
    )
      return []
    if (!URL.canParse(url, page)) return []
    const address = new URL(url, page)
    return address.origin === new URL(page).origin
      ? [{ name, bytes, where: 'served' as const, source: { kind: 'url' as const, url: address.href } }]
      : []
  })
}
