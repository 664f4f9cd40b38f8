import { expect, test } from 'vitest'
import { RetortError } from '../../src/protocol/errors.ts'
import type { ServedModel } from '../../src/protocol/teacher.ts'
import { Endpoint } from '../../src/state/endpoint.svelte.ts'
import { makeAround } from './make-around.ts'

const MODEL: ServedModel = { id: 'small', owner: 'library' }
type Asked = { readonly url: string; readonly key?: string }

async function make(answer: () => Promise<readonly ServedModel[]> = async () => [MODEL]) {
  const asked: Asked[] = []
  const endpoint = new Endpoint(
    await makeAround({ teacher: { findServed: (request: Asked) => (asked.push(request), answer()) } }),
  )
  return { endpoint, asked }
}

test('nothing is asked before one looks; what is found belongs to the address that was asked, whatever is typed since', async () => {
  const { endpoint, asked } = await make()
  endpoint.url = ' http://localhost:11434/v1 '
  endpoint.key = 'secret'
  expect(asked).toEqual([])
  await endpoint.look()
  endpoint.url = 'https://elsewhere.example/v1'
  endpoint.key = ''
  expect(asked).toEqual([{ url: 'http://localhost:11434/v1', key: 'secret' }])
  expect(endpoint.foundAt).toBe('http://localhost:11434/v1')
  expect(endpoint.sourceOf(MODEL)).toEqual({
    kind: 'endpoint',
    url: 'http://localhost:11434/v1',
    key: 'secret',
    model: 'small',
  })
})

test('a key that was not typed is not sent, and no address is not asked', async () => {
  const { endpoint, asked } = await make()
  await endpoint.look()
  endpoint.url = 'http://localhost:8080/v1'
  await endpoint.look()
  expect(asked).toEqual([{ url: 'http://localhost:8080/v1' }])
})

test('a program without models, and one that does not answer, leave a sentence and no list', async () => {
  let failing = false
  const { endpoint } = await make(() =>
    failing ? Promise.reject(new RetortError('DownloadFailed', 'Nothing answered.')) : Promise.resolve([]),
  )
  endpoint.url = 'http://localhost:8080/v1'
  await endpoint.look()
  expect(endpoint.refusal).toMatch(/has no model/)
  failing = true
  await endpoint.look()
  expect([endpoint.refusal, endpoint.served, endpoint.foundAt]).toEqual(['Nothing answered.', [], undefined])
})
