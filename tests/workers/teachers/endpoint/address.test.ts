// Typed addresses and what they mean, what browsers allow, and one sentence for one cause.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listBases, requireBase, spaceOf } from '../../../../workers/teachers/endpoint/address.ts'
import {
  causeOfSilence,
  fetchOptions,
  refusalOf,
  type BrowserEnvironment,
} from '../../../../workers/teachers/endpoint/browser-rules.ts'
import { findServedModels } from '../../../../workers/teachers/endpoint/inspect-server.ts'
import { ModelServer } from '../../../stand-ins/model-server.ts'
import { OllamaServer } from '../../../stand-ins/ollama-server.ts'

describe('a typed address', () => {
  test.each<[string, string]>([
    ['localhost:11434', 'http://localhost:11434/v1'],
    [' localhost:11434/ ', 'http://localhost:11434/v1'],
    ['`http://localhost:11434`', 'http://localhost:11434/v1'],
    ['LOCALHOST:8080/v1/chat/completions', 'http://localhost:8080/v1'],
    ['http://localhost:11434/v1/models/', 'http://localhost:11434/v1'],
    ['http://localhost:11434/api/chat', 'http://localhost:11434/v1'],
    ['localhost:11434/api', 'http://localhost:11434/v1'],
    ['http://localhost:8080/completion', 'http://localhost:8080/v1'],
    ['127.0.0.1:1234/api/v0/chat/completions', 'http://127.0.0.1:1234/v1'],
    ['[::1]:8080', 'http://[::1]:8080/v1'],
    ['http://0.0.0.0:8000/v1', 'http://127.0.0.1:8000/v1'],
    ['0.0.0.0:8000', 'http://127.0.0.1:8000/v1'],
    ['192.168.1.5:11434', 'http://192.168.1.5:11434/v1'],
    ['studio.local:1234', 'http://studio.local:1234/v1'],
    ['nas:11434', 'http://nas:11434/v1'],
    ['api.example.org', 'https://api.example.org/v1'],
    ['https://api.example.org/v1?key=x#y', 'https://api.example.org/v1'],
    ['https://example.org/v1beta/openai', 'https://example.org/v1beta/openai'],
    ['https://example.org/openai/v1/chat/completions', 'https://example.org/openai/v1'],
  ])('%s is tried first as %s', (typed, first) => {
    expect(listBases(typed)[0]).toBe(first)
  })

  test('is tried with other schemes and paths, and as Ollama’s own, in that order', () => {
    expect(listBases('localhost:11434')).toEqual([
      'http://localhost:11434/v1',
      'http://localhost:11434',
      'http://localhost:11434/api',
      'https://localhost:11434/v1',
      'https://localhost:11434',
      'https://localhost:11434/api',
    ])
    expect(listBases('http://[::1]:8080/v1')).toEqual([
      'http://[::1]:8080/v1',
      'http://[::1]:8080/api',
      'http://localhost:8080/v1',
      'http://localhost:8080/api',
    ])
    expect(listBases('https://example.org/llm')).toEqual([
      'https://example.org/llm',
      'https://example.org/llm/v1',
      'https://example.org/llm/api',
    ])
    // Never without encryption to a public host unless that was typed.
    expect(listBases('example.org').every((base) => base.startsWith('https:'))).toBe(true)
  })

  test('that worked is kept as it is', () => {
    for (const base of [
      'http://localhost:11434/v1',
      'http://localhost:11434/api',
      'https://example.org/llm',
      'http://[::1]:8080/v1',
    ])
      expect(requireBase(base)).toBe(base)
  })

  test.each([
    '',
    'ftp://here/v1',
    'http://',
    'a b c',
    'file:///etc/passwd',
    'http://me:secret@example.org/v1',
    'me:secret@example.org',
  ])('%j is refused with a sentence', (typed) => {
    expect(() => listBases(typed)).toThrowError(/is not the address of a server|a user name or a password/)
  })

  test.each<[string, string]>([
    ['localhost', 'loopback'],
    ['a.localhost', 'loopback'],
    ['127.0.0.2', 'loopback'],
    ['[::1]', 'loopback'],
    ['10.0.0.1', 'local'],
    ['172.16.3.4', 'local'],
    ['172.32.3.4', 'public'],
    ['192.168.0.10', 'local'],
    ['[fe80::1]', 'local'],
    ['[fd12::1]', 'local'],
    ['[2001:db8::1]', 'public'],
    ['studio.local', 'local'],
    ['nas', 'local'],
    ['example.org', 'public'],
    ['10.example.org', 'public'],
  ])('%s is %s', (host, space) => {
    expect(spaceOf(host)).toBe(space)
  })
})

const CHROME: BrowserEnvironment = {
  page: 'https://retort.example',
  requestsPermission: true,
  isOffline: false,
  permission: async () => 'granted',
}
const FIREFOX: BrowserEnvironment = {
  ...CHROME,
  requestsPermission: false,
  permission: async () => undefined,
}
const HERE = { page: 'http://localhost:4173' }

