import { expect, test } from 'vitest'
import { requestScores } from '../../src/actions/request-scores.ts'
import type { CompletionRequest, ScoreRequest } from '../../src/domain/completion-request.ts'
import type { GenerationEvent, GenerationSummary } from '../../src/protocol/teacher.ts'
import type { Machines } from '../../src/actions/machines.ts'

const SUMMARY: GenerationSummary = { promptTokens: 10, sharedTokens: 0, newTokens: 4, ms: 2 }
const settings = { thinking: true, maxTokens: 64 }
const make = (count: number): ScoreRequest[] =>
  Array.from({ length: count }, (_, i) => ({
    id: String(i),
    input: { kind: 'chat', messages: [{ role: 'user', content: `Text ${i}` }] },
    continuations: [' 1', ' 2'],
  }))

/** A judge that reasons about each text; `unfinished`: ids whose reasoning does not end. */
function makeJudge(unfinished: readonly string[] = [], onComplete = (): void => undefined) {
  const calls: string[] = []
  const scored: ScoreRequest[] = []
  const teacher = {
    complete: async (
      { requests }: { requests: readonly CompletionRequest[] },
      { onEvent }: { onEvent: (event: GenerationEvent) => void },
    ) => {
      calls.push(`complete ${requests.length}`)
      onComplete()
      onEvent({ kind: 'progress', promptTokens: 5, newTokens: 2, ms: 1 })
      for (const { id } of requests)
        onEvent({
          kind: 'completion',
          result: {
            id,
            text: unfinished.includes(id) ? '' : 'Score: 1',
            reasoning: `Reasons of ${id}`,
            ...(unfinished.includes(id) ? { unfinishedReasoning: true } : {}),
            finishReason: unfinished.includes(id) ? 'length' : 'end',
            promptTokens: 1,
            tokens: 1,
          },
        })
      return SUMMARY
    },
    score: async (
      { requests }: { requests: readonly ScoreRequest[] },
      { onEvent }: { onEvent: (event: GenerationEvent) => void },
    ) => {
      calls.push(`score ${requests.length}`)
      scored.push(...requests)
      onEvent({ kind: 'progress', promptTokens: 5, newTokens: 0, ms: 1 })
      for (const { id } of requests) onEvent({ kind: 'score', result: { id, logProbs: [-1, -2] } })
      return SUMMARY
    },
  }
  return { calls, scored, machines: { teacher } as unknown as Pick<Machines, 'teacher'> }
}

async function request(
  machines: Pick<Machines, 'teacher'>,
  requests: readonly ScoreRequest[],
  given = settings,
  signal = new AbortController().signal,
): Promise<{ events: GenerationEvent[]; summary: GenerationSummary }> {
  const events: GenerationEvent[] = []
  const summary = await requestScores(
    machines,
    { requests, settings: given },
    { signal, onEvent: (event) => events.push(event) },
  )
  return { events, summary }
}

test('a judge that may not reason is scored at once', async () => {
  const { machines, calls, scored } = makeJudge()
  const requests = make(3)
  await request(machines, requests, { ...settings, thinking: false })
  expect(calls).toEqual(['score 3'])
  expect(scored).toEqual(requests)
})

test('a judge that may reason does so first; its scores are read after the reasoning, which comes back with them', async () => {
  const { machines, calls, scored } = makeJudge()
  const { events, summary } = await request(machines, make(20))
  expect(calls).toEqual(['complete 16', 'score 16', 'complete 4', 'score 4'])
  expect(JSON.stringify(scored[17]?.input)).toContain('Reasons of 17')
  expect(JSON.stringify(scored)).not.toContain('Score: 1') // what it wrote behind its reasoning is not used
  const results = events.flatMap((event) => (event.kind === 'score' ? [event.result] : []))
  expect(results).toHaveLength(20)
  expect(results[17]).toEqual({ id: '17', logProbs: [-1, -2], reasoning: 'Reasons of 17' })
  expect(summary.newTokens).toBe(16)
  const counts = events.flatMap((event) => (event.kind === 'progress' ? [event.promptTokens] : []))
  expect(counts).toEqual(counts.toSorted((a, b) => a - b))
})

test('reasoning that does not end has no score, with that reason, and the others do', async () => {
  const { machines, scored } = makeJudge(['1'])
  const { events } = await request(machines, make(3))
  expect(scored.map(({ id }) => id)).toEqual(['0', '2'])
  expect(events).toContainEqual({
    kind: 'score',
    result: { id: '1', logProbs: [], refusal: expect.stringContaining('did not end within 64 tokens') },
  })
})

test('after an abort nothing is scored', async () => {
  const controller = new AbortController()
  const { machines, calls } = makeJudge([], () => controller.abort())
  const { events } = await request(machines, make(20), settings, controller.signal)
  expect(calls).toEqual(['complete 16'])
  expect(events.filter(({ kind }) => kind === 'score')).toEqual([])
})
