// Knows: the response headers that isolate the page, and its content security policy.
// Must not know: who adds them to a response (vite.config.ts locally, the service worker elsewhere).

/**
 * Cross-origin isolation: without these a browser offers no shared memory, so wasm has one thread.
 * `require-corp` and not `credentialless`, which Safari does not support.
 */
export const ISOLATION_HEADERS: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/**
 * The page's own files are the default, since WebKit does not know `manifest-src`; what the page never uses is blocked.
 * `connect-src` keeps the page and its workers on its own origin: that nothing leaves the machine is enforced by the browser.
 * `wasm-unsafe-eval` allows wasm, not `eval`.
 */
const DIRECTIVES: readonly string[] = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "font-src 'self'",
  "media-src 'none'",
  "frame-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "object-src 'none'",
]

/** For a meta element, in which a browser ignores `frame-ancestors` and logs a warning about it. */
export const POLICY_FOR_META = DIRECTIVES.join('; ')

/** For a response header. */
export const POLICY_FOR_HEADER = [...DIRECTIVES, "frame-ancestors 'none'"].join('; ')

/**
 * For the network worker's script, the only one that may reach other origins: it runs nothing else, and only while something that the
 * person switched on needs it. All of http, because a server may be on this machine or the local network, and a policy cannot name private
 * addresses or `[::1]`; what is permitted is checked in the worker (network/judge-request.ts).
 */
export const NETWORK_POLICY = ["default-src 'none'", "script-src 'self'", 'connect-src https: http:'].join(
  '; ',
)

/** The network worker's script in the build. */
const NETWORK_SCRIPT = /(?:^|\/)assets\/network-[\w-]{8}\.js$/

/** All headers of a served response but those that depend on its path. */
export const HOSTING_HEADERS: Readonly<Record<string, string>> = {
  ...ISOLATION_HEADERS,
  'Content-Security-Policy': POLICY_FOR_HEADER,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // Browsers otherwise look up the hosts of links before anybody follows them.
  'X-DNS-Prefetch-Control': 'off',
}

/** The headers of the response for a path of the build, which may begin with the path that it is served under. */
export const headersOf = (path: string): Readonly<Record<string, string>> =>
  NETWORK_SCRIPT.test(path)
    ? { ...HOSTING_HEADERS, 'Content-Security-Policy': NETWORK_POLICY }
    : HOSTING_HEADERS

/**
 * The policy of a response of the development server: hot reloading needs inline styles and a socket to the server itself.
 * @param url path and query of the request; Vite marks workers' scripts in the query
 * @param host the server's own, with its port
 */
export function developmentPolicyOf(url: string, host: string): string {
  if (/\/workers\/network\.ts\?.*worker_file/.test(url)) return NETWORK_POLICY
  return POLICY_FOR_HEADER.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "connect-src 'self'",
    `connect-src 'self' ws://${host}`,
  )
}
