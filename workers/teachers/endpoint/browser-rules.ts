// Knows: which servers a browser lets a page call, and the most likely cause when there is no response.
// Sources: W3C Mixed Content; Local Network Access (Chrome and Edge 142: a page from https may call a private network over http if the person
// allows it; Firefox and Safari: only programs on this machine).
import { spaceOf, type AddressSpace } from './address.ts'

/** What the browser and the page are like. */
export interface BrowserEnvironment {
  /** The page's own origin. */
  readonly page: string
  /** It implements Local Network Access: it requests permission instead of blocking http. */
  readonly requestsPermission: boolean
  readonly isOffline: boolean
  /** The permission for this machine or the local network, where it can be read. */
  readonly permission: (space: 'loopback' | 'local') => Promise<PermissionState | undefined>
}

/** How this browser is. Works in a worker. */
export const readEnvironment = (): BrowserEnvironment => ({
  page: globalThis.location?.origin ?? 'this page',
  requestsPermission: typeof Request === 'function' && 'targetAddressSpace' in Request.prototype,
  isOffline: globalThis.navigator?.onLine === false,
  permission: readPermission,
})

/** Chrome split the permission's name after its first version. */
const PERMISSIONS = {
  loopback: ['loopback-network', 'local-network-access'],
  local: ['local-network', 'local-network-access'],
} as const

async function readPermission(space: 'loopback' | 'local'): Promise<PermissionState | undefined> {
  for (const name of PERMISSIONS[space])
    try {
      // The names are not in TypeScript's list yet; browsers without them throw.
      const { state } = await navigator.permissions.query({ name: name as PermissionName })
      return state
    } catch {
      continue
    }
  return undefined
}

const isEncrypted = (page: string): boolean => page.startsWith('https:')

/** Why the browser blocks this address whatever the server does: a sentence. Undefined if it does not. */
export function refusalOf(
  base: string,
  { page, requestsPermission }: BrowserEnvironment,
): string | undefined {
  const { protocol, hostname, host } = new URL(base)
  const space = spaceOf(hostname)
  if (protocol === 'https:' || space === 'loopback' || !isEncrypted(page)) return undefined
  if (space === 'public')
    return `Browsers do not let this page call ${host} without encryption. Use its https:// address.`
  return requestsPermission
    ? undefined
    : `This browser lets a page from https call http addresses only on this machine, and ${host} is another one. Chrome and Edge from version 142 on request permission for it instead; otherwise put the server behind https, or forward its port to this machine.`
}

/** Marks a request to a name on the local network, which a browser cannot recognise by itself: it then requests permission instead of blocking it. */
export function fetchOptions(
  base: string,
  { page, requestsPermission }: BrowserEnvironment,
): { readonly targetAddressSpace?: 'local' } {
  const { protocol, hostname } = new URL(base)
  const isMarked =
    requestsPermission && isEncrypted(page) && protocol === 'http:' && spaceOf(hostname) === 'local'
  return isMarked ? { targetAddressSpace: 'local' } : {}
}

const SPACES: readonly AddressSpace[] = ['public', 'local', 'loopback']

/** A permission is needed only from a page in a less private space: one from this machine reaches everything. */
function isMorePrivate(space: AddressSpace, page: string): boolean {
  const own = URL.canParse(page) ? spaceOf(new URL(page).hostname) : 'public'
  return SPACES.indexOf(space) > SPACES.indexOf(own)
}

/** Programs by their default port, and how each is configured to accept requests from a page. */
const PROGRAMS = new Map<string, (page: string) => string>([
  ['11434', (page) => `is Ollama running, and was it started with OLLAMA_ORIGINS=${page}?`],
  ['8080', () => 'is llama-server running? By default it accepts requests from every page.'],
  ['1234', () => 'is LM Studio’s server started on the Developer tab, with “Enable CORS” turned on?'],
  ['8000', (page) => `is vLLM running, and was it started with --allowed-origins '["${page}"]'?`],
])

/**
 * The most likely cause of a missing response, in a sentence. Browsers do not report to a page whether a server was unreachable or its
 * response was hidden because it allows no other pages (CORS).
 */
export async function causeOfSilence(base: string, environment: BrowserEnvironment): Promise<string> {
  const { host, port, hostname } = new URL(base)
  const space = spaceOf(hostname)
  if (space === 'public' && environment.isOffline)
    return `${host} cannot be reached: this machine is offline.`
  const permission =
    space !== 'public' && isMorePrivate(space, environment.page)
      ? await environment.permission(space)
      : undefined
  if (permission === 'denied')
    return `The browser does not let this page reach ${space === 'loopback' ? 'programs on this machine' : 'the local network'}: the permission was denied. Allow it in the browser’s settings for this site, then look for models again.`
  const program =
    PROGRAMS.get(port)?.(environment.page) ??
    `is the program running, and does it allow requests from other pages (CORS, for ${environment.page})?`
  return `${host} did not respond, or does not allow this page to read its responses: ${program}`
}
