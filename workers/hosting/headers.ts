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
 * The page's own files are the default, since WebKit does not know `manifest-src`; what the page never uses is blocked. `connect-src`
 * allows other addresses because a person may enter that of a model or of a server, which may be on this machine or the local network
 * (http: a policy cannot name private addresses or `[::1]`); nothing else makes a request. `wasm-unsafe-eval` allows wasm, not `eval`.
 */
const DIRECTIVES: readonly string[] = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self' blob: https: http:",
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

/** All headers of a served response. */
export const HOSTING_HEADERS: Readonly<Record<string, string>> = {
  ...ISOLATION_HEADERS,
  'Content-Security-Policy': POLICY_FOR_HEADER,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
}
