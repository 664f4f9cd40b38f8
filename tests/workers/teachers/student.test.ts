// A student that was trained here as a teacher.
import { expect, test } from 'vitest'
import type { CompletionResult } from '../../../src/domain/completion-request.ts'
import type { ModelSource } from '../../../src/domain/model-source.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { makeStudentOpener } from '../../../workers/teachers/openers/student.ts'
import type { Teacher } from '../../../workers/teachers/teacher.ts'
import { shareVocabulary, computeRowSoftTargets } from '../../../workers/teachers/soft-targets.ts'
import { IDS, makeMemoryStores, makeRows, type MemoryStores } from '../student/memory-stores.ts'
import { trainSmall } from '../student/train-small.ts'
import { describeTeacherContract } from './contract.ts'

const source = {
  kind: 'student',
  projectId: IDS.projectId,
  studentId: IDS.studentId,
} as const satisfies ModelSource
const signal = new AbortController().signal

async function open(
  stores: MemoryStores,
  unloadPrevious = async (): Promise<void> => undefined,
): Promise<Teacher> {
  return makeStudentOpener(stores).open(source, {
    backend: 'wasm',
    contextLength: 2048,
    keep: false,
    unloadPrevious,
    signal,
    onProgress: () => undefined,
  })
}

async function answer(teacher: Teacher, prompts: readonly string[]): Promise<string[]> {
  const results = new Map<string, CompletionResult>()
  const requests = prompts.map((content, i) => ({
    id: String(i),
    input: { kind: 'chat' as const, messages: [{ role: 'user' as const, content }] },
    sampling: { ...GREEDY, maxTokens: 24, rngSeed: String(i) },
  }))
  await teacher.complete(requests, {
    signal,
    onResult: (result) => void results.set(result.id, result),
    onProgress: () => undefined,
  })
  return prompts.map((_, i) => results.get(String(i))?.text ?? '')
}

test('generates trained answers in its own small context and computes soft targets', async () => {
  const teacher = await open(await trainSmall(220))
  const { card, contextLength, capabilities } = teacher.description
  expect(card).toMatchObject({ form: 'student', architecture: 'llama', hasChatTemplate: true, contextLength })
  expect(contextLength).toBeLessThanOrEqual(256)
  expect(capabilities).toMatchObject({ chat: true, scores: true, softTargets: true })
  const rows = makeRows(24, 4).slice(0, 10)
  const answers = await answer(
    teacher,
    rows.map(({ prompt }) => prompt),
  )
  expect(answers.filter((text, i) => text === rows[i]?.completion).length).toBeGreaterThanOrEqual(5)

  const { ownTokens } = teacher
  if (ownTokens === undefined) throw new Error('a student must return soft targets')
  const shared = shareVocabulary(ownTokens.tokenizer, rows)
  const targets = await computeRowSoftTargets(
    ownTokens,
    rows,
    shared,
    { topK: 4, temperature: 1, allowedIds: shared.teacherIds },
    signal,
  )
  for (const { ids, probabilities } of targets) {
    expect(ids.length).toBeGreaterThan(0)
    expect([...probabilities].every((p) => p >= 0 && p <= 1 + 1e-6)).toBe(true)
  }
  await teacher.release()
}, 120_000)

describeTeacherContract('A student', async () => open(await trainSmall(40)), {
  input: {
    kind: 'chat',
    messages: [{ role: 'user', content: 'The boat is blue. What colour is the boat?' }],
  },
  temperature: 2,
})

test('has the same fingerprint for the same training and another for another', async () => {
  const inspect = async (steps: number): Promise<string> =>
    (await makeStudentOpener(await trainSmall(steps)).inspect(source, signal)).fingerprint
  const [first, again, other] = [await inspect(8), await inspect(8), await inspect(12)]
  expect(again).toBe(first)
  expect(other).not.toBe(first)
})

test('refuses a student without a checkpoint and leaves the loaded model in place', async () => {
  let unloads = 0
  await expect(open(makeMemoryStores([]), async () => void unloads++)).rejects.toMatchObject({
    name: 'ModelMissing',
  })
  expect(unloads).toBe(0)
})
