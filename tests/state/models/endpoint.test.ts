import { expect, test } from 'vitest'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { ServedModel } from '../../../src/protocol/teacher.ts'
import { Endpoint } from '../../../src/state/models/endpoint.svelte.ts'
import { makeEnvironment } from '../make-environment.ts'

const MODEL: ServedModel = { id: 'small', owner: 'library' }
const BASE = 'http://localhost:11434/v1'
type Listed = { readonly url: string; readonly key?: string }

async function make(respond: () => Promise<readonly ServedModel[]> = async () => [MODEL]) {
  const requests: Listed[] = []
  const endpoint = new Endpoint(
    await makeEnvironment({
      teacher: {
        listServedModels: (request: Listed) => (
          requests.push(request),
          respond().then((models) => ({ url: BASE, models }))
        ),
      },
    }),
  )
  return { endpoint, requests }
}

test('requests nothing before listing; shows the address that works; the list belongs to the listed address, whatever is typed since', async () => {
  const { endpoint, requests } = await make()
  endpoint.url = ' localhost:11434 '
  endpoint.key = 'secret'
  expect(requests).toEqual([])
  await endpoint.listModels()
  expect(endpoint.url).toBe(BASE)
  endpoint.url = 'https://elsewhere.example/v1'
  endpoint.key = ''
  expect(requests).toEqual([{ url: 'localhost:11434', key: 'secret' }])
  expect(endpoint.foundAt).toBe('http://localhost:11434/v1')
  expect(endpoint.sourceOf(MODEL)).toEqual({
    kind: 'endpoint',
    url: 'http://localhost:11434/v1',
    key: 'secret',
    model: 'small',
  })
})

test('sends no key if none was typed, and no request without an address', async () => {
  const { endpoint, requests } = await make()
  await endpoint.listModels()
  endpoint.url = 'http://localhost:8080/v1'
  await endpoint.listModels()
  expect(requests).toEqual([{ url: 'http://localhost:8080/v1' }])
})

test('a server without models, or without a response, leaves a sentence and no list', async () => {
  let failing = false
  const { endpoint } = await make(() =>
    failing ? Promise.reject(new RetortError('DownloadFailed', 'No response.')) : Promise.resolve([]),
  )
  endpoint.url = 'http://localhost:8080/v1'
  await endpoint.listModels()
  expect(endpoint.refusal).toMatch(/lists no models/)
  failing = true
  await endpoint.listModels()
  expect([endpoint.refusal, endpoint.served, endpoint.foundAt]).toEqual(['No response.', [], undefined])
})
