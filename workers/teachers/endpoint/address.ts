// Knows: what a typed address of a server may mean: scheme, host and path, and the base addresses to try in order.
// Must not know: how a server is called, what browsers allow (browser-rules.ts).
import { RetortError } from '../../../src/protocol/errors.ts'

/** Where a host is, as browsers see it. */
export type AddressSpace = 'loopback' | 'local' | 'public'

/** Endpoints that people copy with the address; what comes before them is the base. */
const ENDPOINT =
  /\/(?:chat\/completions|completions?|responses|models|embeddings|props|health|slots|tokenize|apply-template|api\/(?:chat|generate|tags|show|ps|version|embed|embeddings|v0(?:\/.*)?))$/

/**
 * The base addresses that a typed address may mean, the most likely first; for each, its list of models is at `/models`, and Ollama's own
 * protocol is at a base that ends in `/api`. A missing scheme, a missing `/v1` and the path of an endpoint are all allowed. Throws
 * `ModelRefused` with a sentence.
 */
export function listBases(typed: string): readonly string[] {
  const text = typed.trim().replace(/^["'`<]+|["'`>]+$/g, '')
  const hasScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(text)
  const whole = hasScheme ? text : `http://${text}`
  // Chromium accepts blanks in a host and encodes them.
  const first = URL.canParse(whole) && !/\s/.test(text) ? new URL(whole) : undefined
  if (first === undefined || text === '' || !/^https?:$/.test(first.protocol))
    throw new RetortError(
      'ModelRefused',
      `“${text.slice(0, 120)}” is not the address of a server. It must look like localhost:11434, or begin with http:// or https://.`,
    )
  if (first.username !== '' || first.password !== '')
    throw new RetortError(
      'ModelRefused',
      'This address contains a user name or a password. Enter the key in its own field, where it is neither stored nor shown.',
    )
  const space = spaceOf(first.hostname)
  // A key and texts never go to a public host without encryption unless that was typed.
  const schemes = hasScheme ? [first.protocol] : space === 'public' ? ['https:'] : ['http:', 'https:']
  const paths = listPaths(first.pathname)
  return schemes.flatMap((scheme) =>
    hostsOf(first).flatMap((host) => paths.map((path) => `${scheme}//${host}${path}`)),
  )
}

/** A base address that is known, such as a stored one. Throws `ModelRefused` with a sentence. */
export function requireBase(typed: string): string {
  const [first = ''] = listBases(typed)
  const url = new URL(first)
  const path = URL.canParse(typed) ? new URL(typed).pathname.replace(/\/+$/, '') : ''
  return path === '' || ENDPOINT.test(path) ? first : `${url.origin}${path}`
}

function listPaths(pathname: string): readonly string[] {
  let path = pathname.replace(/\/+$/, '')
  const isOwn = /\/api(?:\/(?:chat|generate|tags|show|ps|version|embed|embeddings))?$/.test(path)
  while (ENDPOINT.test(path)) path = path.replace(ENDPOINT, '')
  const above = path.replace(/\/api$/, '')
  const bases = /\/v\d+$/.test(path)
    ? [path]
    : path === ''
      ? ['/v1', '']
      : isOwn
        ? [`${above}/v1`, `${path}/v1`]
        : [path, `${path}/v1`]
  return [...new Set([...bases, `${above.replace(/\/v\d+$/, '')}/api`])]
}

/** Hosts that are no destination are replaced by this machine; `localhost` reaches both of its addresses. */
function hostsOf({ hostname, port }: URL): readonly string[] {
  const end = port === '' ? '' : `:${port}`
  if (hostname === '0.0.0.0') return [`127.0.0.1${end}`, `localhost${end}`]
  if (hostname === '[::]') return [`[::1]${end}`, `localhost${end}`]
  return hostname === '[::1]' ? [`[::1]${end}`, `localhost${end}`] : [`${hostname}${end}`]
}

/** By its name or number: loopback is this machine, local a private network (RFC 1918, link-local, unique local, `.local`, a bare name). */
export function spaceOf(hostname: string): AddressSpace {
  const host = hostname.toLowerCase().replace(/\.$/, '')
  if (/^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1?\]|0\.0\.0\.0)$/.test(host)) return 'loopback'
  const isLocal =
    (/^\d+(?:\.\d+){3}$/.test(host) &&
      /^(?:10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.)/.test(host)) ||
    /^\[(?:f[cd]|fe[89ab])/.test(host) ||
    /\.(?:local|lan|internal|home\.arpa)$/.test(host) ||
    !/[.:]/.test(host)
  return isLocal ? 'local' : 'public'
}

/** Whether a base is that of Ollama's own protocol. */
export const isOwnOllama = (base: string): boolean => base.endsWith('/api')

/** The address above that of a protocol, below which programs have their own endpoints. */
export const rootOf = (base: string): string => base.replace(/\/(?:v\d+|api)$/, '')
