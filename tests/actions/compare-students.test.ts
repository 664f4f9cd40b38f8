// A comparison: the same prompts for all three, both orders of every pair, stored whole or not at all.
import { describe, expect, test, vi } from 'vitest'
import { compareStudents, type CompareProgress } from '../../src/actions/compare-students.ts'
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { contentId, freshId, type ProjectId, type StudentId } from '../../src/domain/id.ts'
import type { CompletionRequest } from '../../src/domain/model.ts'
import type { Served } from '../../src/protocol/channel.ts'
import type { StudentContract } from '../../src/protocol/student.ts'
import { listComparisons } from '../../src/storage/comparisons.ts'
import { putDataset } from '../../src/storage/datasets.ts'
import { putStudent } from '../../src/storage/students.ts'
import { finish, makeMachines, type TestMachines } from '../stand-ins/machines.ts'
import { makeStudent, MODEL } from '../stand-ins/sample-project.ts'
import { DESCRIPTION } from '../stand-ins/teacher.ts'
import { RECIPE, readRecipe } from './small-project.ts'

/** A student that echoes what it is asked after training, and says nothing before. */
const echo: Served<StudentContract> = {
  listTraces: async () => [],
  train: async () => ({ ending: 'finished', step: 1 }),
  check: async () => ({ tried: 0, failed: 0, threads: 1 }),
  export: async () => ({ files: [] }),
  complete: async ({ which, requests }, { emit }) => {
    const tell = (id: string, asked: CompletionRequest['asked']): string =>
      which === 'before' || asked.kind !== 'chat'
        ? ''
        : `${id.split('/')[0]}: ${asked.messages.at(-1)?.content ?? ''}`
    for (const { id, asked } of requests.toReversed())
      emit({
        kind: 'completion',
        result: { id, text: tell(id, asked), ending: 'end', promptTokens: 5, tokens: 3 },
      })
    return { promptTokens: 0, sharedTokens: 0, newTokens: 0, ms: 0 }
  },
}

async function begin(
  heldOut: number,
): Promise<{ machines: TestMachines; projectId: ProjectId; studentId: StudentId }> {
  const machines = await makeMachines({ student: echo })
  const projectId = freshId('project')
  const rows: DatasetRow[] = Array.from({ length: 10 + heldOut }, (_, i) => ({
    rowId: contentId('row', i),
    seedId: contentId('seed', i),
    split: i < 10 ? 'train' : 'held-out',
    system: '',
    prompt: `Question ${i}?`,
    completion: `Answer ${i}.`,
    editedByHand: false,
  }))
  const student = makeStudent(projectId, freshId('student'), { id: contentId('dataset', heldOut) })
  await putDataset(
    machines.db,
    {
      projectId,
      id: student.datasetId,
      runId: freshId('run'),
      recipeHash: readRecipe().hash,
      recipeText: RECIPE,
      frozenAt: 1,
      rows: { train: 10, heldOut },
      teacher: MODEL,
      seeds: 10,
      funnel: [],
    },
    rows,
  )
  await putStudent(machines.db, student)
  return { machines, projectId, studentId: student.id }
}
const compare = (
  { machines, projectId, studentId }: Awaited<ReturnType<typeof begin>>,
  prompts = 20,
  signal?: AbortSignal,
) => compareStudents(machines, { projectId, studentId, teacher: DESCRIPTION, prompts }, signal)

