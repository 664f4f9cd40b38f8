// Knows: which server addresses are allowed, and the sentence for a program that does not respond.
import { RetortError } from '../../../src/protocol/errors.ts'

/** Hosts that the page's policy allows without encryption: this machine. */
const HERE = /^(localhost|127\.0\.0\.1)$/

/** Programs by their default port, and how each is configured to accept requests from a page. */
const PROGRAMS = new Map<string, (page: string) => string>([
  ['11434', (page) => `For Ollama: start it with OLLAMA_ORIGINS=${page} set.`],
  ['8080', () => 'For llama.cpp: start llama-server; by default it accepts requests from every page.'],
  ['1234', () => 'For LM Studio: start its server on the Developer tab, and turn “Enable CORS” on there.'],
  [
    '8000',
    (page) =>
      `For vLLM: start it with --allowed-origins '["${page}"]'. For Ray Serve and llama-cpp-python: configure it to send the header Access-Control-Allow-Origin.`,
  ],
])

/** The server's base address, without the path of an endpoint. Throws `ModelRefused` with a sentence. */
export function requireEndpoint(typed: string): string {
  const text = typed.trim()
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new RetortError(
      'ModelRefused',
      `“${text.slice(0, 120)}” is not the address of a server. It must look like http://localhost:11434/v1, or begin with https://.`,
    )
  if (url.username !== '' || url.password !== '')
    throw new RetortError(
      'ModelRefused',
      'This address contains a user name or a password. Enter the key in its own field, where it is neither stored nor shown.',
    )
  if (url.protocol === 'http:' && !HERE.test(url.hostname))
    throw new RetortError(
      'ModelRefused',
      `A browser allows this page to call ${url.host} only over https. Without encryption it may call only programs on this machine (http://localhost:…): run the program here, forward its port to this machine, or put it behind https.`,
    )
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/(chat\/completions|completions|models)$/, '')}`
}

/** The address above that of OpenAI's protocol, below which programs have their own endpoints. */
export const rootOf = (url: string): string => url.replace(/\/v\d+$/, '')

/** What may be wrong if there is no response. A browser does not report to a page whether the server was unreachable or CORS hid the response. */
export function sentenceForNoResponse(
  url: string,
  page = globalThis.location?.origin ?? 'this page',
): string {
  const { host, port, hostname } = new URL(url)
  const here = HERE.test(hostname)
  const known = PROGRAMS.get(port)?.(page)
  const programs =
    known ??
    (here
      ? [...PROGRAMS.values()].map((describe) => describe(page)).join(' ')
      : `It must allow other pages to read its responses (CORS, for ${page}).`)
  const permission = here
    ? ' If the browser requests permission for this page to reach programs on this device, allow it.'
    : ''
  return `${host} did not respond, or does not allow this page to read its responses. Check that the program is running. ${programs}${permission}`
}
