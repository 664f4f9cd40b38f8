// Knows: which requests the permissions of each kind of source cover.
import { describe, expect, test } from 'vitest'
import type { Permission } from '../../../src/domain/traffic.ts'
import { permissionOf } from '../../../src/pipeline/models/permission.ts'
import { findWebLlmModel } from '../../../src/pipeline/web-llm/catalogue.ts'
import type { NetworkRequest } from '../../../src/protocol/network.ts'
import { judgeRequest } from '../../../workers/network/judge-request.ts'

const PAGE = 'https://page.example/retort/'
const permissionFor = (source: Parameters<typeof permissionOf>[0]): Permission => {
  const permission = permissionOf(source, PAGE, findWebLlmModel)
  if (permission === undefined) throw new Error('this source needs a permission')
  return permission
}
const FILE = permissionFor({ kind: 'url', url: 'https://files.example/a/model.gguf?download=true#part' })
const HUB = permissionFor({ kind: 'hub', url: 'https://hub.example/owner/tiny/tree/main' })
const SERVER = permissionFor({ kind: 'endpoint', url: ' http://localhost:8080/v1 ', key: 'secret' })

const judge = (request: Partial<NetworkRequest> & { url: string }, ...permissions: Permission[]) =>
  judgeRequest({ method: 'GET', headers: [], refusesRedirects: false, ...request }, permissions)

describe('a request', () => {
  test('is permitted for what the chosen source needs', () => {
    expect(judge({ url: 'https://files.example/a/model.gguf?download=true' }, FILE)).toBe(FILE)
    for (const path of [
      '/api/models/owner/tiny',
      '/api/models/owner/tiny/revision/main',
      '/api/models/owner/tiny/tree/abc?recursive=true',
      '/owner/tiny/resolve/abc/onnx/model.onnx',
    ])
      expect(judge({ url: `https://hub.example${path}`, headers: [['Range', 'bytes=0-9']] }, HUB), path).toBe(
        HUB,
      )
    const post = {
      method: 'POST',
      body: '{}',
      headers: [
        ['Content-Type', 'application/json'],
        ['Authorization', 'Bearer secret'],
      ],
    } as const
    expect(judge({ url: 'http://localhost:8080/v1/chat/completions', ...post }, HUB, SERVER)).toBe(SERVER)
  })

  test.each([
    ['nothing is switched on', 'https://files.example/a/model.gguf?download=true', []],
    ['another host', 'https://evil.example/a/model.gguf?download=true', [FILE, HUB, SERVER]],
    ['a host whose name begins alike', 'https://hub.example.evil.example/api/models/owner/tiny', [HUB]],
    ['another port', 'http://localhost:8081/v1/models', [SERVER]],
    ['another scheme', 'https://localhost:8080/v1/models', [SERVER]],
    ['another model of the hub', 'https://hub.example/api/models/owner/tiny-other', [HUB]],
    [
      'dots that lead elsewhere',
      'https://hub.example/owner/tiny/resolve/%2e%2e/%2e%2e/%2e%2e/collect',
      [HUB],
    ],
    ['a text in the query of a file', 'https://files.example/a/model.gguf?download=false&seed=text', [FILE]],
    ['a user name', 'https://text@hub.example/owner/tiny/resolve/a/b', [HUB]],
    ['a long address', `https://hub.example/owner/tiny/resolve/${'a'.repeat(5000)}`, [HUB]],
    ['no address', 'javascript:alert(1)', [HUB]],
  ])('is refused: %s', (_why, url, permissions) => {
    expect(judge({ url }, ...permissions)).toEqual(expect.stringMatching(/not sent/))
  })

  test('is refused if a download would send a body, a cookie or a key', () => {
    const url = 'https://hub.example/api/models/owner/tiny'
    expect(judge({ url, method: 'POST', body: 'seeds' }, HUB)).toContain('sends nothing but its address')
    expect(judge({ url, method: 'GET', body: 'seeds' }, HUB)).toContain('sends nothing but its address')
    expect(judge({ url, headers: [['Cookie', 'a=b']] }, HUB)).toContain('a header')
    expect(judge({ url, headers: [['Authorization', 'Bearer secret']] }, HUB, SERVER)).toContain('a header')
  })

  test('covers what a typed address of a server may mean', () => {
    const addresses = (url: string) => permissionFor({ kind: 'endpoint', url }).addresses
    expect(addresses('localhost:11434')).toEqual(['http://localhost:11434/', 'https://localhost:11434/'])
    expect(addresses('"http://0.0.0.0:8080/v1/models"')).toEqual([
      'http://127.0.0.1:8080/',
      'http://localhost:8080/',
    ])
    expect(addresses('http://[::1]:8080')).toEqual(['http://[::1]:8080/', 'http://localhost:8080/'])
    expect(addresses('https://api.example/v1')).toEqual(['https://api.example/'])
  })

  test('sends the key of the person to its own server and no other key', () => {
    const url = 'http://localhost:8080/v1/models'
    expect(judge({ url, headers: [['Authorization', 'Bearer other']] }, SERVER)).toContain('a header')
    expect(judge({ url, headers: [['Authorization', 'Bearer secret']] }, SERVER)).toBe(SERVER)
  })
})

test('files of the page’s own host, of the disk and of this browser need no permission', () => {
  expect(
    permissionOf({ kind: 'url', url: 'https://page.example/models/a.gguf' }, PAGE, findWebLlmModel),
  ).toBeUndefined()
  expect(permissionOf({ kind: 'stored', name: 'a' }, PAGE, findWebLlmModel)).toBeUndefined()
  expect(
    permissionOf({ kind: 'built-in', url: 'https://elsewhere.example/teacher.gguf' }, PAGE, findWebLlmModel),
  ).toBeUndefined()
  expect(permissionOf({ kind: 'endpoint', url: 'no address at all' }, PAGE, findWebLlmModel)).toBeUndefined()
})