describe('a comparison', () => {
  test('asks all three the same prompts, scores each text, and reads every pair in both orders', async () => {
    const all = await begin(6)
    const told: CompareProgress[] = []
    const compared = await finish(compare(all), (progress) => told.push(progress))
    if (!compared.ok) throw new Error('refused')
    const { prompts } = compared.value
    expect(prompts.map(({ prompt }) => prompt).toSorted()).toEqual(
      Array.from({ length: 6 }, (_, i) => `Question ${10 + i}?`).toSorted(),
    )
    for (const { prompt, texts, verdicts, afterBefore, afterTeacher } of prompts) {
      expect(texts.before).toBe('')
      expect(texts.after).toContain(prompt)
      expect(texts.teacher).not.toBe('')
      for (const verdict of Object.values(verdicts)) expect(verdict.kind).toBe('score')
      for (const pair of [afterBefore, afterTeacher]) {
        const [one, two] = [pair.shownFirst > 0.5, pair.shownSecond > 0.5]
        expect(pair.outcome).toBe(one && two ? 'first' : !one && !two ? 'second' : 'tie')
      }
    }
    expect(
      prompts.some(
        ({ afterBefore, afterTeacher }) => afterBefore.outcome === 'tie' || afterTeacher.outcome === 'tie',
      ),
    ).toBe(true)
    // 6 texts of the teacher, 18 scores, 24 orders of pairs.
    expect([all.machines.standIn.completed.length, all.machines.standIn.scored.length]).toEqual([6, 42])
    expect(told.at(-1)).toMatchObject({ phase: 'finished', done: 60, total: 60 })
    expect(await listComparisons(all.machines.db, all.projectId)).toEqual([compared.value])
  })

  test('takes as many prompts as asked for, the same ones each time', async () => {
    const all = await begin(9)
    const asked = async (): Promise<string[]> => {
      const compared = await finish(compare(all, 4))
      return compared.ok ? compared.value.prompts.map(({ prompt }) => prompt) : []
    }
    const first = await asked()
    expect(first).toHaveLength(4)
    expect(await asked()).toEqual(first)
  })

  test('that is cancelled, or whose judge dies, leaves nothing stored', async () => {
    const all = await begin(5)
    const abort = new AbortController()
    all.machines.standIn.beforeAnswer = (given) => (given === 9 ? 'silence' : undefined)
    const ending = finish(compare(all, 5, abort.signal))
    await vi.waitFor(() => expect(all.machines.standIn.given).toBe(9))
    abort.abort()
    await expect(ending).rejects.toMatchObject({ name: 'AbortError' })
    all.machines.standIn.beforeAnswer = (given) => {
      if (given === 14) all.machines.kill('teacher')
    }
    await expect(finish(compare(all))).rejects.toMatchObject({ name: 'WorkerDied' })
    expect(await listComparisons(all.machines.db, all.projectId)).toEqual([])
  })

  test('marks what the judge could not read, and counts it for nobody', async () => {
    const all = await begin(3)
    all.machines.standIn.beforeAnswer = (_, id) =>
      id.startsWith('0/') ? { refusal: 'too long for the judge' } : undefined
    const compared = await finish(compare(all))
    if (!compared.ok) throw new Error('refused')
    expect(compared.value.prompts[0]?.verdicts.after).toMatchObject({
      kind: 'unreadable',
      reason: 'too long for the judge',
    })
    expect(compared.value.prompts[0]?.afterBefore).toMatchObject({
      outcome: 'tie',
      unreadable: expect.any(String),
    })
    expect(compared.value.prompts[1]?.afterBefore.unreadable).toBeUndefined()
  })

  test('is refused with a sentence where there is nothing to compare on', async () => {
    const all = await begin(0)
    expect(await finish(compare(all))).toMatchObject({
      ok: false,
      problems: [{ sentence: expect.stringMatching(/no held-out row.*Freeze again/) }],
    })
    expect(await finish(compare({ ...all, studentId: 'none' as StudentId }))).toMatchObject({
      ok: false,
      problems: [{ sentence: expect.stringMatching(/student is not stored any more/) }],
    })
    const mute = { ...DESCRIPTION, gives: { ...DESCRIPTION.gives, scores: false } }
    expect(
      await finish(
        compareStudents(all.machines, {
          projectId: all.projectId,
          studentId: all.studentId,
          teacher: mute,
          prompts: 5,
        }),
      ),
    ).toMatchObject({
      ok: false,
      problems: [{ sentence: expect.stringMatching(/Stand-in gives no probabilities/) }],
    })
  })
})