describe('what a browser allows', () => {
  test('a page from https reaches this machine everywhere, the local network where the browser requests permission', () => {
    for (const environment of [CHROME, FIREFOX]) {
      expect(refusalOf('http://localhost:11434/v1', environment)).toBeUndefined()
      expect(refusalOf('http://[::1]:11434/v1', environment)).toBeUndefined()
      expect(refusalOf('https://example.org/v1', environment)).toBeUndefined()
      expect(refusalOf('http://example.org/v1', environment)).toMatch(/without encryption.*https:\/\//)
      expect(refusalOf('http://192.168.1.5:1/v1', { ...environment, ...HERE })).toBeUndefined()
    }
    expect(refusalOf('http://192.168.1.5:1/v1', CHROME)).toBeUndefined()
    expect(refusalOf('http://192.168.1.5:1/v1', FIREFOX)).toMatch(
      /only on this machine.*142.*forward its port/,
    )
  })

  test('a request to a name on the local network is marked as one, only where that is needed', () => {
    expect(fetchOptions('http://nas:11434/v1', CHROME)).toEqual({ targetAddressSpace: 'local' })
    for (const [base, environment] of [
      ['http://nas:11434/v1', FIREFOX],
      ['http://nas:11434/v1', { ...CHROME, ...HERE }],
      ['https://nas/v1', CHROME],
      ['http://localhost:11434/v1', CHROME],
    ] as const)
      expect(fetchOptions(base, environment)).toEqual({})
  })

  test('one cause is one sentence', async () => {
    const at = (base: string, change: Partial<BrowserEnvironment> = {}) =>
      causeOfSilence(base, { ...CHROME, ...change })
    const denied = { permission: async () => 'denied' as const }
    expect(await at('http://localhost:11434/v1')).toMatch(
      /did not respond.*is Ollama running.*OLLAMA_ORIGINS=https:\/\/retort\.example\?$/,
    )
    expect(await at('http://localhost:8080/v1')).toMatch(/llama-server/)
    expect(await at('http://192.168.1.5:11434/v1', denied)).toMatch(
      /the local network: the permission was denied/,
    )
    expect(await at('http://localhost:11434/v1', denied)).toMatch(
      /programs on this machine: the permission was denied/,
    )
    // A page from this machine needs no permission, and one that is still open is no cause.
    expect(await at('http://localhost:11434/v1', { ...denied, ...HERE })).toMatch(/is Ollama running/)
    expect(await at('http://localhost:11434/v1', { permission: async () => 'prompt' })).toMatch(
      /is Ollama running/,
    )
    expect(await at('https://example.org/v1', { isOffline: true })).toMatch(/this machine is offline\.$/)
    expect(await at('http://localhost:11434/v1', { isOffline: true })).toMatch(/Ollama/)
    for (const sentence of [await at('http://localhost:9999/v1'), await at('http://localhost:1234/v1')])
      expect(sentence.match(/Ollama|LM Studio|vLLM|llama-server/g)?.length ?? 0).toBeLessThanOrEqual(1)
  })
})

describe('finding a server', () => {
  const signal = new AbortController().signal
  let ollama: OllamaServer
  let plain: ModelServer
  beforeEach(async () => {
    ollama = new OllamaServer()
    plain = new ModelServer()
    await Promise.all([ollama.start(), plain.start()])
  })
  afterEach(() => {
    ollama.stop()
    plain.stop()
  })

  test.each(['', '/', '/v1', '/api', '/api/chat', '/api/tags', '/v1/chat/completions'])(
    'uses a server that was reached at “%s” through its /v1',
    async (path) => {
      const found = await findServedModels({ url: `${ollama.host}${path}` }, signal)
      expect(found.url).toBe(`${ollama.origin}/v1`)
      expect(found.models[0]?.id).toBe('smollm2:135m')
    },
  )

  test('uses Ollama’s own protocol where there is no other', async () => {
    ollama.hasV1 = false
    const found = await findServedModels({ url: ollama.host }, signal)
    expect(found).toEqual({
      url: `${ollama.origin}/api`,
      models: [
        { id: 'smollm2:135m', owner: 'library' },
        { id: 'qwen3:0.6b', owner: 'library' },
      ],
    })
  })

  test('reports a missing key at once, and a server of another kind with what was tried', async () => {
    plain.key = 'open sesame'
    const { host } = new URL(plain.url)
    await expect(findServedModels({ url: host }, signal)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(/does not accept the key \(401\)/),
    })
    expect(plain.requests).toHaveLength(1)
    plain.mishap = (_request, response) => !!response.writeHead(404).end('not here')
    await expect(findServedModels({ url: host }, signal)).rejects.toMatchObject({
      name: 'ModelRefused',
      message: expect.stringMatching(
        /responds, but lists no models at \/v1\/models, \/models, \/api\/tags\. Enter/,
      ),
    })
  })

  test('an address that the browser blocks is not tried', async () => {
    await expect(
      findServedModels({ url: 'http://192.168.1.5:11434' }, signal, { environment: FIREFOX }),
    ).rejects.toMatchObject({ name: 'ModelRefused', message: expect.stringMatching(/only on this machine/) })
  })
})
