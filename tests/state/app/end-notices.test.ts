import { flushSync } from 'svelte'
import { expect, test } from 'vitest'
import { EndNotices, type NoticePage } from '../../../src/state/app/end-notices.svelte.ts'
import { Task } from '../../../src/state/parts/task.svelte.ts'

function makePage(answer: NotificationPermission) {
  const shown: string[][] = []
  const items = new Map<string, string>()
  const document = { hidden: true }
  let permission: NotificationPermission = 'default'
  let requests = 0
  const env = {
    notices: {
      document,
      permission: () => permission,
      request: async () => {
        requests++
        return (permission = answer)
      },
      show: (title: string, sentence: string) => void shown.push([title, sentence]),
    } satisfies NoticePage,
    memory: {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
    },
  }
  return { env, document, shown, requests: () => requests }
}

/** Does some work to its end as a screen does: effects run between start and end. */
async function work(task: Task<{ sentence: string }>, fail = false): Promise<void> {
  flushSync()
  await task.do(async (_signal, report) => {
    report({ sentence: 'Run finished: 12 of 20 kept.' })
    flushSync()
    if (fail) throw new Error('the card was lost')
  })
  flushSync()
}

test('nothing is requested or shown until the person switches it on, and then only of hidden pages', async () => {
  const { env, document, shown, requests } = makePage('granted')
  const notices = new EndNotices(env)
  const task = new Task<{ sentence: string }>()
  const end = notices.watch(() => 'Shop', [{ name: 'Run', task }])
  await work(task)
  expect([shown, requests(), notices.on, notices.blocked]).toEqual([[], 0, false, false])
  await notices.toggle()
  expect([requests(), notices.on]).toEqual([1, true])
  await work(task)
  expect(shown).toEqual([['Run ended: Shop', 'Run finished: 12 of 20 kept.']])
  document.hidden = false
  await work(task)
  expect(shown).toHaveLength(1)
  document.hidden = true
  await work(task, true)
  expect(shown[1]).toEqual(['Run ended: Shop', expect.stringContaining('the card was lost')])
  await notices.toggle()
  await work(task)
  expect([shown.length, notices.on]).toEqual([2, false])
  end()
})

test('the choice is remembered, and a refusal in the browser is shown as such', async () => {
  const allowed = makePage('granted')
  await new EndNotices(allowed.env).toggle()
  expect(new EndNotices(allowed.env).on).toBe(true)
  const refused = makePage('denied')
  const notices = new EndNotices(refused.env)
  await notices.toggle()
  expect([notices.on, notices.blocked]).toEqual([false, true])
  expect(new EndNotices({ memory: undefined }).possible).toBe(false)
})
