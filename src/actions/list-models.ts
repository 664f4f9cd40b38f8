// Knows: the models one can choose without a picker: those kept in this browser and those that the page's host serves.
import type { ModelSource } from '../domain/model.ts'
import { modelFiles } from '../storage/files.ts'

export interface ListedModel {
  readonly name: string
  readonly bytes: number
  /** `stored` in this browser, or `served` from the `models/` folder beside the page. */
  readonly where: 'stored' | 'served'
  readonly source: ModelSource
  /** Milliseconds since 1970, of stored ones. */
  readonly savedAt?: number
}

/** Models listed by `models/index.json` at most. */
const SERVED_LIMIT = 200

/** Stored ones first, then served ones that are not stored. A host without a `models/` folder has none. */
export async function listModels({ fetch, page }: { fetch: (address: string) => Promise<Response>; page: string }): Promise<readonly ListedModel[]> {
  const stored = (await modelFiles.list()).map(({ name, bytes, savedAt }): ListedModel => ({ name, bytes, savedAt, where: 'stored', source: { kind: 'stored', name } }))
  const names = new Set(stored.map(({ name }) => name))
  return [...stored, ...(await listServed(fetch, page)).filter(({ name }) => !names.has(name))]
}

async function listServed(fetch: (address: string) => Promise<Response>, page: string): Promise<ListedModel[]> {
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
    if (typeof name !== 'string' || name === '' || typeof url !== 'string' || typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) return []
    if (!URL.canParse(url, page)) return []
    const address = new URL(url, page)
    return address.origin === new URL(page).origin ? [{ name, bytes, where: 'served' as const, source: { kind: 'url' as const, url: address.href } }] : []
  })
}
