// Knows: what the panel lists: each request once with its latest state, and totals that count every one.
import { describe, expect, test } from 'vitest'
import type { Traffic } from '../../../src/domain/traffic.ts'
import { NetworkLog } from '../../../src/state/app/network-log.svelte.ts'

const make = (id: number, change: Partial<Traffic> = {}): Traffic => ({
  id,
  purpose: 'hub',
  method: 'GET',
  host: 'hub.example',
  sentBytes: 100,
  receivedBytes: 0,
  status: 'running',
  ...change,
})

describe('the list of requests', () => {
  test('is empty at first', () => {
    const log = new NetworkLog()
    expect([log.count, log.sentBytes, log.requests, log.totals]).toEqual([0, 0, [], []])
  })

  test('counts a request once, with its latest numbers', () => {
    const log = new NetworkLog(() => 7)
    log.add(make(1), 1)
    log.add(make(1, { receivedBytes: 50 }), 1)
    log.add(make(1, { receivedBytes: 80, status: 'finished' }), 1)
    // The same number from a worker that was started later is another request.
    log.add(make(1, { receivedBytes: 5, status: 'finished' }), 2)
    expect([log.count, log.sentBytes, log.receivedBytes]).toEqual([2, 200, 85])
    expect(log.requests.map(({ key, at, status }) => [key, at, status])).toEqual([
      ['teacher 2 1', 7, 'finished'],
      ['teacher 1 1', 7, 'finished'],
    ])
  })

  test('lists a refused request without counting it', () => {
    const log = new NetworkLog()
    log.add(make(1, { status: 'refused', sentBytes: 0 }), 1)
    expect([log.count, log.requests.length]).toEqual([0, 1])
  })

  test('keeps the latest 200 and counts all, also one that ends when it is no longer listed', () => {
    const log = new NetworkLog()
    log.add(make(0), 1)
    for (let id = 1; id <= 300; id++) log.add(make(id, { status: 'finished', receivedBytes: 1 }), 1)
    log.add(make(0, { status: 'finished', receivedBytes: 1000 }), 1)
    expect([log.requests.length, log.count, log.receivedBytes]).toEqual([200, 301, 1300])
  })

  test('groups requests in a row that are alike, with their count and the times of the first and the last', () => {
    let now = 0
    const log = new NetworkLog(() => (now += 1))
    for (const id of [1, 2, 3]) log.add(make(id, { status: 'finished', receivedBytes: id }), 1)
    log.add(make(4, { status: 'failed' }), 1)
    log.add(make(5, { status: 'finished', host: 'other.example' }), 1)
    expect(
      log.groups.map(({ host, status, count, since, at, sentBytes, receivedBytes }) => [
        host,
        status,
        count,
        since,
        at,
        sentBytes,
        receivedBytes,
      ]),
    ).toEqual([
      ['other.example', 'finished', 1, 5, 5, 100, 0],
      ['hub.example', 'failed', 1, 4, 4, 100, 0],
      ['hub.example', 'finished', 3, 1, 3, 300, 6],
    ])
    const { key } = log.groups[0]!
    log.add(make(6, { status: 'finished', host: 'other.example' }), 1)
    expect(log.groups[0]).toMatchObject({ key, count: 2 })
  })

  test('marks what was running as stopped when everything is switched off', () => {
    const log = new NetworkLog()
    log.permit([{ purpose: 'hub', addresses: [], sends: false }])
    log.add(make(1), 1)
    expect(log.permissions).toHaveLength(1)
    log.permit([])
    expect(log.requests.map(({ status }) => status)).toEqual(['stopped'])
  })
})

test('keeps the requests and the permissions of the two models apart', () => {
  const log = new NetworkLog()
  const permission = { purpose: 'server' as const, addresses: ['http://localhost:1/'], sends: true }
  log.permit([permission], 'teacher')
  log.permit([permission], 'judge')
  log.add(make(1), 1, 'teacher')
  log.add(make(1), 1, 'judge')
  expect([log.count, log.permissions.length]).toEqual([2, 2])
  log.permit([], 'judge')
  expect(log.permissions).toEqual([permission])
  expect(log.requests.map(({ key, status }) => [key, status])).toEqual([
    ['judge 1 1', 'stopped'],
    ['teacher 1 1', 'running'],
  ])
  log.add(make(1, { status: 'finished' }), 1, 'teacher')
  expect(log.requests[1]?.status).toBe('finished')
})
