// Knows: which requests a permission covers, and the sentence for one that none covers.
import type { Permission } from '../../src/domain/traffic.ts'
import type { NetworkRequest } from '../../src/protocol/network.ts'

/** Headers that requests for models need. None identifies the person; the key is checked apart. */
const HEADERS: ReadonlySet<string> = new Set(['accept', 'content-type', 'range'])
/** Max bytes of an address: it is the one thing that a download sends. */
const MAX_ADDRESS = 4096

/** True if the address is the permitted one or below it. Both are compared as the browser writes them, so dots and escapes do not lead elsewhere. */
function isUnder(address: string, permitted: string): boolean {
  if (!address.startsWith(permitted)) return false
  const next = address.slice(permitted.length, permitted.length + 1)
  return permitted.endsWith('/') || next === '' || next === '/' || next === '?'
}

const normalize = (address: string): string | undefined => {
  if (!URL.canParse(address)) return undefined
  const url = new URL(address)
  url.hash = ''
  return url.href
}

/** The permission that covers a request, or a sentence. */
export function judgeRequest(
  { url, method, headers, body }: NetworkRequest,
  permissions: Iterable<Permission>,
): Permission | string {
  const address = normalize(url)
  if (address === undefined) return 'A request was not sent: its address is not one.'
  const { host, protocol, username } = new URL(address)
  const refused = (reason: string): string => `A request to ${host} was not sent: ${reason}`
  if (!/^https?:$/.test(protocol) || username !== '')
    return refused('only web addresses without a user name are requested.')
  if (address.length > MAX_ADDRESS) return refused(`its address is longer than ${MAX_ADDRESS} characters.`)
  const covering = [...permissions].filter(({ addresses }) =>
    addresses.some((permitted) => isUnder(address, normalize(permitted) ?? 'none')),
  )
  if (covering.length === 0) return refused('no source that is switched on needs this address.')
  const sending = covering.filter(
    ({ sends }) => (method === 'GET' && body === undefined) || (sends && method === 'POST'),
  )
  if (sending.length === 0) return refused('a download sends nothing but its address.')
  const fit = sending.find(({ key }) =>
    headers.every(([name, value]) =>
      name.toLowerCase() === 'authorization'
        ? key !== undefined && value === `Bearer ${key}`
        : HEADERS.has(name.toLowerCase()),
    ),
  )
  return fit ?? refused('it had a header that this source does not need.')
}
