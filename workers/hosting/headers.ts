// Knows: the response headers that isolate the page, and the content security policy it lives under.
// Must not know: how they get onto a response (vite.config.ts at home, the service worker elsewhere).

/**
 * Cross-origin isolation: without these a browser gives no shared memory, hence one wasm thread.
 * `require-corp` and not `credentialless`, which Safari does not know.
 */
export const ISOLATION_HEADERS: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/**
 * Everything is refused but what is named. `connect-src` is open to https and to this machine because a person
 * may type the address of a model; nothing else makes a request. `wasm-unsafe-eval` allows wasm, not `eval`.
 */
const DIRECTIVES: readonly string[] = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self' blob: https: http://localhost:* http://127.0.0.1:*",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "object-src 'none'",
]

/** For a meta element, where a browser ignores `frame-ancestors` and complains about it. */
export const POLICY_FOR_META = DIRECTIVES.join('; ')

/** For a response header. */
export const POLICY_FOR_HEADER = [...DIRECTIVES, "frame-ancestors 'none'"].join('; ')

/** All that a served response carries. */
export const HOSTING_HEADERS: Readonly<Record<string, string>> = {
  ...ISOLATION_HEADERS,
  'Content-Security-Policy': POLICY_FOR_HEADER,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
}
