// Knows: which addresses of servers may be asked, and what to say where a program does not answer.
import { RetortError } from '../../../src/protocol/errors.ts'

/** Hosts that the page's policy allows without encryption: this machine. */
const HERE = /^(localhost|127\.0\.0\.1)$/

/** Programs by the port that they listen on unless told otherwise, and how each is told to answer a page. */
const PROGRAMS = new Map<string, (page: string) => string>([
  ['11434', (page) => `For Ollama: start it with OLLAMA_ORIGINS=${page} set.`],
  ['8080', () => 'For llama.cpp: start llama-server; it answers every page unless it was told otherwise.'],
  ['1234', () => 'For LM Studio: start its server on the Developer tab, and turn “Enable CORS” on there.'],
  [
    '8000',
    (page) =>
      `For vLLM: start it with --allowed-origins '["${page}"]'. For Ray Serve and llama-cpp-python: let it send Access-Control-Allow-Origin.`,
  ],
])

/** The address without what does not name the server. Throws `ModelRefused` with a sentence. */
export function requireEndpoint(typed: string): string {
  const text = typed.trim()
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new RetortError(
      'ModelRefused',
      `“${text.slice(0, 120)}” is no address of a server. It looks like http://localhost:11434/v1, or begins with https://.`,
    )
  if (url.username !== '' || url.password !== '')
    throw new RetortError(
      'ModelRefused',
      'This address holds a name or a password. Put the key into its own field, where it is neither stored nor shown.',
    )
  if (url.protocol === 'http:' && !HERE.test(url.hostname))
    throw new RetortError(
      'ModelRefused',
      `A browser lets this page ask ${url.host} only over https. Without encryption it may ask programs on this machine alone (http://localhost:…): run the program here, forward its port to this machine, or put it behind https.`,
    )
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/(chat\/completions|completions|models)$/, '')}`
}

/** The address above the one that speaks OpenAI's protocol, where programs answer in their own way too. */
export const rootOf = (url: string): string => url.replace(/\/v\d+$/, '')

/** What may be wrong where nothing answers. A browser does not tell a page whether nobody was there or the answer was kept from it. */
export function sentenceOfSilence(url: string, page = globalThis.location?.origin ?? 'this page'): string {
  const { host, port, hostname } = new URL(url)
  const here = HERE.test(hostname)
  const known = PROGRAMS.get(port)?.(page)
  const programs =
    known ??
    (here
      ? [...PROGRAMS.values()].map((tell) => tell(page)).join(' ')
      : `It must let other pages read its answers (CORS, for ${page}).`)
  const permission = here
    ? ' If the browser asks whether this page may reach programs on this device, allow it.'
    : ''
  return `Nothing at ${host} answered, or it does not let this page read its answers. Look whether it runs. ${programs}${permission}`
}
